import { expect, test } from 'vitest'
import { decideOrigin } from '../../src/domain/public-origin.ts'

const configuredOrigin = { origin: 'https://a.example', isConfigured: true }
const other = { origin: 'https://b.example', isConfigured: true }
const ofPort = { origin: 'http://localhost:8080', isConfigured: false }
const ofOther = { origin: 'http://localhost:8099', isConfigured: false }

test.each([
  [
    'the first start stores the configured one',
    null,
    configuredOrigin,
    { use: configuredOrigin.origin, originToStore: configuredOrigin, replacedOrigin: null },
  ],
  [
    'the first start stores that of the port',
    null,
    ofPort,
    { use: ofPort.origin, originToStore: ofPort, replacedOrigin: null },
  ],
  [
    'the same changes nothing',
    configuredOrigin,
    configuredOrigin,
    { use: configuredOrigin.origin, originToStore: null, replacedOrigin: null },
  ],
  [
    'the same of the port changes nothing',
    ofPort,
    ofPort,
    { use: ofPort.origin, originToStore: null, replacedOrigin: null },
  ],
  [
    'another configured one is a conflict',
    configuredOrigin,
    other,
    { contradicts: configuredOrigin.origin },
  ],
  [
    'without a configured one the stored one is used',
    configuredOrigin,
    ofPort,
    { use: configuredOrigin.origin, originToStore: null, replacedOrigin: null },
  ],
  [
    'that of another port replaces the former',
    ofPort,
    ofOther,
    { use: ofOther.origin, originToStore: ofOther, replacedOrigin: ofPort.origin },
  ],
  [
    'a configured one replaces that of a port',
    ofPort,
    configuredOrigin,
    {
      use: configuredOrigin.origin,
      originToStore: configuredOrigin,
      replacedOrigin: ofPort.origin,
    },
  ],
  [
    'that of the port is stored as configured when it is configured',
    ofPort,
    { ...ofPort, isConfigured: true },
    { use: ofPort.origin, originToStore: { ...ofPort, isConfigured: true }, replacedOrigin: null },
  ],
] as const)('%s', (_, storedOrigin, own, decision) => {
  expect(decideOrigin(storedOrigin, own)).toEqual(decision)
})
