import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import type { CreationResult } from '../../src/challenges/create-challenge.ts'
import { resendChallenge } from '../../src/challenges/resend-challenge.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import {
  pausePushes,
  readProtection,
  readPushPause,
  unlockUser,
} from '../../src/protection/protection.ts'
import { reportActivity } from '../../src/protection/report-activity.ts'
import { listReports, resolveReport } from '../../src/protection/reports.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
let phone: Phone
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
})

const unknownInitiator = (n: number) => ({
  initiator: { kind: 'browser', id: `unknown-${n}` } as const,
})
const own = { initiator: { kind: 'browser', id: 'own-browser' } as const }

async function answer(
  challengeId: CreationResult['challenge']['id'],
  decision: Parameters<typeof anAnswer>[3],
) {
  const claims = await anAnswer(world, phone, challengeId, decision)
  const command = { challengeId, answer: await signAnswer(phone, claims) }
  return answerChallenge(world, await aProof(world, phone), command)
}
const approve = ({ challenge, number }: CreationResult) =>
  answer(challenge.id, { dec: 'approve', num: number ?? '' })

const verifiedProof = () => aProof(world, phone, phone.keys.verification ?? undefined)

const page = { limit: 50, before: null }
const relax = (overrides: object) =>
  granted(setPolicy(world, principal.tenantId, { overrides, replace: false }, 'operator'))
const activityTypes = async () =>
  (await world.activities.list(phone.tenantId, phone.userId, page)).map(({ type }) => type)
const wrong = (number: string | null) => `${(Number(number?.[0]) + 1) % 10}${number?.slice(1)}`

describe('an approval', () => {
  test.each([
    ['an initiator that the relying party does not name', {}],
    ['the same browser', { initiator: { kind: 'browser', id: 'own-browser' } as const }],
  ])(
    'returns its push to the budget: repeated approved sign-ins as %s are always pushed',
    async (_, who) => {
      for (let round = 0; round < 12; round++) {
        const creation = await granted(ask(world, principal, who))
        expect(creation.challenge).toMatchObject({ deliveryMode: 'push', suppressed: null })
        expect(await approve(creation)).toEqual({ status: 'approved' })
      }
    },
  )
})

describe('many concurrent challenges', () => {
  test('create three challenges and one push, and the only refusal is too many', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) => ask(world, principal, unknownInitiator(n))),
    )
    const creations = outcomes.filter((one): one is CreationResult => !isRefusal(one))
    expect(creations).toHaveLength(3)
    expect(creations.filter(({ challenge }) => challenge.deliveryMode === 'push')).toHaveLength(1)
    const refusals = new Set(outcomes.map((one) => isRefusal(one) && one.refused).filter(Boolean))
    expect(refusals).toEqual(new Set(['too_many_pending']))
  })

  test('leave a slot and a push to the browser that the user approved', async () => {
    expect(await approve(await granted(ask(world, principal, own)))).toEqual({ status: 'approved' })
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => ask(world, principal, unknownInitiator(n))),
    )
    expect(await ask(world, principal, unknownInitiator(99))).toMatchObject({
      refused: 'too_many_pending',
    })
    const creation = await granted(ask(world, principal, own))
    expect(creation.challenge.deliveryMode).toBe('push')
    expect(await approve(creation)).toEqual({ status: 'approved' })
  })
})

describe('unknown initiators', () => {
  test('get no push after the fourth that nobody approved, and the challenge waits to be fetched', async () => {
    await relax({ pendingMax: 10, unansweredGapSeconds: 5 })
    const { tenantId, userId } = phone
    const back = `update initiators set pushes = coalesce((select jsonb_agg(jsonb_set(e, '{t}',
      to_jsonb((e->>'t')::numeric - 400000))) from jsonb_array_elements(pushes) e), '[]')
      where tenant_id = $1 and user_id = $2`
    const modes: string[] = []
    for (let n = 0; n < 6; n++) {
      const { challenge } = await granted(ask(world, principal, unknownInitiator(n)))
      modes.push(challenge.suppressed ?? challenge.deliveryMode)
      await world.database.query('push_back', back, [tenantId, userId])
    }
    expect(modes).toEqual([...Array(4).fill('push'), 'unanswered_pushes', 'unanswered_pushes'])
    const last = await granted(ask(world, principal, unknownInitiator(9)))
    expect(await approve(last)).toEqual({ status: 'approved' })
  })

  test('get no push within a minute of a denial, nor within ten seconds of a push', async () => {
    const first = await granted(ask(world, principal))
    expect((await granted(ask(world, principal))).challenge.suppressed).toBe('recently_unanswered')
    expect(await answer(first.challenge.id, { dec: 'deny' })).toEqual({ status: 'denied' })
    expect((await granted(ask(world, principal))).challenge.suppressed).toBe('recently_denied')
  })

  test('get their slot back when their challenge is cancelled', async () => {
    const creations = []
    for (let n = 0; n < 3; n++) creations.push(await granted(ask(world, principal)))
    expect(await ask(world, principal)).toMatchObject({ refused: 'too_many_pending' })
    await granted(cancelChallenge(world, principal, creations[0]?.challenge.id ?? 'chl_'))
    expect(isRefusal(await ask(world, principal))).toBe(false)
  })
})

describe('a resend', () => {
  test('counts against the same budget', async () => {
    await relax({ pushesPerFiveMinutesMax: 1 })
    const { challenge } = await granted(ask(world, principal))
    const past = `update challenges set last_push_at = last_push_at - interval '1 minute'
      where id = $1`
    await world.database.query('past', past, [challenge.id])
    expect(await resendChallenge(world, principal, challenge.id)).toEqual({
      refused: 'push_suppressed',
      facts: { suppressed: 'push_budget_used_up', otherFactors: ['passcode'] },
    })
    await relax({ pushesPerFiveMinutesMax: 2 })
    await granted(resendChallenge(world, principal, challenge.id))
    const { tenantId, userId } = phone
    const [row] = await world.database.query<{ pushes: unknown[]; unanswered: number }>(
      'budget',
      `select pushes, unanswered from initiators where tenant_id = $1 and user_id = $2`,
      [tenantId, userId],
    )
    expect(row?.pushes).toHaveLength(2)
    expect(row?.unanswered).toBe(2)
  })
})

describe('wrong numbers', () => {
  test('over many challenges lock push at the tenth, and the right one is refused too', async () => {
    await relax({ pendingMax: 10 })
    for (let n = 0; n < 9; ) {
      const creation = await granted(ask(world, principal))
      for (let attempts = 0; attempts < 3 && n < 9; attempts++, n++) {
        const num = wrong(creation.number)
        expect(await answer(creation.challenge.id, { dec: 'approve', num })).toMatchObject({
          refused: 'wrong_number',
        })
      }
    }
    const [open, spare] = [
      await granted(ask(world, principal)),
      await granted(ask(world, principal)),
    ]
    const num = wrong(open.number)
    expect(await answer(open.challenge.id, { dec: 'approve', num })).toMatchObject({
      refused: 'wrong_number',
    })
    expect(await approve(open)).toMatchObject({ refused: 'push_locked' })
    expect(await approve(spare)).toMatchObject({ refused: 'push_locked' })
    expect(await ask(world, principal, own)).toMatchObject({
      refused: 'push_locked',
      facts: { lock: 'wrong_numbers' },
    })
    expect(await activityTypes()).toContain('push_locked')

    await granted(unlockUser(world, principal, phone.userId))
    expect(await approve(spare)).toEqual({ status: 'approved' })
    expect(await activityTypes()).toContain('push_unlocked')
  })

  test('sent concurrently are each counted, and none exceeds the hard limit', async () => {
    await relax({ pendingMax: 10, wrongNumbersHardMax: 10, wrongNumbersInRowMax: 10 })
    const creations = []
    for (let n = 0; n < 10; n++) creations.push(await granted(ask(world, principal)))
    const outcomes = await Promise.all(
      creations.flatMap((one) =>
        Array.from({ length: 3 }, () =>
          answer(one.challenge.id, { dec: 'approve', num: wrong(one.number) }),
        ),
      ),
    )
    const codes = outcomes.map((one) => (isRefusal(one) ? one.refused : one.status))
    const countedGuesses = codes.filter((code) => code === 'wrong_number').length
    const protection = await granted(readProtection(world, principal, phone.userId))
    expect(protection.wrongNumbersSinceSuccess).toBe(countedGuesses)
    expect(countedGuesses).toBeLessThanOrEqual(10)
    expect(new Set(codes)).not.toContain('approved')
  })
})

describe('"this wasn’t me"', () => {
  test('blocks its initiator, cancels other pending challenges, leaves the approved browser a way in', async () => {
    expect(await approve(await granted(ask(world, principal, own)))).toEqual({ status: 'approved' })
    const [bad, worse] = [
      await granted(ask(world, principal, unknownInitiator(1))),
      await granted(ask(world, principal, unknownInitiator(2))),
    ]
    world.publishedKeys.length = 0
    expect(await answer(bad.challenge.id, { dec: 'report' })).toEqual({ status: 'denied' })
    expect(world.publishedKeys.toSorted()).toEqual(
      [bad.challenge.id, worse.challenge.id].toSorted(),
    )
    const cancelledChallenge = await world.challenges.find(
      principal.tenantId,
      principal.rpId,
      worse.challenge.id,
    )
    expect(cancelledChallenge?.challenge.status).toBe('cancelled')
    expect(await ask(world, principal, unknownInitiator(1))).toMatchObject({
      refused: 'initiator_blocked',
    })
    expect(await ask(world, principal, unknownInitiator(3))).toMatchObject({
      refused: 'push_locked',
      facts: { lock: 'reported' },
    })
    const mine = await granted(ask(world, principal, own))
    expect(mine.challenge).toMatchObject({ deliveryMode: 'pull_only', suppressed: 'reported' })
    expect(await approve(mine)).toEqual({ status: 'approved' })
  })

  test('frees every slot: the owner may ask again immediately', async () => {
    expect(await approve(await granted(ask(world, principal, own)))).toEqual({ status: 'approved' })
    for (let n = 0; n < 3; n++) await granted(ask(world, principal, own))
    expect(await ask(world, principal, own)).toMatchObject({ refused: 'too_many_pending' })
    const bad = await granted(ask(world, principal, unknownInitiator(1)))
    await answer(bad.challenge.id, { dec: 'report' })
    expect(await approve(await granted(ask(world, principal, own)))).toEqual({ status: 'approved' })
  })

  test('is in the queue of the admins until one resolves it, once', async () => {
    const bad = await granted(ask(world, principal, unknownInitiator(1)))
    await answer(bad.challenge.id, { dec: 'report' })
    const [open] = await listReports(world, principal, 'open', page)
    expect(open).toMatchObject({ userId: phone.userId, challengeId: bad.challenge.id })
    if (!open) throw new Error('it was reported')
    const finding = { resolution: 'false_alarm', note: null, unlock: true } as const
    expect(await resolveReport(world, principal, open.id, finding)).toMatchObject({
      status: 'resolved',
      resolution: 'false_alarm',
    })
    expect(await resolveReport(world, principal, open.id, finding)).toEqual({
      refused: 'report_resolved',
    })
    expect(await listReports(world, principal, 'open', page)).toEqual([])
    expect(isRefusal(await ask(world, principal, unknownInitiator(3)))).toBe(false)
    const elsewhere = await aPrincipal(world)
    expect(await resolveReport(world, elsewhere, open.id, finding)).toEqual({
      refused: 'not_found',
    })
  })

  test('can be made later about a past activity, and not about another user’s', async () => {
    const creation = await granted(ask(world, principal, own))
    expect(await approve(creation)).toEqual({ status: 'approved' })
    const pending = await granted(ask(world, principal, unknownInitiator(1)))
    const [activity] = (await world.activities.list(phone.tenantId, phone.userId, page)).filter(
      ({ type }) => type === 'challenge_approved',
    )
    if (!activity) throw new Error('the approval is listed')
    const other = await aPhone(world, principal, { user: 'bob' })
    expect(await reportActivity(world, await aProof(world, other), activity.id)).toEqual({
      refused: 'not_found',
    })
    await granted(reportActivity(world, await aProof(world, phone), activity.id))
    expect(await ask(world, principal, own)).toMatchObject({ refused: 'initiator_blocked' })
    const record = await world.challenges.find(
      principal.tenantId,
      principal.rpId,
      pending.challenge.id,
    )
    expect(record?.challenge.status).toBe('cancelled')
    expect(await activityTypes()).toEqual(
      expect.arrayContaining(['activity_reported', 'push_locked']),
    )
  })

  test('never deadlocks with concurrent cancellations', async () => {
    await relax({ pendingMax: 10 })
    for (let round = 0; round < 25; round++) {
      await world.database.query('forget', 'delete from initiators', [])
      await granted(unlockUser(world, principal, phone.userId))
      const creations = []
      for (let n = 0; n < 6; n++)
        creations.push(await granted(ask(world, principal, unknownInitiator(n))))
      const [bad, ...others] = creations
      if (!bad) throw new Error('six were made')
      const claims = await anAnswer(world, phone, bad.challenge.id, { dec: 'report' })
      const command = { challengeId: bad.challenge.id, answer: await signAnswer(phone, claims) }
      const proof = await aProof(world, phone)
      const [reportResult, ...cancellations] = await Promise.all([
        answerChallenge(world, proof, command),
        ...others.map(({ challenge }) => cancelChallenge(world, principal, challenge.id)),
      ])
      expect(reportResult).toEqual({ status: 'denied' })
      for (const one of cancellations) {
        if (isRefusal(one)) expect(one.refused).toBe('challenge_ended')
      }
    }
  })

  test('cannot be evaded by a challenge that is being created at that moment', async () => {
    const bad = await granted(ask(world, principal, unknownInitiator(1)))
    await relax({ pendingMax: 10 })
    const [, ...outcomes] = await Promise.all([
      answer(bad.challenge.id, { dec: 'report' }),
      ...Array.from({ length: 8 }, (_, n) => ask(world, principal, unknownInitiator(n + 2))),
    ])
    for (const one of outcomes) {
      if (isRefusal(one)) continue
      const record = await world.challenges.find(
        principal.tenantId,
        principal.rpId,
        one.challenge.id,
      )
      expect(record?.challenge.status).toBe('cancelled')
    }
  })
})

describe('a pause', () => {
  test('suppresses pushes until its end, and may be undone', async () => {
    const until = new Date(world.clock.now().getTime() + 3_600_000)
    await granted(pausePushes(world, await verifiedProof(), until))
    expect(await readPushPause(world, await aProof(world, phone))).toEqual({ until })
    const { challenge } = await granted(ask(world, principal))
    expect(challenge).toMatchObject({ deliveryMode: 'pull_only', suppressed: 'paused' })
    await granted(pausePushes(world, await verifiedProof(), null))
    expect((await granted(ask(world, principal))).challenge.suppressed).toBeNull()
  })

  test.each([
    ['a time that has passed', -1_000],
    ['more than 30 days', 31 * 24 * 3_600_000],
  ])('may not be for %s', async (_, ms) => {
    const until = new Date(world.clock.now().getTime() + ms)
    expect(await pausePushes(world, await verifiedProof(), until)).toMatchObject({
      refused: 'invalid_request',
    })
  })
})
