// JavaScript, so that Node need not load what removes types (18 MB) before the cache is open.

import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import path from 'node:path'

/** Beside the libraries: whoever may write there may change the code itself. */
const ownFolder = path.resolve(import.meta.dirname, '../node_modules/.cache/countersign')

/**
 * Whether only root and the account of this process may write there, as far as its mode says.
 *
 * @param {string} folder
 */
function isOurs(folder) {
  if (process.platform === 'win32') return true
  const { uid, mode } = statSync(folder)
  return (uid === 0 || uid === process.getuid?.()) && (mode & 0o022) === 0
}

/**
 * Modules that are imported later are compiled once, without their types, and read from the cache by
 * the next start; Node compares each with its source. Where nothing may be written, what is there is
 * used. A folder that others may write to is not.
 */
export function keepCompiledCode(folder = ownFolder) {
  // Node makes a folder of its own within, for its version and the account.
  const umask = process.umask(0o022)
  try {
    mkdirSync(folder, { recursive: true })
  } catch {
    // It is on a read-only disk, or belongs to somebody else.
  }
  try {
    const within = readdirSync(folder).map((name) => path.join(folder, name))
    if ([folder, ...within].every(isOurs)) enableCompileCache(folder)
  } catch {
    // There is none.
  }
  process.umask(umask)
}
