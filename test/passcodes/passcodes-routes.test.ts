import { describe, expect, it } from 'vitest'
import { refuse } from '../../src/domain/refusal.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { anApp, anId, at, bearer } from '../platform/http/fixtures.ts'

const users = `/v1/users/${anId('user')}`

async function call(
  method: 'GET' | 'POST',
  path: string,
  useCases: Partial<UseCases>,
  payload?: object,
) {
  await using app = await anApp(useCases)
  return app.inject({
    method,
    url: `${users}${path}`,
    headers: bearer,
    ...(payload && { payload }),
  })
}

describe('POST /v1/users/{userId}/passcodes/verify', () => {
  const code = '492039'

  it('200 with the result', async () => {
    const commands: unknown[] = []
    const acceptance = { method: 'passcode', recoveryCodesLeft: 3, result: 'a.b.c' } as const
    const verifyPasscode: UseCases['verifyPasscode'] = async (_principal, command) => {
      commands.push(command)
      return acceptance
    }
    const binding = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is'
    const answer = await call('POST', '/passcodes/verify', { verifyPasscode }, { code, binding })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual(acceptance)
    expect(commands).toEqual([{ code, binding, userId: anId('user') }])
  })

  it.each([
    [{ browserId: 'b7c1f0a4d2' }, { kind: 'browser', id: 'b7c1f0a4d2' }],
    [{ ip: '203.0.113.77' }, { kind: 'network', prefix: '203.0.113.0/24' }],
    [{ ip: '::ffff:203.0.113.77' }, { kind: 'network', prefix: '203.0.113.0/24' }],
    [{ ip: '2001:db8:1:2::3' }, { kind: 'network', prefix: '2001:db8:1:0:0:0:0:0/48' }],
    [
      { browserId: 'b7c1f0a4d2', ip: '203.0.113.77' },
      { kind: 'browser', id: 'b7c1f0a4d2' },
    ],
    [{}, undefined],
  ])('the initiator %j is %j', async (initiator, expectedInitiator) => {
    const initiators: unknown[] = []
    const verifyPasscode: UseCases['verifyPasscode'] = async (_principal, command) => {
      initiators.push(command.initiator)
      return refuse('passcode_wrong')
    }
    await call('POST', '/passcodes/verify', { verifyPasscode }, { code, initiator })
    expect(initiators).toEqual([expectedInitiator])
  })

  it.each([
    {},
    { code: 492039 },
    { code: '' },
    { code: '1'.repeat(129) },
    { code, binding: 'short' },
    { code, initiator: { browserId: 'short' } },
    { code, initiator: { ip: '203.0.113' } },
    { code, initiator: { network: '203.0.113.0/24' } },
    { code, accepted: true },
  ])('400 for %j, which costs no attempt', async (payload) => {
    const answer = await call('POST', '/passcodes/verify', {}, payload)
    expect(answer.statusCode).toBe(400)
  })

  it.each([
    ['passcode_wrong', 422],
    ['passcode_used', 422],
    ['passcode_expired', 422],
    ['passcodes_not_allowed', 403],
    ['not_found', 404],
  ] as const)('%s is %i', async (refusalCode, status) => {
    const verifyPasscode = async () => refuse(refusalCode)
    const answer = await call('POST', '/passcodes/verify', { verifyPasscode }, { code })
    expect(answer.statusCode).toBe(status)
    expect(answer.json().code).toBe(refusalCode)
  })

  it('429 says who is locked, and until when', async () => {
    const verifyPasscode = async () =>
      refuse('passcode_locked', { retryAfterSeconds: 900, facts: { lockedBy: 'initiator' } })
    const answer = await call('POST', '/passcodes/verify', { verifyPasscode }, { code })
    expect(answer.statusCode).toBe(429)
    expect(answer.headers['retry-after']).toBe('900')
    expect(answer.json().lockedBy).toBe('initiator')
  })
})

it('GET /v1/users/{userId}/passcodes lists the possible methods', async () => {
  const factors = {
    otherFactors: ['temporary_code', 'recovery_code'],
    passcodeDevices: 0,
    recoveryCodesLeft: 10,
  } as const
  const readOtherFactors = async () => ({ ...factors, temporaryCodeExpiresAt: at })
  const answer = await call('GET', '/passcodes', { readOtherFactors })
  expect(answer.json()).toEqual({ ...factors, temporaryCodeExpiresAt: at.toISOString() })
})

it('POST /v1/users/{userId}/recovery-codes shows the codes', async () => {
  const codes = ['7K3Q-M9TX-2R8B-0VWD']
  const reply = await call(
    'POST',
    '/recovery-codes',
    { createRecoveryCodes: async () => codes },
    {},
  )
  expect([reply.statusCode, reply.json()]).toEqual([201, { codes }])
})

describe('POST /v1/users/{userId}/temporary-codes', () => {
  it.each([
    [{}, 3600],
    [{ ttlSeconds: 86_400 }, 86_400],
  ])('201 for %j: good for %i s', async (payload, ttlSeconds) => {
    const calls: unknown[] = []
    const createTemporaryCode: UseCases['createTemporaryCode'] = async (_principal, ...rest) => {
      calls.push(...rest)
      return { code: '7K3Q-M9TX-2R8B-0VWD', expiresAt: at }
    }
    const answer = await call(
      'POST',
      '/temporary-codes',
      { createTemporaryCode: createTemporaryCode },
      payload,
    )
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toEqual({ code: '7K3Q-M9TX-2R8B-0VWD', expiresAt: at.toISOString() })
    expect(calls).toEqual([anId('user'), ttlSeconds])
  })

  it.each([299, 86_401, 3600.5, '3600'])('400 for %j seconds', async (ttlSeconds) => {
    const answer = await call('POST', '/temporary-codes', {}, { ttlSeconds })
    expect(answer.statusCode).toBe(400)
  })
})
