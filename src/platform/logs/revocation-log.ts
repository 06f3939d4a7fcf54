import { mkdir, open } from 'node:fs/promises'
import path from 'node:path'
import type { Revocation } from '../../domain/revocation.ts'
import { revocationLine } from '../../domain/revocation.ts'
import type { RevocationLog } from './revocation-log.store.ts'

export type RevocationLogOptions = {
  /** The file, or `-` for standard output. */
  readonly file: string
  readonly log: { error(facts: object, message: string): void }
  /** Called for each write that failed. */
  readonly onFailure?: () => void
}

/** The usual sign for standard output. */
const standardOutput = '-'

/** Far more than a device may replace in the time in which its app repeats a call. */
const keysRememberedMax = 10_000

/** The thumbprints of replaced keys that were written; the oldest is forgotten first. */
class WrittenKeys {
  readonly #kids = new Set<string>()

  has(one: Revocation): boolean {
    return one.revocation === 'device_key_replaced' && this.#kids.has(one.kid)
  }

  add(one: Revocation): void {
    if (one.revocation !== 'device_key_replaced') return
    this.#kids.add(one.kid)
    const [oldest] = this.#kids.size > keysRememberedMax ? this.#kids : []
    if (oldest !== undefined) this.#kids.delete(oldest)
  }
}

async function write(file: string, text: string): Promise<void> {
  if (file === standardOutput) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()))
    })
    return
  }
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  // Opened for each append, so that log rotation needs no notification.
  await using handle = await open(file, 'a', 0o600)
  await handle.appendFile(text)
  await handle.datasync().catch((error: NodeJS.ErrnoException) => {
    // A pipe or a device cannot be synced to disk.
    if (error.code !== 'EINVAL') throw error
  })
}

/**
 * Appends JSON lines to a file and syncs them to disk before it resolves; calls are serialized, so
 * lines stay whole and in order. What cannot be written goes to the log of the process with all of
 * its facts, so that it is not lost.
 */
export function buildRevocationLog({ file, log, onFailure }: RevocationLogOptions): RevocationLog {
  let last: Promise<void> = Promise.resolve()
  // A line that an earlier process or a full disk cut off must not merge with the next one.
  let unclean = file !== standardOutput
  const writtenKeys = new WrittenKeys()

  async function append(all: readonly Revocation[]): Promise<void> {
    const revocations = all.filter((one) => !writtenKeys.has(one))
    // An empty list is a test of the file, and is carried out.
    if (revocations.length === 0 && all.length > 0) return
    const lines = revocations.map((one) => `${revocationLine(one)}\n`).join('')
    try {
      await write(file, unclean && lines !== '' ? `\n${lines}` : lines)
      for (const one of revocations) writtenKeys.add(one)
      unclean &&= lines === ''
    } catch (error) {
      unclean = true
      onFailure?.()
      log.error({ err: error, revocations }, 'revocation log not written')
    }
  }

  return {
    append(revocations) {
      last = last.then(() => append(revocations))
      return last
    },
  }
}
