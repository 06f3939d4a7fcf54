import { enrollPhone } from '../bench-phone.ts'
import { HttpConnection } from '../http-connection.ts'
import type { PageOptions } from '../options.ts'
import { findService, type ServiceProcesses } from '../process-time.ts'
import { RelyingParty } from '../relying-party.ts'
import { runSlice, type SideWorker, type Slice } from '../side.ts'
import { openStack } from '../target.ts'
import { createClient, openPrompt } from './open-prompt.ts'

/** The same number of slices of either kind; those of one turn have the same place. */
export type PageMeasurement = { readonly pages: readonly Slice[]; readonly lives: readonly Slice[] }

/** The service that is measured. */
export type PageTarget = {
  readonly processes: ServiceProcesses
  readonly origin: string
  readonly tenantId: string
  readonly relyingPartyId: string
  readonly key: string
}

/** Turns before those that count: code and caches are cold. */
const warmUpTurns = 2
const timeoutMs = 10_000

/** Starts a service, measures, and ends it. */
export async function measurePage(
  options: PageOptions,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<PageMeasurement> {
  await using stack = await openStack()
  const { apiKey: key, ...account } = stack.account
  const target = { processes: findService([]), ...account, key }
  return await measurePageOf(target, options, onError, stopping)
}

/** Loads pages of prompts that wait, and `GET /health/live`, by turns. */
export async function measurePageOf(
  target: PageTarget,
  options: PageOptions,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<PageMeasurement> {
  const { concurrency, slices, sliceSeconds: seconds } = options
  const { origin, tenantId, relyingPartyId, key } = target
  await using running = new AsyncDisposableStack()
  const party = new RelyingParty(origin, key)
  running.defer(() => party.close())
  const clientId = await createClient(party, relyingPartyId)
  const pageWorkers: SideWorker[] = []
  const liveWorkers: SideWorker[] = []
  for (let n = 0; n < concurrency && !stopping.aborted; n++) {
    const user = `page-${n}`
    const phone = await enrollPhone(party, user, 'apns', null)
    phone.close()
    const { path, cookie } = await openPrompt(origin, tenantId, clientId, user)
    pageWorkers.push(aLoader(origin, path, { accept: 'text/html', cookie }, 'class="code"'))
    liveWorkers.push(aLoader(origin, '/health/live', {}, ''))
  }
  running.defer(() => {
    for (const worker of [...pageWorkers, ...liveWorkers]) worker.close()
  })
  const slice = (workers: readonly SideWorker[]) =>
    runSlice({ side: target, workers, seconds, onError, stopping })
  const pages: Slice[] = []
  const lives: Slice[] = []
  for (let turn = 0; turn < warmUpTurns + slices && !stopping.aborted; turn++) {
    const early = turn % 2 === 0 ? await slice(liveWorkers) : null
    const ofPages = await slice(pageWorkers)
    const ofLives = early ?? (await slice(liveWorkers))
    if (turn < warmUpTurns || stopping.aborted) continue
    pages.push(ofPages)
    lives.push(ofLives)
  }
  return { pages, lives }
}

/** Loads one address again and again; fails where the answer does not have this text. */
function aLoader(
  origin: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  text: string,
): SideWorker {
  const connection = new HttpConnection(origin)
  return {
    async signIn() {
      const startedAt = performance.now()
      const { status, body } = await connection.call({ method: 'GET', target, headers, timeoutMs })
      if (status !== 200 || !body.includes(text)) throw new Error(`${target}: ${status}`)
      return { decision: performance.now() - startedAt }
    },
    close: () => connection.close(),
  }
}
