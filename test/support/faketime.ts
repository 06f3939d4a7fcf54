import { globSync } from 'node:fs'

const [library] = globSync('/usr/lib/*/faketime/libfaketime.so.1')

/** True where a process can run with another wall clock than the machine's. */
export const isFaketimeHere = library !== undefined

/**
 * The environment of a process whose wall clock is off by so many seconds; its monotonic clock is
 * unaffected.
 */
export function clockOffBy(seconds: number): Record<string, string> {
  if (library === undefined) throw new Error('libfaketime is missing')
  const offset = `${seconds < 0 ? '' : '+'}${seconds}s`
  return { LD_PRELOAD: library, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1' }
}
