import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { anyPort } from '../demo/free-port.ts'
import { forget, type Stack, startStack } from '../demo/stack.ts'
import type { PushService } from '../simulator/push-service.ts'
import type { Provider } from '../simulator/pushes.ts'
import { DEFAULT_BUNDLE_ID } from '../simulator/simulator.ts'
import type { BenchOptions } from './options.ts'
import type { StartedFrom } from './start-cost.ts'

/** The measured service. */
export type Target = AsyncDisposable & {
  readonly origin: string
  readonly key: string
  /**
   * Null where nobody receives the service's pushes: phones then find their requests by polling.
   */
  readonly pushes: PushService | null
  /** Where a further process finds the same database; null for a service elsewhere. */
  readonly startedFrom: StartedFrom | null
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** The app of all phones. */
export const appId = DEFAULT_BUNDLE_ID

/** The service at `--url`, or one of its own. */
export async function openTarget({ service }: Pick<BenchOptions, 'service'>): Promise<Target> {
  if (service) {
    return {
      ...service,
      pushes: null,
      startedFrom: null,
      [Symbol.asyncDispose]: async () => undefined,
    }
  }
  const stack = await openStack()
  return {
    origin: stack.account.origin,
    key: stack.account.apiKey,
    pushes: stack.pushes,
    startedFrom: { dataFolder: stack.dataFolder, publicOrigin: stack.account.origin },
    async [Symbol.asyncDispose]() {
      await stack[Symbol.asyncDispose]()
    },
  }
}

/**
 * The service with its embedded database in a temporary folder and its default settings besides
 * `more`, and the push simulator in this process, where delivering a push to a phone costs no
 * further hop.
 */
export async function openStack(
  more: Readonly<Record<string, string>> = {},
): Promise<Stack & AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-bench-'))
  try {
    const options = { relyingParty: 'first', environment: more } as const
    const stack = await startStack(folder, await anyPort(), options)
    return {
      ...stack,
      async [Symbol.asyncDispose]() {
        await stack.stop()
        await forget(folder)
      },
    }
  } catch (error) {
    await forget(folder)
    throw error
  }
}

/** The push provider of the n-th worker's phone. */
export function providerOf(
  { platforms }: Pick<BenchOptions, 'platforms'>,
  worker: number,
): Provider {
  if (platforms === 'mixed') return worker % 2 === 0 ? 'apns' : 'fcm'
  return platforms === 'ios' ? 'apns' : 'fcm'
}
