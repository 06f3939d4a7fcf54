import { expect, test } from 'vitest'
import { decideOrigin } from '../../src/domain/public-origin.ts'

const named = { origin: 'https://a.example', given: true }
const other = { origin: 'https://b.example', given: true }
const ofPort = { origin: 'http://localhost:8080', given: false }
const ofOther = { origin: 'http://localhost:8099', given: false }

test.each([
  [
    'the first start keeps the named one',
    null,
    named,
    { use: named.origin, keep: named, left: null },
  ],
  [
    'the first start keeps that of the port',
    null,
    ofPort,
    { use: ofPort.origin, keep: ofPort, left: null },
  ],
  ['the same changes nothing', named, named, { use: named.origin, keep: null, left: null }],
  [
    'the same of the port changes nothing',
    ofPort,
    ofPort,
    { use: ofPort.origin, keep: null, left: null },
  ],
  ['another named one contradicts', named, other, { contradicts: named.origin }],
  [
    'who names none takes the named one',
    named,
    ofPort,
    { use: named.origin, keep: null, left: null },
  ],
  [
    'that of another port takes the place of the former',
    ofPort,
    ofOther,
    { use: ofOther.origin, keep: ofOther, left: ofPort.origin },
  ],
  [
    'a named one takes the place of that of a port',
    ofPort,
    named,
    { use: named.origin, keep: named, left: ofPort.origin },
  ],
  [
    'that of the port is kept as named once somebody names it',
    ofPort,
    { ...ofPort, given: true },
    { use: ofPort.origin, keep: { ...ofPort, given: true }, left: null },
  ],
] as const)('%s', (_, known, own, decided) => {
  expect(decideOrigin(known, own)).toEqual(decided)
})
