import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Challenge } from '../../src/domain/challenge.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import {
  aColleague,
  aDevice,
  aStoredChallenge,
  aUser,
  beginOn,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import {
  type AnswerKind,
  activityTypesOf,
  answer,
  cancel,
  challengeOf,
  resend,
  runOut,
  unregister,
} from './challenge-steps.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const page = { limit: 100, before: null }
describe('challenges are listed', () => {
  test('challenges are listed newest first, page by page, none twice, none omitted', async () => {
    const device = await aDevice(stores, user)
    const ids: ChallengeId[] = []
    for (let count = 0; count < 7; count++)
      ids.unshift(await aStoredChallenge(stores, user, [device]))
    const { tenantId, rpId } = user
    const listedIds: ChallengeId[] = []
    let before: string | null = null
    for (;;) {
      const query = { tenantId, rpId, userId: null, status: null }
      const items: Challenge[] = await stores.challenges.list(query, { limit: 3, before })
      listedIds.push(...items.map(({ id }) => id))
      const last = items.at(-1)
      if (!last) break
      before = last.id
    }
    expect(listedIds).toEqual(ids)
  })

  test('challenges are listed by user and status, for their own relying party only', async () => {
    const colleague = await aColleague(stores, user, 'bob')
    const [mine, theirs] = [await aDevice(stores, user), await aDevice(stores, colleague)]
    const pending = await aStoredChallenge(stores, user, [mine])
    const deniedId = await aStoredChallenge(stores, user, [mine])
    await answer(stores, user, await challengeOf(stores, user, deniedId), mine, 'deny')
    const other = await aStoredChallenge(stores, colleague, [theirs])
    const { tenantId, rpId, userId } = user
    const ids = async (query: Partial<Parameters<Stores['challenges']['list']>[0]>) => {
      const all = { tenantId, rpId, userId: null, status: null }
      return (await stores.challenges.list({ ...all, ...query }, page)).map(({ id }) => id)
    }
    expect(await ids({})).toEqual([other, deniedId, pending])
    expect(await ids({ userId })).toEqual([deniedId, pending])
    expect(await ids({ userId, status: 'denied' })).toEqual([deniedId])
    expect(await ids({ status: 'pending' })).toEqual([other, pending])
    expect(await ids({ rpId: systemRandom.id('relyingParty') })).toEqual([])
  })
})

describe('cancelling', () => {
  test('cancelling ends a challenge once, erases its number, notifies its devices', async () => {
    const devices = [await aDevice(stores, user), await aDevice(stores, user)] as const
    const id = await aStoredChallenge(stores, user, devices)
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => cancel(stores, user, id)))
    const [cancellation, ...more] = outcomes.filter((one) => one !== null)
    expect(more).toEqual([])
    expect(cancellation?.pushes.map(({ deviceId }) => deviceId).toSorted()).toEqual([...devices])
    expect(await challengeOf(stores, user, id)).toMatchObject({
      status: 'cancelled',
      reason: null,
      decidedAt: expect.any(Date),
    })
    expect(
      (await activityTypesOf(stores, user)).filter((type) => type === 'challenge_cancelled'),
    ).toHaveLength(1)
  })

  test('cancelling is refused to another relying party, after an answer or expiry', async () => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
    expect(await cancel(stores, { ...user, rpId: systemRandom.id('relyingParty') }, id)).toBeNull()
    await answer(stores, user, await challengeOf(stores, user, id), device)
    expect(await cancel(stores, user, id)).toBeNull()
    expect(await challengeOf(stores, user, id)).toMatchObject({ status: 'approved' })
    const over = await aStoredChallenge(stores, user, [device])
    await runOut(stores, over)
    expect(await cancel(stores, user, over)).toBeNull()
  })

  test('cancelling and approving concurrently leave one of the two, 100 rounds', async () => {
    const device = await aDevice(stores, user)
    for (let round = 0; round < 100; round++) {
      const id = await aStoredChallenge(stores, user, [device])
      const challenge = await challengeOf(stores, user, id)
      const [cancellation, recording] = await Promise.all([
        cancel(stores, user, id),
        answer(stores, user, challenge, device),
      ])
      expect(await challengeOf(stores, user, id)).toMatchObject({
        status: cancellation ? 'cancelled' : 'approved',
      })
      expect(recording.kind).toBe(cancellation ? 'changed' : 'recorded')
    }
  })
})

describe('expiry', () => {
  test('expiry ends what has expired and nothing else, and records it for the user', async () => {
    const device = await aDevice(stores, user)
    const [over, live] = [
      await aStoredChallenge(stores, user, [device]),
      await aStoredChallenge(stores, user, [device]),
    ]
    await runOut(stores, over)
    expect(await stores.challenges.expire({ tenantId: user.tenantId, id: live }, 1)).toEqual([])
    expect(await stores.challenges.expire(null, 1_000)).toContain(over)
    expect(await challengeOf(stores, user, over)).toMatchObject({
      status: 'expired',
      reason: null,
      decidedAt: expect.any(Date),
    })
    expect(await challengeOf(stores, user, live)).toMatchObject({ status: 'pending' })
    expect(
      (await activityTypesOf(stores, user)).filter((type) => type === 'challenge_expired'),
    ).toHaveLength(1)
    expect(await stores.challenges.expire(null, 1_000)).not.toContain(over)
  })

  test('ends the oldest first, at most the requested number, each by one sweep only', async () => {
    await stores.challenges.expire(null, 1_000)
    const device = await aDevice(stores, user)
    const ids: ChallengeId[] = []
    for (let count = 0; count < 30; count++)
      ids.push(await aStoredChallenge(stores, user, [device]))
    for (const id of ids) await runOut(stores, id)
    const [first] = ids
    expect(await stores.challenges.expire(null, 1)).toEqual([first])
    const expirations = await Promise.all(
      Array.from({ length: 5 }, () => stores.challenges.expire(null, 10)),
    )
    expect(expirations.every((one) => one.length <= 10)).toBe(true)
    const rest = await stores.challenges.expire(null, 100)
    expect([first, ...expirations.flat(), ...rest].toSorted()).toEqual(ids.toSorted())
  })

  test('skips locked challenges, so that no sweep waits', async () => {
    await stores.challenges.expire(null, 1_000)
    const device = await aDevice(stores, user)
    const [lockedId, freeId] = [
      await aStoredChallenge(stores, user, [device]),
      await aStoredChallenge(stores, user, [device]),
    ]
    for (const id of [lockedId, freeId]) await runOut(stores, id)
    const holder = await beginOn(stores)
    await holder.query('select 1 from challenges where id = $1 for update', [lockedId])
    expect(await stores.challenges.expire(null, 10)).toEqual([freeId])
    await holder.commit()
    expect(await stores.challenges.expire(null, 10)).toEqual([lockedId])
  })
})

describe('a push is repeated', () => {
  test('a push is repeated to every device that can be pushed, at the cost of one', async () => {
    const [device, mute] = [
      await aDevice(stores, user),
      await aDevice(stores, user, { withPush: false }),
    ]
    const id = await aStoredChallenge(stores, user, [device, mute])
    const before = await challengeOf(stores, user, id)
    const resent = await resend(stores, before)
    if (resent === 'changed') throw new Error('nobody else resent it')
    expect(resent.pushes).toMatchObject([
      {
        kind: 'challenge_opened',
        challengeId: id,
        deviceId: device,
        attempts: 1,
        expiresAt: before.expiresAt,
      },
    ])
    const after = await challengeOf(stores, user, id)
    expect(after.resendsLeft).toBe(2)
    expect(after.lastPushAt?.getTime()).toBeGreaterThan(before.lastPushAt?.getTime() ?? 0)
    expect(after.expiresAt).toEqual(before.expiresAt)
  })

  test('a push is repeated once for parallel calls that saw the same count', async () => {
    const id = await aStoredChallenge(stores, user, [await aDevice(stores, user)])
    const challenge = await challengeOf(stores, user, id)
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => resend(stores, challenge)))
    expect(outcomes.filter((one) => one !== 'changed')).toHaveLength(1)
    expect(await challengeOf(stores, user, id)).toMatchObject({ resendsLeft: 2 })
  })

  test('a push is repeated to nobody when no device can be pushed, at no cost', async () => {
    const id = await aStoredChallenge(stores, user, [
      await aDevice(stores, user, { withPush: false }),
    ])
    expect(await resend(stores, await challengeOf(stores, user, id))).toEqual({ pushes: [] })
    expect(await challengeOf(stores, user, id)).toMatchObject({ resendsLeft: 3 })
  })

  test('no push is repeated for an ended or expired challenge, with devices or not', async () => {
    for (const withPush of [true, false]) {
      const device = await aDevice(stores, user, { withPush })
      const endedId = await aStoredChallenge(stores, user, [device])
      const over = await aStoredChallenge(stores, user, [device])
      await cancel(stores, user, endedId)
      expect(await resend(stores, await challengeOf(stores, user, endedId))).toBe('changed')
      await runOut(stores, over)
      expect(await resend(stores, await challengeOf(stores, user, over))).toBe('changed')
      expect(await challengeOf(stores, user, over)).toMatchObject({ resendsLeft: 3 })
    }
  })
})

describe('any operations in any order', () => {
  const device = fc.nat(1)
  const kind = fc.constantFrom<AnswerKind | 'unregister'>(
    'approve',
    'deny',
    'wrong number',
    'wrong number',
    'unregister',
  )
  const other = fc.constantFrom('cancel', 'sweep', 'resend', 'run out')
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind, device }) },
    { weight: 1, arbitrary: fc.record({ kind: other, device: fc.constant(0) }) },
  )

  async function take(kind: string, challenge: Challenge, device: DeviceId) {
    const { tenantId, id } = challenge
    switch (kind) {
      case 'unregister':
        return unregister(stores, user, device)
      case 'cancel':
        return cancel(stores, user, id)
      case 'sweep':
        return stores.challenges.expire({ tenantId, id }, 1)
      case 'run out':
        return runOut(stores, id)
      case 'resend':
        return challenge.resendsLeft > 0 && resend(stores, challenge)
      default:
        return answer(stores, user, challenge, device, kind as AnswerKind)
    }
  }

  test('any operations end a challenge once, never change it after, record one end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        user = await aUser(stores)
        const devices = [await aDevice(stores, user), await aDevice(stores, user)] as const
        const id = await aStoredChallenge(stores, user, devices)
        let last = await challengeOf(stores, user, id)
        for (const { kind, device } of steps) {
          await take(kind, last, devices[device === 0 ? 0 : 1])
          const now = await challengeOf(stores, user, id)
          const { expiresAt: _, ...fixedFacts } = last
          if (last.status !== 'pending') expect(now).toMatchObject(fixedFacts)
          expect(now.wrongNumbersLeft).toBeLessThanOrEqual(last.wrongNumbersLeft)
          last = now
        }
        const answers = await stores.database.query<{ outcome: string }>(
          'answers_of',
          'select outcome from answers where challenge_id = $1',
          [id],
        )
        const wrong = answers.filter(({ outcome }) => outcome === 'wrong_number').length
        const isDecided = last.decidedDeviceId !== null && last.reason !== 'number_mismatch'
        expect(wrong).toBe(3 - last.wrongNumbersLeft)
        expect(answers.length - wrong).toBe(isDecided ? 1 : 0)
        const types = await activityTypesOf(stores, user)
        const ends = types.filter((type) =>
          /^challenge_(approved|denied|expired|cancelled)$/.test(type),
        )
        expect(ends).toHaveLength(last.status === 'pending' ? 0 : 1)
        expect(types.filter((type) => type === 'number_failed')).toHaveLength(wrong)
      }),
      // Without shrinking: each run takes as long as the first, and the steps are short.
      { numRuns: 30, endOnFailure: true },
    )
  })
})
