import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

/**
 * The master key kept in the data folder, made at the first start (mode 0600). Two processes that start at once end up with
 * the same key: one of them writes it. Throws when the file holds anything else than a key.
 */
export async function masterKeyIn(folder: string): Promise<Buffer> {
  const file = path.join(folder, 'master.key')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const fresh = randomBytes(32).toString('base64url')
  await writeFile(file, `${fresh}\n`, { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
  const key = Buffer.from((await readFile(file, 'utf8')).trim(), 'base64url')
  if (key.length === 32) return key
  throw new Error(
    `${file} does not hold a master key of 32 bytes. Restore it from your backup: without it nothing that was sealed can be opened.`,
  )
}
