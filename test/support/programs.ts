import { existsSync } from 'node:fs'
import path from 'node:path'

const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']

/** Where a program of the machine is; undefined when it has none. */
export function programOf(...names: readonly string[]): string | undefined {
  return names
    .flatMap((name) => places.map((place) => path.join(place, name)))
    .find((file) => existsSync(file))
}
