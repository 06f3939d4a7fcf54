import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import { createChallenge } from '../../src/challenges/create-challenge.ts'
import { resendChallenge } from '../../src/challenges/resend-challenge.ts'
import { setUserStatus } from '../../src/devices/suspend-user.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { createRecoveryCodes, createTemporaryCode } from '../../src/passcodes/single-use-codes.ts'
import { retryDelayMs } from '../../src/push/retry-schedule.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  inAnotherProcess,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'

describe('a challenge is created', () => {
  test('with a number of the wanted length, which is stored sealed in the database and nowhere else', async ({
    world,
    principal,
  }) => {
    const { challenge, number } = await granted(ask(world, principal))
    expect(number).toMatch(/^[0-9]{6}$/)
    const rows = await world.database.query<{ text: string }>(
      'everything_of',
      `select c::text || coalesce(string_agg(t::text, ''), '') as text
       from challenges c join challenge_targets t on t.challenge_id = c.id
       where c.id = $1 group by c.*`,
      [challenge.id],
    )
    expect(rows).toHaveLength(1)
    const [row] = rows
    // Numbers of ids and times may hold any digits; the number would appear as a value of its own.
    expect(row?.text).not.toMatch(new RegExp(`[^0-9a-z]${number}[^0-9a-z]`))
  })

  test('and its pushes are sent immediately, as the first attempt that the row already counts', async ({
    world,
    principal,
    phone,
  }) => {
    const { challenge } = await granted(ask(world, principal))
    const [delivery] = await world.database.query<{ id: string; attempts: number }>(
      'owed_by_challenge',
      'select id, attempts from deliveries where challenge_id = $1',
      [challenge.id],
    )
    expect(world.dispatchedPushes).toMatchObject([
      {
        id: delivery?.id,
        kind: 'challenge_opened',
        deviceId: phone.id,
        attempts: delivery?.attempts,
      },
    ])
    const attempts = world.dispatchedPushes[0]?.attempts ?? 0
    const failure = { kind: 'challenge_opened', attempts, chance: 0, leftMs: 60_000 } as const
    expect(retryDelayMs(failure)).toBe(500)
  })

  test('without returning the caller’s own number', async ({ world, principal, phone }) => {
    const question = {
      number: { mode: 'caller', value: '483920' },
      context: { action: 'Code 483 920' },
    } as const
    const { number, challenge } = await granted(ask(world, principal, question))
    expect(number).toBeNull()
    expect(challenge).toMatchObject({ numberMode: 'caller', numberDigits: 6 })
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: '483920' })
    const command = { challengeId: challenge.id, answer: await signAnswer(phone, claims) }
    expect(await answerChallenge(world, await aProof(world, phone), command)).toEqual({
      status: 'approved',
    })
  })

  test('and keeps the caller’s own number sealed, also where the context contains it', async ({
    world,
    principal,
  }) => {
    const { challenge } = await granted(
      ask(world, principal, {
        number: { mode: 'caller', value: '483920' },
        context: { fields: [{ label: 'Message', value: 'Type 483 920 on your phone' }] },
      }),
    )
    const [row] = await world.database.query<{ text: string }>(
      'context_of',
      'select context::text as text from challenges where id = $1',
      [challenge.id],
    )
    expect(row?.text).toContain('Type •••••• on your phone')
    expect(row?.text).not.toMatch(/483 ?920/)
  })

  test('for the remaining devices, when one is unregistered during the decision', async ({
    world,
    principal,
    phone,
  }) => {
    const other = await aPhone(world, principal)
    let hasRaced = false
    const challenges = {
      loadCreation: world.challenges.loadCreation,
      create: async (...args: Parameters<World['challenges']['create']>) => {
        if (!hasRaced) await unregisterDevice(inAnotherProcess(world), principal, other.id, 'lost')
        hasRaced = true
        return world.challenges.create(...args)
      },
    }
    const command = { user: 'alice', context: {}, number: { mode: 'service' } } as const
    const { challenge } = await granted(
      createChallenge({ ...world, challenges }, principal, {
        ...command,
        userVerification: 'preferred',
      }),
    )
    const record = await world.challenges.find(principal.tenantId, principal.rpId, challenge.id)
    expect(record?.devices.map(({ deviceId }) => deviceId)).toEqual([phone.id])
  })
})

describe('the same request under the same Idempotency-Key', () => {
  const once = { idempotencyKey: 'once' }

  test('gets the same challenge and the same number, and pushes no device again', async ({
    world,
    principal,
  }) => {
    const first = await granted(ask(world, principal, once))
    const again = await granted(ask(world, principal, once))
    expect(first.isReplay).toBe(false)
    expect(again).toEqual({ ...first, isReplay: true })
    expect(world.dispatchedPushes).toHaveLength(1)
  })

  test('20 times concurrently creates one challenge with one number', async ({
    world,
    principal,
  }) => {
    const creations = await Promise.all(
      Array.from({ length: 20 }, () => granted(ask(world, principal, once))),
    )
    expect(new Set(creations.map(({ challenge }) => challenge.id)).size).toBe(1)
    expect(new Set(creations.map(({ number }) => number)).size).toBe(1)
    expect(creations.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(world.dispatchedPushes).toHaveLength(1)
  })

  test('is the same for every notation of the same user identifier', async ({
    world,
    principal,
  }) => {
    const first = await granted(ask(world, principal, once))
    const sameQuestion = { ...once, user: { namespace: 'default', value: 'alice' } }
    expect(await granted(ask(world, principal, sameQuestion))).toMatchObject({
      challenge: { id: first.challenge.id },
      isReplay: true,
    })
  })

  test.for([
    ['user', { user: 'bob' }],
    ['context', { context: { action: 'Pay' } }],
    ['number', { number: { mode: 'service', digits: 8 } }],
    ['user verification', { userVerification: 'required' }],
    ['lifetime', { ttlSeconds: 60 }],
    ['binding', { binding: 'session-hash-0123' }],
    ['address to return to', { returnUrl: 'https://bank.example.com/' }],
  ] as const)('with another %s is refused', async ([_, changes], { world, principal }) => {
    await granted(ask(world, principal, once))
    expect(await ask(world, principal, { ...once, ...changes })).toMatchObject({
      refused: 'idempotency_key_reused',
    })
  })

  test('returns no number any more once the challenge has ended', async ({ world, principal }) => {
    const { challenge } = await granted(ask(world, principal, once))
    await granted(cancelChallenge(world, principal, challenge.id))
    expect(await granted(ask(world, principal, once))).toMatchObject({
      challenge: { id: challenge.id, status: 'cancelled' },
      number: null,
      isReplay: true,
    })
  })
})

describe('a challenge is refused', () => {
  test.for([
    ['for an unknown user', { user: 'nobody' }, 'user_not_found'],
    ['for an id of no user', { user: { id: 'usr_01h455vb4pex5vsknk084sn02q' } }, 'user_not_found'],
    [
      'in a namespace that was not granted',
      { user: { namespace: 'entra', value: 'alice' } },
      'namespace_not_granted',
    ],
    [
      'for devices that are not the user’s',
      { deviceIds: ['dev_01h455vb4pex5vsknk084sn02q'] },
      'no_capable_device',
    ],
    [
      'without a number, where the policy wants one',
      { number: { mode: 'none' } },
      'number_none_not_allowed',
    ],
    [
      'with a number that is too short',
      { number: { mode: 'caller', value: '1234' } },
      'number_too_short',
    ],
    ['for longer than is allowed', { ttlSeconds: 601 }, 'invalid_request'],
  ] as const)('%s', async ([_, changes, code], { world, principal }) => {
    expect(await ask(world, principal, changes)).toMatchObject({ refused: code })
    expect(world.dispatchedPushes).toEqual([])
  })

  test('for a user of the same tenant that only another relying party may see', async ({
    world,
    principal,
    phone,
  }) => {
    const other = await aPrincipal(world, ['entra'], principal.tenantId)
    expect(await ask(world, other, { user: { id: phone.userId } })).toEqual({
      refused: 'user_not_found',
    })
    expect(await ask(world, other, { user: 'alice' })).toEqual({ refused: 'user_not_found' })
  })

  test('when the user’s only device cannot verify its user', async ({ world, principal }) => {
    await aPhone(world, principal, { user: 'bob', verification: false })
    const question = { user: 'bob', userVerification: 'required' } as const
    expect(await ask(world, principal, question)).toMatchObject({ refused: 'no_capable_device' })
  })

  test('instead of being retried without end, when its devices keep being unregistered', async ({
    world,
    principal,
  }) => {
    const create = async () => 'changed' as const
    const challenges = { loadCreation: world.challenges.loadCreation, create }
    const command = { user: 'alice', context: {}, number: { mode: 'service' } } as const
    const outcome = createChallenge({ ...world, challenges }, principal, {
      ...command,
      userVerification: 'preferred',
    })
    expect(await outcome).toEqual({
      refused: 'conflict',
      retryAfterSeconds: 1,
      facts: { otherFactors: ['passcode'] },
    })
  })
})

describe('the refusal of a challenge', () => {
  const twice = { idempotencyKey: 'sign-in-1', ttlSeconds: 60 } as const
  const setStatus = (
    world: World,
    principal: Principal,
    { userId }: Phone,
    status: 'suspended' | 'active',
  ) => granted(setUserStatus(world, principal, userId, status))

  test.for([
    ['no_capable_device', { deviceIds: ['dev_01h455vb4pex5vsknk084sn02q'] }],
    ['number_none_not_allowed', { number: { mode: 'none' } }],
    ['number_too_short', { number: { mode: 'caller', value: '1234' } }],
    ['invalid_request', { ttlSeconds: 601 }],
    ['idempotency_key_reused', { ...twice, ttlSeconds: 61 }],
    ['too_many_pending', {}],
  ] as const)(
    '%s names the factors that the user could sign in with at this moment',
    async ([code, question], { world, principal, phone }) => {
      await granted(createRecoveryCodes(world, principal, phone.userId))
      await granted(ask(world, principal, twice))
      if (code === 'too_many_pending') {
        await granted(ask(world, principal))
        await granted(ask(world, principal))
      }
      const otherFactors = ['passcode', 'recovery_code']
      expect(await ask(world, principal, question)).toMatchObject({
        refused: code,
        facts: { otherFactors },
      })
      await granted(createTemporaryCode(world, principal, phone.userId))
      expect(await ask(world, principal, question)).toMatchObject({
        facts: { otherFactors: ['passcode', 'temporary_code', 'recovery_code'] },
      })
    },
  )

  test('for a user without any device names the codes that are left', async ({
    world,
    principal,
    phone,
  }) => {
    await granted(createRecoveryCodes(world, principal, phone.userId))
    await granted(unregisterDevice(world, principal, phone.id, 'lost'))
    expect(await ask(world, principal)).toEqual({
      refused: 'no_capable_device',
      facts: { otherFactors: ['recovery_code'] },
    })
  })

  test('for a suspended user offers nothing, since no code would be accepted', async ({
    world,
    principal,
    phone,
  }) => {
    await setStatus(world, principal, phone, 'suspended')
    const refusal = { refused: 'user_suspended', facts: { otherFactors: [] } }
    expect(await ask(world, principal)).toEqual(refusal)
  })

  test('for an unknown user, or one of another party, reveals nothing about any user', async ({
    world,
    principal,
    phone,
  }) => {
    const other = await aPrincipal(world, ['entra'], principal.tenantId)
    const refusal = { refused: 'user_not_found' }
    expect(await ask(world, principal, { user: 'nobody' })).toEqual(refusal)
    expect(await ask(world, other, { user: { id: phone.userId } })).toEqual(refusal)
  })

  test('of another push names them, too', async ({ world, principal }) => {
    const { challenge } = await granted(ask(world, principal))
    expect(await resendChallenge(world, principal, challenge.id)).toMatchObject({
      refused: 'resend_too_soon',
      facts: { otherFactors: ['passcode'] },
    })
    await granted(cancelChallenge(world, principal, challenge.id))
    expect(await resendChallenge(world, principal, challenge.id)).toMatchObject({
      refused: 'challenge_ended',
      facts: { otherFactors: ['passcode'] },
    })
  })
})
