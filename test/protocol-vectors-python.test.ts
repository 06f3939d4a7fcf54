// docs/test-vectors.json as a reader in Python understands it, which shares no code with this
// project and has both versions of the protocol.

import { execFileSync, spawnSync } from 'node:child_process'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import vectors from '../docs/test-vectors.json' with { type: 'json' }
import { notRun } from './support/programs.ts'

type Read = {
  readonly part: string
  readonly name: string
  readonly version1: string
  readonly version2: string
}
type Vector = {
  readonly name: string
  readonly expected: object
  readonly expectedOfVersion1?: object
}

const reader = path.join(import.meta.dirname, 'support', 'read_vectors.py')
const file = path.join(import.meta.dirname, '..', 'docs', 'test-vectors.json')

const outcomeOf = (expectation: object) =>
  'refused' in expectation ? String(expectation.refused) : 'ok'

const python = ['/usr/bin/python3', 'python3'].find(
  (one) => spawnSync(one, ['-c', 'import cryptography']).status === 0,
)

if (python) {
  const readings = execFileSync(python, [reader, file], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Read)

  describe.each([
    ['requests', vectors.requests],
    ['claims', vectors.claims],
    ['keyRotations', vectors.keyRotations],
    ['passkeys', vectors.passkeys],
    ['passkeyClaims', vectors.passkeyClaims],
    ['passkeyAnswers', vectors.passkeyAnswers],
    ['results', vectors.results],
  ] as const)('an independent reader agrees about %s', (part, all: readonly Vector[]) => {
    test('of version 2, and of version 1', () => {
      const own = readings.filter((one) => one.part === part)
      const expectations = all.map(({ name, expected, expectedOfVersion1 = expected }) => ({
        part,
        name,
        version1: outcomeOf(expectedOfVersion1),
        version2: outcomeOf(expected),
      }))
      expect(own).toEqual(expectations)
    })
  })

  test('a reader of version 1 and one of version 2 differ where they should', () => {
    const differing = readings.filter((one) => one.version1 !== one.version2)
    expect(differing.length).toBeGreaterThan(10)
    for (const { name } of differing) expect(name).toMatch(/version/)
  })
} else notRun('python3 with cryptography', 'python3-cryptography', 'COUNTERSIGN_TEST_CRYPTOGRAPHY')
