// The values of the variables, and their faults.

import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import type { variables } from './config-variables.ts'

/** The parsed value of each variable. */
export type Values = {
  readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name]>
}

/**
 * The faults so far; a check for missing variables first asks whether the variable is merely
 * invalid.
 */
export class Faults {
  readonly lines: string[] = []
  readonly #names = new Set<string>()

  add(name: string, message: string): void {
    this.#names.add(name)
    this.lines.push(`${name}: ${message}`)
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }
}

/**
 * The text of a variable, or of the file that its companion variable names; setting both is a
 * fault.
 */
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
    // Without the path: the operator may have put the key itself there.
    faults.add(file, 'names no file that can be read')
    return undefined
  }
}
