import { mkdir, open } from 'node:fs/promises'
import path from 'node:path'
import type { Revocation } from '../domain/revocation.ts'
import { revocationLine } from '../domain/revocation.ts'
import type { RevocationLog } from '../ports/revocation-log.ts'

export type RevocationLogOptions = {
  /** The file, or `-` for standard output. */
  readonly file: string
  readonly log: { error(facts: object, message: string): void }
  /** Told of each write that failed. */
  readonly failed?: () => void
}

/** The sign for standard output, as programs have it. */
const standardOutput = '-'

async function write(file: string, text: string): Promise<void> {
  if (file === standardOutput) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()))
    })
    return
  }
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  // Opened for each append: whoever rotates the file need not tell us.
  await using handle = await open(file, 'a', 0o600)
  await handle.appendFile(text)
  await handle.datasync().catch((error: NodeJS.ErrnoException) => {
    // A pipe or a device has nothing to be brought to the disk.
    if (error.code !== 'EINVAL') throw error
  })
}

/**
 * Appends JSON lines to a file and brings them to the disk before it resolves; calls take turns, so lines stay whole and in order. What
 * cannot be written goes to the log of the process, facts and all, so that it is not lost even then.
 */
export function createRevocationLog({ file, log, failed }: RevocationLogOptions): RevocationLog {
  let last: Promise<void> = Promise.resolve()
  // A line that an earlier process or a full disk cut off must not swallow the next one.
  let unclean = file !== standardOutput

  async function append(revocations: readonly Revocation[]): Promise<void> {
    const lines = revocations.map((one) => `${revocationLine(one)}\n`).join('')
    try {
      await write(file, unclean && lines !== '' ? `\n${lines}` : lines)
      unclean &&= lines === ''
    } catch (error) {
      unclean = true
      failed?.()
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
