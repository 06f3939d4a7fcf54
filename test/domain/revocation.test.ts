import { describe, expect, test } from 'vitest'
import {
  buildRevocationSummary,
  type Revocation,
  readRevocation,
  revocationLine,
} from '../../src/domain/revocation.ts'

const id = <P extends string>(prefix: P) => `${prefix}_01jv9z3k8we2tvn4qh6yrx7b5c` as const
const tenantId = id('tnt')
const at = new Date('2026-11-22T10:00:00.123Z')
const device = { tenantId, userId: id('usr'), deviceId: id('dev'), at }
const integration = { tenantId, integrationId: id('int'), at }
const credential = {
  revocation: 'integration_credential_ended',
  ...integration,
  credentialId: id('icr'),
  endsAt: new Date('2026-11-23T10:00:00.456Z'),
} as const
const endpoint = { tenantId, rpId: id('rp'), endpointId: id('whe'), at }
/** The result of these lines, read in this order. */
function inForce(lines: readonly Revocation[]) {
  const words = buildRevocationSummary()
  for (const line of lines) words.add(line)
  return words.inForce()
}

const keyReplacement = {
  revocation: 'device_key_replaced',
  ...device,
  kid: 'k'.repeat(43),
} as const
const unregistration = { revocation: 'device_unregistered', ...device, reason: 'lost' } as const

describe('a line of the revocation log', () => {
  test('begins with its kind, so that it can be found among other lines', () => {
    expect(revocationLine(unregistration)).toMatch(/^\{"revocation":"device_unregistered",/)
  })

  test.each([
    unregistration,
    keyReplacement,
    { revocation: 'device_suspended', ...device } as const,
    { revocation: 'device_activated', ...device } as const,
    { revocation: 'user_suspended', tenantId, userId: id('usr'), at } as const,
    { revocation: 'user_activated', tenantId, userId: id('usr'), at } as const,
    { revocation: 'api_key_revoked', tenantId, keyId: id('key'), at } as const,
    { revocation: 'integration_removed', ...integration } as const,
    { revocation: 'integration_paused', ...integration } as const,
    { revocation: 'integration_activated', ...integration } as const,
    credential,
    { revocation: 'webhook_endpoint_removed', ...endpoint } as const,
    { revocation: 'webhook_endpoint_paused', ...endpoint } as const,
    { revocation: 'webhook_endpoint_activated', ...endpoint } as const,
  ])('is read as it was written: $revocation', (one) => {
    expect(readRevocation(revocationLine(one))).toEqual(one)
  })

  test('may contain unknown members', () => {
    const line = revocationLine(unregistration).replace('{', '{"more":1,')
    expect(readRevocation(line)).toEqual(unregistration)
  })

  const without = (changes: object) => JSON.stringify({ ...unregistration, ...changes })
  test.each([
    ['', 'nothing'],
    ['{"revocation":"device_unreg', 'cut off'],
    ['null', 'no object'],
    ['[]', 'a list'],
    [without({ revocation: 'device_forgotten' }), 'of an unknown kind'],
    [without({ reason: 'whim' }), 'with an unknown reason'],
    [without({ reason: 'toString' }), 'with a reason that every object has'],
    [without({ tenantId: 'tnt_x' }), 'with a malformed tenant'],
    [without({ tenantId: undefined }), 'without a tenant'],
    [without({ deviceId: id('usr') }), 'with another kind of id'],
    [without({ userId: 7 }), 'with a number for an id'],
    [without({ at: 'yesterday' }), 'without a time'],
    [without({ at: 5 }), 'with a number for a time'],
    [without({ revocation: 'api_key_revoked' }), 'of a key without its id'],
    [without({ revocation: 'device_key_replaced' }), 'of a replaced key without its thumbprint'],
    [
      JSON.stringify({ ...keyReplacement, kid: `${keyReplacement.kid}k` }),
      'of a replaced key with another thumbprint',
    ],
    [without({ revocation: 'toString' }), 'of a kind that every object has'],
    [without({ revocation: 'integration_removed' }), 'of an integration without its id'],
    [
      JSON.stringify({ ...credential, credentialId: id('int') }),
      'of a credential under another id',
    ],
    [JSON.stringify({ ...credential, endsAt: 'soon' }), 'of a credential without its end'],
    [
      JSON.stringify({ revocation: 'webhook_endpoint_removed', ...endpoint, rpId: 7 }),
      'of a webhook endpoint without its relying party',
    ],
    [
      without({ revocation: 'user_suspended', userId: id('dev') }),
      'of a user under another kind of id',
    ],
  ])('is rejected when it is %j: %s', (line) => {
    expect(readRevocation(line)).toBeUndefined()
  })
})

test('lines about different users, devices and keys do not affect one another', () => {
  const lines = [
    { revocation: 'api_key_revoked', tenantId, keyId: id('key'), at },
    { revocation: 'user_suspended', tenantId, userId: id('usr'), at },
    unregistration,
    keyReplacement,
    { revocation: 'webhook_endpoint_removed', ...endpoint },
  ] as const
  expect(inForce(lines)).toEqual(lines)
})

describe('of the lines about one thing', () => {
  const later = new Date(at.getTime() + 1000)
  const endsAt = new Date(at.getTime() + 5000)
  const credentialEnd = { ...credential, endsAt } as const
  const onceMore = <R extends Revocation>(one: R): R => ({ ...one, at: later })

  test('the last one counts', () => {
    const [pause, activation] = [
      { revocation: 'integration_paused', ...integration },
      { revocation: 'integration_activated', ...integration },
    ] as const
    expect(inForce([onceMore(activation), pause])).toEqual([])
    expect(inForce([onceMore(pause), activation])).toEqual([onceMore(pause)])
  })

  test.each([
    [
      { revocation: 'integration_removed', ...integration },
      { revocation: 'integration_activated', ...integration },
    ],
    [
      { revocation: 'webhook_endpoint_removed', ...endpoint },
      { revocation: 'webhook_endpoint_activated', ...endpoint },
    ],
  ] as const)('nothing comes after $revocation', (removal, activation) => {
    expect(inForce([onceMore(activation), removal])).toEqual([removal])
  })

  test('a credential ends at the earliest time among them', () => {
    const sooner = { ...credentialEnd, endsAt: later }
    expect(inForce([credentialEnd, onceMore(sooner)])).toEqual([onceMore(sooner)])
    expect(inForce([sooner, onceMore(credentialEnd)])).toEqual([sooner])
  })

  test('lines about its credentials are independent of it', () => {
    const removal = { revocation: 'integration_removed', ...integration } as const
    expect(inForce([credentialEnd, removal])).toEqual([credentialEnd, removal])
  })
})
