import { describe, expect, it } from 'vitest'
import type { Command } from '../../src/challenges/creation/draft-challenge.ts'
import { withOtherFactors } from '../../src/domain/question-refusal.ts'
import { refuse } from '../../src/domain/refusal.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import {
  aChallenge,
  anApp,
  anId,
  aReading,
  at,
  bearer,
  principal,
} from '../platform/http/fixtures.ts'

const url = '/v1/challenges'
const one = `${url}/${anId('challenge')}`
const body = { user: 'ada@example.com' }

function creating(useCases: Partial<UseCases>) {
  return async (payload: object, query = '', headers: Record<string, string> = {}) => {
    await using app = await anApp(useCases)
    return app.inject({
      method: 'POST',
      url: `${url}${query}`,
      payload,
      headers: { ...bearer, ...headers },
    })
  }
}

const shownChallenge = {
  id: anId('challenge'),
  userId: anId('user'),
  status: 'pending',
  reason: null,
  context: { application: 'Payroll', fields: [{ label: 'Amount', value: 'CHF 120.00' }] },
  numberMode: 'service',
  numberDigits: 6,
  userVerification: 'preferred',
  binding: null,
  returnUrl: null,
  deliveryMode: 'push',
  suppressed: null,
  wrongNumbersLeft: 3,
  resendsLeft: 3,
  createdAt: at.toISOString(),
  expiresAt: at.toISOString(),
  decidedAt: null,
  decidedDeviceId: null,
}

describe('POST /v1/challenges', () => {
  const createChallenge = async () => ({
    challenge: aChallenge(),
    number: '483920',
    isReplay: false,
    otherFactors: [],
  })

  it('201 with the challenge and its number, and with nothing internal', async () => {
    const answer = await creating({ createChallenge })(body)
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toEqual({
      ...shownChallenge,
      number: '483920',
      otherFactors: [],
      result: null,
    })
    expect(answer.headers).not.toHaveProperty('idempotency-replayed')
  })

  it('passes the whole command on, with the Idempotency-Key', async () => {
    const commands: unknown[] = []
    const create = creating({
      createChallenge: async (asker, command: Command) => {
        commands.push([asker, command])
        return createChallenge()
      },
    })
    const command = {
      user: { namespace: 'entra', value: 'ada' },
      context: { action: 'Sign in', ip: '203.0.113.7', fields: [{ label: 'a', value: 'b' }] },
      number: { mode: 'caller', value: '048392' },
      userVerification: 'required',
      ttlSeconds: 60,
      binding: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg',
      deviceIds: [anId('device')],
    }
    await create(command, '', { 'idempotency-key': 'key-1' })
    expect(commands).toEqual([[principal, { ...command, idempotencyKey: 'key-1' }]])
  })

  it('200 with Idempotency-Replayed for an identical replay', async () => {
    const replay = async () => ({
      challenge: aChallenge(),
      number: '483920',
      isReplay: true,
      otherFactors: [],
    })
    const answer = await creating({ createChallenge: replay })(body)
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['idempotency-replayed']).toBe('true')
    expect(answer.json()).toMatchObject({ number: '483920' })
  })

  it('replays an ended challenge with its result', async () => {
    const finalStatus = { status: 'denied', reason: 'user_denied' } as const
    const answer = await creating({
      createChallenge: async () => ({
        challenge: aChallenge(finalStatus),
        number: null,
        isReplay: true,
        otherFactors: [],
      }),
      waitForChallenge: async () => aReading(finalStatus),
    })(body)
    expect(answer.json()).toMatchObject({ ...finalStatus, number: null, result: 'result.jws.text' })
  })

  it.each([' ', 'a b', 'é', 'x'.repeat(256), ''])('400 for the Idempotency-Key %j', async (key) => {
    const answer = await creating({ createChallenge })(body, '', { 'idempotency-key': key })
    expect(answer.statusCode).toBe(400)
  })

  it('waits for the end on request, and returns the result directly', async () => {
    const waits: number[] = []
    const answer = await creating({
      createChallenge,
      waitForChallenge: async (_principal, _id, waitMs) => {
        waits.push(waitMs)
        return aReading({ status: 'approved', decidedAt: at, decidedDeviceId: anId('device') })
      },
    })(body, '?wait=30')
    expect(waits).toEqual([30_000])
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toMatchObject({
      status: 'approved',
      result: 'result.jws.text',
      number: null,
    })
  })

  it('still shows the number after a wait without an end', async () => {
    const waitForChallenge = async () => aReading()
    const answer = await creating({ createChallenge, waitForChallenge })(body, '?wait=1')
    expect(answer.json()).toMatchObject({
      status: 'pending',
      number: '483920',
      otherFactors: [],
      result: null,
    })
  })

  it('does not wait after a refusal', async () => {
    const refusing = async () => withOtherFactors(refuse('no_capable_device'), [])
    const answer = await creating({ createChallenge: refusing })(body, '?wait=30')
    expect(answer.statusCode).toBe(422)
  })

  it.each(['31', '-1', 'x', '1.5', ''])('400 for wait=%s', async (wait) => {
    const answer = await creating({ createChallenge })(body, `?wait=${wait}`)
    expect(answer.statusCode).toBe(400)
  })
})

describe('GET /v1/challenges/{id}', () => {
  it('200 with devices and without a number', async () => {
    await using app = await anApp({ readChallenge: async () => aReading() })
    const answer = await app.inject({ url: one, headers: bearer })
    expect(answer.json()).toEqual({
      ...shownChallenge,
      result: null,
      devices: [
        {
          deviceId: anId('device'),
          fetchedAt: at.toISOString(),
          receivedAt: null,
          push: { status: 'sent', reason: null, attempts: 1, settledAt: at.toISOString() },
        },
      ],
    })
  })

  it('waits on request', async () => {
    const waits: unknown[] = []
    await using app = await anApp({
      waitForChallenge: async (asker, id, waitMs, isAborted) => {
        waits.push([asker, id, waitMs, isAborted?.()])
        return aReading({ status: 'expired' })
      },
    })
    const answer = await app.inject({ url: `${one}?wait=25`, headers: bearer })
    expect(waits).toEqual([[principal, anId('challenge'), 25_000, false]])
    expect(answer.json()).toMatchObject({ status: 'expired', result: 'result.jws.text' })
  })
})

describe('POST /v1/challenges/{id}/cancel and /resend', () => {
  it('200 with the challenge', async () => {
    await using app = await anApp({
      cancelChallenge: async () => aReading({ status: 'cancelled' }),
      resendChallenge: async () => aReading({ resendsLeft: 2 }),
    })
    const cancellation = await app.inject({ method: 'POST', url: `${one}/cancel`, headers: bearer })
    expect(cancellation.json()).toMatchObject({ status: 'cancelled', result: 'result.jws.text' })
    const resent = await app.inject({
      method: 'POST',
      url: `${one}/resend`,
      headers: bearer,
      payload: {},
    })
    expect(resent.json()).toMatchObject({ status: 'pending', resendsLeft: 2 })
  })
})

describe('GET /v1/challenges/{id}/evidence', () => {
  it('200 with request, answer and key', async () => {
    const deviceKey = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'kid' } as const
    const signedTexts = { request: 'a.b.c', answer: 'd.e.f' }
    const evidence = { ...signedTexts, deviceId: anId('device'), deviceKey, passkey: null }
    await using app = await anApp({ readEvidence: async () => evidence })
    const answer = await app.inject({ url: `${one}/evidence`, headers: bearer })
    expect(answer.json()).toEqual(evidence)
  })
})

describe('GET /v1/challenges', () => {
  async function list(query: string, challenges = [aChallenge()]) {
    const calls: unknown[] = []
    await using app = await anApp({
      listChallenges: async (_principal, filter, page) => {
        calls.push([filter, page])
        return challenges
      },
    })
    return { answer: await app.inject({ url: `${url}${query}`, headers: bearer }), calls }
  }

  it('200 with challenges that show neither number, devices nor result', async () => {
    const { answer, calls } = await list('')
    expect(answer.json()).toEqual({ items: [shownChallenge], nextCursor: null })
    expect(calls).toEqual([
      [
        { user: null, status: null },
        { limit: 51, before: null },
      ],
    ])
  })

  it('reads one more than the page, so that the last page ends the list', async () => {
    const challenges = ['0', '1', '2'].map((last) => aChallenge({ id: anId('challenge', last) }))
    const { answer, calls } = await list(`?limit=2&cursor=${anId('challenge', '9')}`, challenges)
    expect(calls).toMatchObject([[{}, { limit: 3, before: anId('challenge', '9') }]])
    const { items, nextCursor } = answer.json()
    expect(items.map(({ id }: { id: string }) => id)).toEqual([
      anId('challenge', '0'),
      anId('challenge', '1'),
    ])
    expect(nextCursor).toBe(anId('challenge', '1'))
  })

  it.each([
    ['?user=ada&status=denied', { user: 'ada', status: 'denied' }],
    ['?user=ada&namespace=entra', { user: { namespace: 'entra', value: 'ada' }, status: null }],
    [`?userId=${anId('user')}`, { user: { id: anId('user') }, status: null }],
  ])('%s names the user', async (query, reference) => {
    const { calls } = await list(query)
    expect(calls).toMatchObject([[reference, {}]])
  })

  it.each([
    `?user=ada&userId=${anId('user')}`,
    '?namespace=entra',
    '?status=done',
    '?limit=0',
    '?limit=101',
  ])('400 for %s', async (query) => {
    const { answer } = await list(query)
    expect(answer.statusCode).toBe(400)
  })
})
