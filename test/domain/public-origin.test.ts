import { expect, test } from 'vitest'
import { decideOrigin } from '../../src/domain/public-origin.ts'

const named = { origin: 'https://a.example', isConfigured: true }
const other = { origin: 'https://b.example', isConfigured: true }
const ofPort = { origin: 'http://localhost:8080', isConfigured: false }
const ofOther = { origin: 'http://localhost:8099', isConfigured: false }

test.each([
  [
    'the first start keeps the named one',
    null,
    named,
    { use: named.origin, originToStore: named, replacedOrigin: null },
  ],
  [
    'the first start keeps that of the port',
    null,
    ofPort,
    { use: ofPort.origin, originToStore: ofPort, replacedOrigin: null },
  ],
  [
    'the same changes nothing',
    named,
    named,
    { use: named.origin, originToStore: null, replacedOrigin: null },
  ],
  [
    'the same of the port changes nothing',
    ofPort,
    ofPort,
    { use: ofPort.origin, originToStore: null, replacedOrigin: null },
  ],
  ['another named one contradicts', named, other, { contradicts: named.origin }],
  [
    'who names none takes the named one',
    named,
    ofPort,
    { use: named.origin, originToStore: null, replacedOrigin: null },
  ],
  [
    'that of another port takes the place of the former',
    ofPort,
    ofOther,
    { use: ofOther.origin, originToStore: ofOther, replacedOrigin: ofPort.origin },
  ],
  [
    'a named one takes the place of that of a port',
    ofPort,
    named,
    { use: named.origin, originToStore: named, replacedOrigin: ofPort.origin },
  ],
  [
    'that of the port is kept as named once somebody names it',
    ofPort,
    { ...ofPort, isConfigured: true },
    { use: ofPort.origin, originToStore: { ...ofPort, isConfigured: true }, replacedOrigin: null },
  ],
] as const)('%s', (_, known, own, decided) => {
  expect(decideOrigin(known, own)).toEqual(decided)
})
