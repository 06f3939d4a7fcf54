import { describe, expect, it } from 'vitest'
import { refuse } from '../../src/domain/refusal.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import type { StoredSigningKey } from '../../src/tenants/directory.store.ts'
import { aDevice, anApp, anId, at, proof } from '../platform/http/fixtures.ts'

const one = `/device/v1/challenges/${anId('challenge')}`

async function call(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  useCases: Partial<UseCases>,
  payload?: object,
) {
  await using app = await anApp(useCases)
  const headers = { 'device-proof': 'proof' }
  return app.inject({ method, url, headers, ...(payload && { payload }) })
}

/** A use case that records its arguments. */
function recording<T>(result: T) {
  const calls: unknown[][] = []
  const useCase = async (...args: unknown[]) => {
    calls.push(args)
    return result
  }
  return { calls, useCase }
}

const publicJwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } as const
const signingKeys: StoredSigningKey[] = [
  { kid: 'new', seq: 2, status: 'active', publicJwk, linkJws: 'link' },
  { kid: 'old', seq: 1, status: 'retired', publicJwk, linkJws: null },
]

describe('POST /device/v1/enrollments/claim', () => {
  const coordinate = 'A'.repeat(43)
  const key = { kty: 'EC', crv: 'P-256', x: coordinate, y: coordinate }
  const claim = {
    tenantId: anId('tenant'),
    code: '7K3QM-9TX2R',
    user: 'ada@example.com',
    appId: 'com.example.auth',
    device: { name: 'Phone', platform: 'ios', model: 'x', osVersion: '1', appVersion: '1' },
    keys: { possession: key },
    proofs: { possession: 'a.b.c' },
    push: { provider: 'apns', token: 'ab'.repeat(32) },
  }

  it.each([
    [true, 'unconfirmed', { digits: 6 }],
    [false, 'active', null],
  ] as const)('201 when confirmation is %s', async (confirmationRequired, status, confirmation) => {
    const { calls, useCase } = recording({
      device: aDevice({ status }),
      confirmationRequired,
      tenantName: 'Example',
      userName: 'Ada Lovelace',
      issuer: 'https://countersign.example/t/x',
      signingKeys,
      passcode: confirmationRequired ? { secret: 'MFRGGZDF', digits: 8 } : null,
    })
    await using app = await anApp({ claimEnrollment: useCase })
    const answer = await app.inject({
      method: 'POST',
      url: '/device/v1/enrollments/claim',
      payload: claim,
    })
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toEqual({
      deviceId: anId('device'),
      userId: anId('user'),
      status,
      issuer: 'https://countersign.example/t/x',
      tenant: { id: anId('tenant'), name: 'Example' },
      user: { id: anId('user'), displayName: 'Ada Lovelace' },
      keySet: {
        seq: 2,
        keys: [
          { ...publicJwk, kid: 'new' },
          { ...publicJwk, kid: 'old' },
        ],
      },
      confirmation,
      passcode: confirmationRequired
        ? { secret: 'MFRGGZDF', algorithm: 'SHA256', digits: 8, period: 30 }
        : null,
    })
    const push = { ...claim.push, environment: 'production' }
    expect(calls).toEqual([[{ ...claim, push }]])
  })
})

describe('POST /device/v1/enrollments/confirm', () => {
  it('200 when the number is right', async () => {
    const { calls, useCase } = recording({ status: 'active' } as const)
    const url = '/device/v1/enrollments/confirm'
    const answer = await call('POST', url, { confirmEnrollment: useCase }, { number: '048392' })
    expect(answer.json()).toEqual({ status: 'active' })
    expect(calls).toEqual([[proof, '048392']])
  })

  it.each([{ number: 48392 }, { number: '48392' }, { number: '٤٨٣٩٢' }, { number: '+48392' }])(
    '400 for %j, which costs no attempt',
    async (payload) => {
      const answer = await call('POST', '/device/v1/enrollments/confirm', {}, payload)
      expect(answer.statusCode).toBe(400)
    },
  )

  it('422 with the attempts that are left when it is wrong', async () => {
    const confirmEnrollment = async () => refuse('wrong_number', { facts: { wrongNumbersLeft: 2 } })
    const url = '/device/v1/enrollments/confirm'
    const answer = await call('POST', url, { confirmEnrollment }, { number: '048392' })
    expect(answer.statusCode).toBe(422)
    expect(answer.json()).toMatchObject({ code: 'wrong_number', wrongNumbersLeft: 2 })
  })
})

describe('challenges of a device', () => {
  it('challenges of a device are returned with the time of the service', async () => {
    const item = { challengeId: anId('challenge'), request: 'a.b.c', returnUrl: null }
    const answer = await call('GET', '/device/v1/challenges', {
      waitForChallenges: async () => ({ items: [item], state: 's' }),
    })
    expect(answer.json()).toEqual({
      items: [{ id: anId('challenge'), request: 'a.b.c' }],
      state: 's',
      serverTime: at.toISOString(),
    })
  })

  it('say beside the signed text where to go after the answer, where there is such a place', async () => {
    const returnUrl = 'https://bank.example.com/back'
    const item = { challengeId: anId('challenge'), request: 'a.b.c', returnUrl }
    const answer = await call('GET', '/device/v1/challenges', {
      waitForChallenges: async () => ({ items: [item], state: 's' }),
    })
    expect(answer.json().items).toEqual([{ id: anId('challenge'), request: 'a.b.c', returnUrl }])
  })

  it('are answered by a signed text that the route does not read', async () => {
    const { calls, useCase } = recording({ status: 'approved' } as const)
    const useCases = { answerChallenge: useCase }
    const answer = await call('POST', `${one}/answer`, useCases, { answer: 'd.e.f' })
    expect(answer.json()).toEqual({ status: 'approved' })
    expect(calls).toEqual([[proof, { challengeId: anId('challenge'), answer: 'd.e.f' }]])
  })

  it('report the challenge status next to the HTTP status when the number was wrong', async () => {
    const facts = { wrongNumbersLeft: 0, currentStatus: 'denied' }
    const answerChallenge = async () => refuse('wrong_number', { facts })
    const answer = await call('POST', `${one}/answer`, { answerChallenge }, { answer: 'd.e.f' })
    expect(answer.json()).toMatchObject({
      status: 422,
      wrongNumbersLeft: 0,
      currentStatus: 'denied',
    })
  })

  it('challenges of a device are receipted with 204 and no body', async () => {
    const { calls, useCase } = recording(undefined)
    const answer = await call('POST', `${one}/received`, { confirmReceipt: useCase })
    expect([answer.statusCode, answer.body]).toEqual([204, ''])
    expect(calls).toEqual([[proof, anId('challenge')]])
  })
})

describe('a device', () => {
  it('a device receives its own record when it reads and changes it', async () => {
    const answerability = { mayAnswer: false, whyNot: 'push_locked' } as const
    const readSelf = async () => ({ ...aDevice(), ...answerability })
    const read = await call('GET', '/device/v1/self', { readSelf })
    expect(read.json()).toMatchObject({ id: anId('device'), status: 'active', ...answerability })
    expect(read.json()).not.toHaveProperty('tenantId')
    const { calls, useCase } = recording(aDevice({ name: 'Tablet' }))
    const changes = { name: 'Tablet', osVersion: '17' }
    const change = await call('PATCH', '/device/v1/self', { updateSelf: useCase }, changes)
    expect(change.json()).toMatchObject({ name: 'Tablet' })
    expect(calls).toEqual([[proof, changes]])
  })

  it.each([{}, { status: 'active' }, { platform: 'ios' }])(
    '400 for the change %j',
    async (changes) => {
      const answer = await call('PATCH', '/device/v1/self', {}, changes)
      expect(answer.statusCode).toBe(400)
    },
  )

  it('a device unregisters itself or another with 204', async () => {
    const self = recording(undefined)
    const other = recording(undefined)
    const useCases = { unregisterSelf: self.useCase, unregisterOther: other.useCase }
    expect((await call('DELETE', '/device/v1/self', useCases)).statusCode).toBe(204)
    const url = `/device/v1/devices/${anId('device', '1')}`
    expect((await call('DELETE', url, useCases)).statusCode).toBe(204)
    expect([self.calls, other.calls]).toEqual([[[proof]], [[proof, anId('device', '1')]]])
  })

  it('a device replaces or removes a push token with 204', async () => {
    const { calls, useCase } = recording(undefined)
    const useCases = { rotatePushToken: useCase }
    const token = 'ab'.repeat(32)
    const push = { provider: 'apns', token, environment: 'sandbox' }
    expect((await call('PUT', '/device/v1/push-token', useCases, { push })).statusCode).toBe(204)
    expect((await call('PUT', '/device/v1/push-token', useCases, { push: null })).statusCode).toBe(
      204,
    )
    expect(calls).toEqual([
      [proof, push],
      [proof, null],
    ])
  })
})

describe('what a device sees of its user', () => {
  it('are its devices, the activities, and the links to the newest keys', async () => {
    const keySet = recording(['link'])
    const useCases = {
      listOwnDevices: async () => [aDevice()],
      listOwnActivities: async () => [],
      readKeySetLinks: keySet.useCase,
    }
    const devices = await call('GET', '/device/v1/devices', useCases)
    expect(devices.json()).toMatchObject({ items: [{ id: anId('device') }] })
    const activities = await call('GET', '/device/v1/activities', useCases)
    expect(activities.json()).toEqual({ items: [], nextCursor: null })
    const links = await call('GET', '/device/v1/keyset?after=1', useCases)
    expect(links.json()).toEqual({ links: ['link'] })
    await call('GET', '/device/v1/keyset', useCases)
    expect(keySet.calls).toEqual([
      [proof, 1],
      [proof, 0],
    ])
  })
})

describe('GET /t/{tenantId}/.well-known/jwks.json', () => {
  it('200 with every key, for everybody, to be cached for a minute', async () => {
    await using app = await anApp({ readPublicKeys: async () => signingKeys })
    const answer = await app.inject(`/t/${anId('tenant')}/.well-known/jwks.json`)
    expect(answer.json()).toEqual({
      keys: ['new', 'old'].map((kid) => ({ ...publicJwk, kid, use: 'sig', alg: 'ES256' })),
    })
    expect(answer.headers['cache-control']).toBe('public, max-age=60')
  })

  it('404 for a tenant that does not exist', async () => {
    await using app = await anApp({ readPublicKeys: async () => refuse('not_found') })
    const answer = await app.inject(`/t/${anId('tenant')}/.well-known/jwks.json`)
    expect(answer.statusCode).toBe(404)
  })
})
