import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import path from 'node:path'

/**
 * The master key in the data folder, created at the first start (mode 0600). Two processes that
 * start concurrently end up with the same key: one of them writes it. Throws when the file contains
 * anything but a key.
 */
export async function masterKeyIn(folder: string): Promise<Buffer> {
  const file = path.join(folder, 'master.key')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (!existsSync(file)) await createKey(file)
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read (${cause.code}): it must be a file of this user.`, {
      cause,
    })
  })
  const key = Buffer.from(text.trim(), 'base64url')
  if (key.length === 32) return key
  throw new Error(
    `${file} does not hold a master key of 32 bytes. Restore it from your backup: ` +
      'without it nothing that was sealed can be opened.',
  )
}

/**
 * The file appears complete or not at all and never replaces another: two concurrent first starts
 * end up with one key.
 */
async function createKey(file: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`
  await writeFile(aside, `${randomBytes(32).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 })
  try {
    await link(aside, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(aside)
  }
}
