// The apps of web/ as `npm run build:web` leaves them.

import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'

const folder = path.resolve(import.meta.dirname, '../../../web/dist')
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
}

/** A file that browsers may load. */
export type BuiltFile = {
  /** Its path within the build, with slashes. */
  readonly name: string
  readonly path: string
  readonly type: string
}

/** The folder of the build; null where nothing was built, and there is nothing to serve. */
export function builtFolder(): string | null {
  return existsSync(path.join(folder, 'index.html')) ? folder : null
}

/** Every file of a build that browsers load; what it is known by, is not among them. */
export function listBuiltFiles(from: string): BuiltFile[] {
  return readdirSync(from, { recursive: true, encoding: 'utf8' }).flatMap((entry) => {
    const type = types[path.extname(entry)]
    const name = entry.split(path.sep).join('/')
    return type === undefined ? [] : [{ name, path: path.join(from, entry), type }]
  })
}
