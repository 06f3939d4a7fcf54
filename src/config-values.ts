// The variables as they were given, and what is wrong with them.

import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import type { variables } from './config-variables.ts'

/** What was read of each variable. */
export type Values = {
  readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name]>
}

/** What is wrong so far; who looks for what is missing asks first whether it was merely wrong. */
export class Faults {
  readonly lines: string[] = []
  readonly #names = new Set<string>()

  add(name: string, words: string): void {
    this.#names.add(name)
    this.lines.push(`${name}: ${words}`)
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }
}

/** The text of a variable, or of the file that its companion names; both together are a fault. */
export function readText(
  values: Values,
  inline: 'APNS_KEY' | 'FCM_SERVICE_ACCOUNT' | null,
  file: Extract<keyof Values, `${string}_FILE`>,
  faults: Faults,
): string | undefined {
  const text = inline === null ? undefined : values[inline]
  const path = values[file]
  if (text !== undefined && path !== undefined)
    faults.add(`${inline}`, `set it or ${file}, not both`)
  if (path === undefined) return text
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Without the path: somebody may have put the key itself there.
    faults.add(file, 'names no file that can be read')
    return undefined
  }
}
