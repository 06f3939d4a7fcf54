import { messageOf } from '../../src/service/start-fault.ts'
import { announce, startFromEnvironment } from '../../src/service/start-from-environment.ts'
import { printable } from '../../src/service/terminal.ts'

/** A start of the service in this process, as `src/main.ts` makes one. */
export type ServiceStart = AsyncDisposable & {
  /** 1 for a start that failed: then nothing of it runs. */
  readonly code: 0 | 1
  /** What it printed, without its log. */
  readonly stdout: string
  /** Why it failed. */
  readonly stderr: string
  /** Empty for a worker, and for a start that failed. */
  readonly origin: string
}

/** Starts the service with only these variables, and stops it when the result is disposed of. */
export async function startHere(
  environment: Readonly<Record<string, string>>,
): Promise<ServiceStart> {
  let stdout = ''
  const say = async (lines: readonly string[]) => {
    stdout += `${lines.join('\n')}\n`
  }
  try {
    const start = await startFromEnvironment({ LOG_LEVEL: 'silent', ...environment }, say)
    await announce(start, say)
    const { service } = start
    return {
      code: 0,
      stdout,
      stderr: '',
      origin: service.address ?? '',
      [Symbol.asyncDispose]: () => service.stop(),
    }
  } catch (error) {
    const stderr = `${printable(messageOf(error))}\n`
    return { code: 1, stdout, stderr, origin: '', [Symbol.asyncDispose]: async () => undefined }
  }
}
