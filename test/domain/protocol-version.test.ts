import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type RequestFacts, requestPayload } from '../../src/domain/approval-request.ts'
import {
  type ChallengeContext,
  mustShowPaths,
  mustShowSince,
  versionNeeded,
} from '../../src/domain/challenge-context.ts'
import {
  checkProtocolVersion,
  isProtocolVersion,
  newestVersion,
  spokenVersion,
} from '../../src/domain/protocol-version.ts'
import { challengeId, deviceId, jti, later, tenantId, userId } from './examples.ts'

const transaction = { amount: '129.90', currency: 'EUR', payee: 'Bookshop' }

const contexts: fc.Arbitrary<ChallengeContext> = fc.record(
  {
    application: fc.string(),
    action: fc.string(),
    ip: fc.constant('192.0.2.7'),
    location: fc.string(),
    userAgent: fc.string(),
    fields: fc.array(fc.record({ label: fc.string(), value: fc.string() }), { maxLength: 3 }),
    transaction: fc.constant(transaction),
  },
  { requiredKeys: [] },
)

const factsFor = (context: ChallengeContext, protocolVersion: number, digits: number | null) =>
  ({
    issuer: 'https://push.example.com/t/tnt',
    tenantId,
    challengeId,
    deviceId,
    userId,
    jti,
    nonce: 'n'.repeat(43),
    relyingPartyName: 'Payroll',
    context,
    numberMode: digits === null ? 'none' : 'service',
    numberDigits: digits,
    callerNumber: null,
    userVerification: 'preferred',
    returnUrl: null,
    createdAt: later(0),
    expiresAt: later(120),
    protocolVersion,
  }) satisfies RequestFacts

const payloadOf = (...facts: Parameters<typeof factsFor>) =>
  JSON.parse(requestPayload(factsFor(...facts))) as Record<string, unknown>

const firstMembers = 'aud cid ctx exp iat iss jti nonce number sub tid uv'.split(' ')
const digits = fc.constantFrom(6, null)

test('a request of the first version has exactly the members of its first day', () => {
  fc.assert(
    fc.property(contexts, digits, (context, count) => {
      expect(Object.keys(payloadOf(context, 1, count)).toSorted()).toEqual(firstMembers)
    }),
  )
})

test('from the second version on a request names its version, and every path that must be shown', () => {
  let withTransaction = 0
  fc.assert(
    fc.property(contexts, digits, (context, count) => {
      const { ver, must, ...others } = payloadOf(context, 2, count)
      expect(ver).toBe(2)
      expect(Object.keys(others).toSorted()).toEqual(firstMembers)
      const ctxPaths = Object.keys(others.ctx as object).map((name) => `ctx.${name}`)
      expect((must as string[]).toSorted()).toEqual(
        [...ctxPaths, ...(count === null ? [] : ['number'])].toSorted(),
      )
      if (context.transaction) withTransaction++
    }),
  )
  expect(withTransaction).toBeGreaterThan(10)
})

test('where to go after the answer is signed from the second version on, and need not be shown', () => {
  const returnUrl = 'https://bank.example.com/back'
  const payloadAt = (version: number) =>
    JSON.parse(requestPayload({ ...factsFor({}, version, 6), returnUrl })) as object
  expect(payloadAt(1)).not.toHaveProperty('returnUrl')
  expect(payloadAt(2)).toMatchObject({ returnUrl, must: ['ctx.relyingParty', 'number'] })
})

test('only what the first version knew may be asked of devices that speak it', () => {
  fc.assert(
    fc.property(contexts, (context) => {
      expect(versionNeeded(context)).toBe(context.transaction ? 2 : 1)
    }),
  )
  expect(versionNeeded({})).toBe(1)
})

test('every path that must be shown came with a version that the service speaks', () => {
  const versions = Object.values(mustShowSince)
  expect(Math.min(...versions)).toBe(1)
  expect(Math.max(...versions)).toBeLessThanOrEqual(newestVersion)
  expect(mustShowPaths({ transaction }, true)).toEqual([
    'ctx.relyingParty',
    'ctx.transaction',
    'number',
  ])
})

test('a device that is newer than the service is spoken to in the newest that both know', () => {
  expect([1, 2, 3, 1000].map((protocolVersion) => spokenVersion({ protocolVersion }))).toEqual([
    1, 2, 2, 2,
  ])
})

test('a version is a whole number from 1 to 1000', () => {
  expect([1, 2, 1000].every(isProtocolVersion)).toBe(true)
  for (const value of [0, -1, 1001, 1.5, Number.NaN, '2', null, true, [2], {}]) {
    expect(isProtocolVersion(value)).toBe(false)
  }
})

test('a device below the minimum of its tenant is refused, with the minimum', () => {
  const check = (protocolVersion: number, protocolVersionMin: number) =>
    checkProtocolVersion({ protocolVersion }, { protocolVersionMin })
  expect([check(1, 1), check(2, 1), check(2, 2), check(3, 2)]).toEqual(Array(4).fill(undefined))
  expect(check(1, 2)).toEqual({
    refused: 'protocol_too_old',
    facts: { minimumProtocolVersion: 2 },
  })
})
