import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']

const placesOf = (names: readonly string[]) =>
  names
    .flatMap((name) => places.map((place) => path.join(place, name)))
    .filter((file) => existsSync(file))

/** Where a program of the machine is; undefined when it has none. */
export function programOf(...names: readonly string[]): string | undefined {
  return placesOf(names)[0]
}

/** A Node of this machine of that major version; undefined when it has none. */
export function nodeOf(major: number): string | undefined {
  return placesOf(['node']).find((file) =>
    execFileSync(file, ['--version'], { encoding: 'utf8' }).startsWith(`v${major}.`),
  )
}

/**
 * Stands for the tests that need a program which this machine has not: one skipped test, so that
 * what was not run is counted apart from what passed. CI sets the variable `requiredBy` where it
 * has installed the program, so that it cannot pass without it.
 */
export function notRun(program: string, packages: string, requiredBy?: string): void {
  skipBecause(`${program} is missing (apt-get install ${packages})`, () => {
    if (requiredBy) expect(process.env[requiredBy], `${program} must be here`).toBeUndefined()
  })
}

/** The same for tests that only root can run. */
export function notRunWithoutRoot(): void {
  skipBecause('it takes root')
}

function skipBecause(reason: string, check?: () => void): void {
  const title = `NOT RUN on this machine: ${reason}`
  test(title, ({ skip }) => {
    check?.()
    // The reporter names no skipped test, and .ci/run lists what was not run.
    process.stderr.write(`${title}\n`)
    skip()
  })
}
