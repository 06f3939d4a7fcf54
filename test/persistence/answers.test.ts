import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../src/domain/ids.ts'
import {
  aChallenge,
  aDevice,
  anAnswer,
  aProof,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { answer, cancel, challengeOf, unregister } from './asking.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const lanes = 5

/** Runs a race again and again, a few at a time, each lane one after the other. */
async function inRounds(rounds: number, race: (lane: number) => Promise<void>): Promise<void> {
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let round = lane; round < rounds; round += lanes) await race(lane)
    }),
  )
}

function unregistration({ tenantId, userId }: TestUser, device: DeviceId) {
  return { tenantId, userId, deviceIds: [device], reason: 'lost', actor: 'operator' } as const
}

const denial = {
  decision: 'deny',
  effect: { outcome: 'denied', status: 'denied', reason: 'user_denied', wrongNumbersLeft: 3 },
} as const

async function statusOf(id: Parameters<Stores['challenges']['find']>[2]) {
  const found = await stores.challenges.find(user.tenantId, user.rpId, id)
  return found?.challenge.status
}

describe('a challenge has one end', () => {
  test('two devices that answer opposite ways at the same time, 500 rounds, leave one terminal state each', async () => {
    const [first, second] = [await aDevice(stores, user), await aDevice(stores, user)]
    await inRounds(500, async () => {
      const id = await aChallenge(stores, user, [first, second])
      const outcomes = await Promise.all([
        stores.challenges.recordAnswer(anAnswer(user, id, first), aProof(user, first)),
        stores.challenges.recordAnswer(anAnswer(user, id, second, denial), aProof(user, second)),
      ])
      const kinds = outcomes.map(({ kind }) => kind).sort()
      expect(kinds).toEqual(['changed', 'recorded'])
      expect(await statusOf(id)).toBe(outcomes[0].kind === 'recorded' ? 'approved' : 'denied')
    })
  })

  test('an answer changes nothing that has ended', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    await stores.challenges.recordAnswer(anAnswer(user, id, device, denial), aProof(user, device))
    const late = await stores.challenges.recordAnswer(
      anAnswer(user, id, device),
      aProof(user, device),
    )
    expect(late).toEqual({ kind: 'changed' })
    expect(await statusOf(id)).toBe('denied')
  })

  test('a proof records one answer', async () => {
    const device = await aDevice(stores, user)
    const proof = aProof(user, device)
    const [one, other] = [
      await aChallenge(stores, user, [device]),
      await aChallenge(stores, user, [device]),
    ]
    const kinds = await Promise.all(
      [one, other].map((id) => stores.challenges.recordAnswer(anAnswer(user, id, device), proof)),
    )
    expect(kinds.map(({ kind }) => kind).sort()).toEqual(['proof_replayed', 'recorded'])
  })

  test('of parallel wrong numbers each costs a try, and none is lost', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device])
    const wrong = { outcome: 'wrong_number', status: 'pending', reason: null } as const
    const effect = { ...wrong, wrongNumbersLeft: 2 }
    const kinds = await Promise.all(
      Array.from({ length: 8 }, () =>
        stores.challenges.recordAnswer(
          anAnswer(user, id, device, { effect, jwsSealed: null }),
          aProof(user, device),
        ),
      ),
    )
    expect(kinds.filter(({ kind }) => kind === 'recorded')).toHaveLength(1)
    const found = await stores.challenges.find(user.tenantId, user.rpId, id)
    expect(found?.challenge.wrongNumbersLeft).toBe(2)
  })
})

describe('expiry is judged after the row locks are held', () => {
  // The holder's lock outlasts the challenge; the answer waits for it.
  async function answerBehind(lock: string, values: (id: string, device: string) => string[]) {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device], { ttlMs: 250 })
    const holder = new pg.Client({ connectionString: stores.url })
    await holder.connect()
    try {
      await holder.query('begin')
      await holder.query(lock, [user.tenantId, ...values(id, device)])
      const answering = stores.challenges.recordAnswer(
        anAnswer(user, id, device),
        aProof(user, device),
      )
      await holder.query(`select pg_sleep(greatest(0, extract(epoch from
        (select expires_at from challenges where id = '${id}') - clock_timestamp())) + 0.05)`)
      await holder.query('commit')
      return { outcome: await answering, status: await statusOf(id) }
    } finally {
      await holder.end()
    }
  }
  const late = { outcome: { kind: 'expired' }, status: 'pending' }

  test('an answer that waits past expiry on the challenge row, merely locked, is refused', async () => {
    const lock = 'select 1 from challenges where tenant_id = $1 and id = $2 for update'
    expect(await answerBehind(lock, (id) => [id])).toEqual(late)
  })

  test('an answer that waits past expiry on the challenge row, changed by the holder, is refused', async () => {
    const change = 'update challenges set binding = binding where tenant_id = $1 and id = $2'
    expect(await answerBehind(change, (id) => [id])).toEqual(late)
  })

  test('an answer that waits past expiry on the device row is refused', async () => {
    const lock = 'select 1 from devices where tenant_id = $1 and id = $2 for update'
    expect(await answerBehind(lock, (_, device) => [device])).toEqual(late)
  })

  test('a reader that ends an expired challenge waits for the answer that came in time', async () => {
    const device = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device], { ttlMs: 250 })
    const holder = new pg.Client({ connectionString: stores.url })
    await holder.connect()
    await holder.query('begin')
    await holder.query(
      `update challenges set status = 'approved', decided_at = clock_timestamp(), number_sealed = null
       where tenant_id = $1 and id = $2`,
      [user.tenantId, id],
    )
    await holder.query(`select pg_sleep(greatest(0, extract(epoch from
      (select expires_at from challenges where id = '${id}') - clock_timestamp())) + 0.05)`)
    const expiring = stores.challenges.expire({ tenantId: user.tenantId, id }, 1)
    await holder.query('commit')
    await holder.end()
    expect(await expiring).toEqual([])
    expect(await statusOf(id)).toBe('approved')
  })
})

describe('unregistering is final', () => {
  test('after unregister returned no answer of that device commits, 500 races', async () => {
    const jitter = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
    const racers = await Promise.all(Array.from({ length: lanes }, () => aUser(stores)))
    await inRounds(500, async (lane) => {
      const racer = racers[lane] ?? user
      const [device, keeper] = [await aDevice(stores, racer), await aDevice(stores, racer)]
      const id = await aChallenge(stores, racer, [device, keeper])
      const status = async () =>
        (await stores.challenges.find(racer.tenantId, racer.rpId, id))?.challenge.status
      const [statusAtReturn, answered] = await Promise.all([
        jitter()
          .then(() => stores.devices.unregister(unregistration(racer, device), null))
          .then(status),
        jitter().then(() =>
          stores.challenges.recordAnswer(anAnswer(racer, id, device), aProof(racer, device)),
        ),
      ])
      expect(await status()).toBe(statusAtReturn)
      expect(statusAtReturn).toBe(answered.kind === 'recorded' ? 'approved' : 'pending')
      await stores.devices.unregister(unregistration(racer, keeper), null)
    })
  })

  test('an answer that comes after unregister returned is refused', async () => {
    const device = await aDevice(stores, user)
    const other = await aDevice(stores, user)
    const id = await aChallenge(stores, user, [device, other])
    await stores.devices.unregister(unregistration(user, device), null)
    const outcome = await stores.challenges.recordAnswer(
      anAnswer(user, id, device),
      aProof(user, device),
    )
    expect(outcome).toEqual({ kind: 'device_not_active' })
    expect(await statusOf(id)).toBe('pending')
  })

  test('a challenge that loses its last device ends as denied, no_device_left', async () => {
    const devices = [await aDevice(stores, user), await aDevice(stores, user)]
    const id = await aChallenge(stores, user, devices)
    const ended = await Promise.all(
      devices.map((device) => stores.devices.unregister(unregistration(user, device), null)),
    )
    expect(ended.flatMap((one) => (one === 'proof_replayed' ? [] : one.endedChallenges))).toEqual([
      id,
    ])
    const found = await stores.challenges.find(user.tenantId, user.rpId, id)
    expect(found?.challenge).toMatchObject({ status: 'denied', reason: 'no_device_left' })
  })
  test.each<[string, (device: DeviceId) => Promise<unknown>]>([
    ['its last device goes', (device) => unregister(stores, user, device)],
    ['its user is suspended', () => stores.suspensions.suspendUser({ ...user, actor: 'operator' })],
  ])('a challenge that has ended stays as it ended when %s', async (_, deed) => {
    const device = await aDevice(stores, user)
    const [approved, cancelled] = [
      await aChallenge(stores, user, [device]),
      await aChallenge(stores, user, [device]),
    ]
    await answer(stores, user, await challengeOf(stores, user, approved), device)
    await cancel(stores, user, cancelled)
    const seen = async () => [
      await challengeOf(stores, user, approved),
      await challengeOf(stores, user, cancelled),
    ]
    const before = await seen()
    expect(before).toMatchObject([{ status: 'approved' }, { status: 'cancelled' }])
    expect(await deed(device)).toMatchObject({ endedChallenges: [] })
    expect(await seen()).toEqual(before)
  })
})
