import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../src/domain/ids.ts'
import { repetitions } from '../support/endurance.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  aDevice,
  anAnswer,
  aProof,
  aStoredChallenge,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { answer, cancel, challengeOf, decidedAnswer, unregister } from './challenge-steps.ts'

let openedStores: Stores
let stores: Stores
let user: TestUser

beforeAll(async () => {
  openedStores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => openedStores.close())

const lanes = 5

/**
 * Runs a race repeatedly, a few at a time, each lane one after the other: as often as it should at
 * least, and then until both outcomes were seen, or as often as it may.
 */
async function inRounds(
  { least, ...races }: { readonly least: number; readonly usual: number; readonly nightly: number },
  outcomes: ReadonlySet<string>,
  race: (lane: number) => Promise<void>,
): Promise<void> {
  const rounds = repetitions(races)
  const enough = repetitions({ usual: least, nightly: rounds })
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let round = lane; round < rounds; round += lanes) {
        if (round >= enough && outcomes.size > 1) return
        await race(lane)
      }
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
  const record = await stores.challenges.find(user.tenantId, user.rpId, id)
  return record?.challenge.status
}

describe.each(bothPaths)('a challenge has one end, %s', (_, on) => {
  beforeAll(() => {
    stores = on(openedStores)
  })

  test('opposite concurrent answers of two devices leave one final status', async () => {
    const [first, second] = [await aDevice(stores, user), await aDevice(stores, user)]
    const statuses = new Set<string>()
    let isDenialFirst = false
    await inRounds({ least: 20, usual: 60, nightly: 500 }, statuses, async () => {
      const id = await aStoredChallenge(stores, user, [first, second])
      const approve = () =>
        stores.challenges.recordAnswer(anAnswer(user, id, first), aProof(user, first))
      const deny = () =>
        stores.challenges.recordAnswer(anAnswer(user, id, second, denial), aProof(user, second))
      // In one batch the first answer wins.
      const calls = isDenialFirst ? [deny, approve] : [approve, deny]
      isDenialFirst = !isDenialFirst
      const outcomes = await Promise.all(calls.map((call) => call()))
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['changed', 'recorded'])
      const isApproved = outcomes[calls.indexOf(approve)]?.kind === 'recorded'
      const status = isApproved ? 'approved' : 'denied'
      expect(await statusOf(id)).toBe(status)
      statuses.add(status)
    })
    expect(statuses).toEqual(new Set(['approved', 'denied']))
  })

  test('an answer changes nothing that has ended', async () => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
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
      await aStoredChallenge(stores, user, [device]),
      await aStoredChallenge(stores, user, [device]),
    ]
    const kinds = await Promise.all(
      [one, other].map((id) => stores.challenges.recordAnswer(anAnswer(user, id, device), proof)),
    )
    expect(kinds.map(({ kind }) => kind).sort()).toEqual(['proof_replayed', 'recorded'])
  })

  test('of parallel wrong numbers each costs an attempt, and none is lost', async () => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device])
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
    const record = await stores.challenges.find(user.tenantId, user.rpId, id)
    expect(record?.challenge.wrongNumbersLeft).toBe(2)
  })
})

describe.each(bothPaths)('expiry is checked after the row locks are acquired, %s', (_, on) => {
  beforeAll(() => {
    stores = on(openedStores)
  })

  // The lock of the holder outlasts the challenge; the answer waits for it.
  async function answerBehind(lock: string, values: (id: string, device: string) => string[]) {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device], { ttlMs: 250 })
    const holder = new pg.Client({ connectionString: stores.url })
    await holder.connect()
    try {
      const recording = await decidedAnswer(stores, user, id, device, 'approve')
      await holder.query('begin')
      await holder.query(lock, [user.tenantId, ...values(id, device)])
      const answering = stores.challenges.recordAnswer(recording, aProof(user, device))
      await holder.query(`select pg_sleep(greatest(0, extract(epoch from
        (select expires_at from challenges where id = '${id}') - clock_timestamp())) + 0.05)`)
      await holder.query('commit')
      return { outcome: await answering, status: await statusOf(id) }
    } finally {
      await holder.end()
    }
  }
  const late = { outcome: { kind: 'expired' }, status: 'pending' }

  test('an answer that waits past expiry for a lock on the challenge row is refused', async () => {
    const lock = 'select 1 from challenges where tenant_id = $1 and id = $2 for update'
    expect(await answerBehind(lock, (id) => [id])).toEqual(late)
  })

  test('an answer that waits past expiry for a changed challenge row is refused', async () => {
    const change = 'update challenges set binding = binding where tenant_id = $1 and id = $2'
    expect(await answerBehind(change, (id) => [id])).toEqual(late)
  })

  test('an answer that waits past expiry for the device row is refused', async () => {
    const lock = 'select 1 from devices where tenant_id = $1 and id = $2 for update'
    expect(await answerBehind(lock, (_, device) => [device])).toEqual(late)
  })

  test('an answer that waits past expiry for the budget’s row is refused', async () => {
    const lock = `select 1 from initiators where tenant_id = $1
      and key = (select budget_key from challenges where id = $2) for update`
    expect(await answerBehind(lock, (id) => [id])).toEqual(late)
  })

  test('a reader that ends an expired challenge waits for an answer that was in time', async () => {
    const device = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device], { ttlMs: 250 })
    const holder = new pg.Client({ connectionString: stores.url })
    await holder.connect()
    await holder.query('begin')
    await holder.query(
      `update challenges set status = 'approved', decided_at = clock_timestamp(),
        number_sealed = null
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

describe.each(bothPaths)('unregistering is final, %s', (_, on) => {
  beforeAll(() => {
    stores = on(openedStores)
  })

  test('after unregister returned no answer of that device commits', async () => {
    const jitter = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
    const racers = await Promise.all(Array.from({ length: lanes }, () => aUser(stores)))
    const kinds = new Set<string>()
    await inRounds({ least: 60, usual: 200, nightly: 1_000 }, kinds, async (lane) => {
      const racer = racers[lane] ?? user
      const [device, otherDevice] = [await aDevice(stores, racer), await aDevice(stores, racer)]
      const id = await aStoredChallenge(stores, racer, [device, otherDevice])
      const status = async () =>
        (await stores.challenges.find(racer.tenantId, racer.rpId, id))?.challenge.status
      const [statusAtReturn, outcome] = await Promise.all([
        jitter()
          .then(() => stores.devices.unregister(unregistration(racer, device)))
          .then(status),
        jitter().then(() =>
          stores.challenges.recordAnswer(anAnswer(racer, id, device), aProof(racer, device)),
        ),
      ])
      kinds.add(outcome.kind)
      expect(await status()).toBe(statusAtReturn)
      expect(statusAtReturn).toBe(outcome.kind === 'recorded' ? 'approved' : 'pending')
      await stores.devices.unregister(unregistration(racer, otherDevice))
    })
    expect(kinds).toEqual(new Set(['recorded', 'device_not_active']))
  })

  test('an answer that comes after unregister returned is refused', async () => {
    const device = await aDevice(stores, user)
    const other = await aDevice(stores, user)
    const id = await aStoredChallenge(stores, user, [device, other])
    await stores.devices.unregister(unregistration(user, device))
    const outcome = await stores.challenges.recordAnswer(
      anAnswer(user, id, device),
      aProof(user, device),
    )
    expect(outcome).toEqual({ kind: 'device_not_active' })
    expect(await statusOf(id)).toBe('pending')
  })

  test('a challenge that loses its last device ends as denied, no_device_left', async () => {
    const devices = [await aDevice(stores, user), await aDevice(stores, user)]
    const id = await aStoredChallenge(stores, user, devices)
    const unregistrations = await Promise.all(
      devices.map((device) => stores.devices.unregister(unregistration(user, device))),
    )
    expect(unregistrations.flatMap((one) => one.endedChallenges)).toEqual([id])
    const record = await stores.challenges.find(user.tenantId, user.rpId, id)
    expect(record?.challenge).toMatchObject({ status: 'denied', reason: 'no_device_left' })
  })
  test.each<[string, (device: DeviceId) => Promise<unknown>]>([
    ['its last device is unregistered', (device) => unregister(stores, user, device)],
    ['its user is suspended', () => stores.suspensions.suspendUser({ ...user, actor: 'operator' })],
  ])('an ended challenge does not change when %s', async (__, end) => {
    const device = await aDevice(stores, user)
    const [approvedId, cancelledId] = [
      await aStoredChallenge(stores, user, [device]),
      await aStoredChallenge(stores, user, [device]),
    ]
    await answer(stores, user, await challengeOf(stores, user, approvedId), device)
    await cancel(stores, user, cancelledId)
    const readBoth = async () => [
      await challengeOf(stores, user, approvedId),
      await challengeOf(stores, user, cancelledId),
    ]
    const before = await readBoth()
    expect(before).toMatchObject([{ status: 'approved' }, { status: 'cancelled' }])
    expect(await end(device)).toMatchObject({ endedChallenges: [] })
    expect(await readBoth()).toEqual(before)
  })
})
