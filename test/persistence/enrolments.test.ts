import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import {
  type ConfirmationEffect,
  confirmEnrolment,
  type Enrolment,
} from '../../src/domain/enrolment.ts'
import type { DeviceId, EnrolmentId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/outbound/random.ts'
import { openDatabase } from '../../src/persistence/database.ts'
import { createEnrolmentStore } from '../../src/persistence/enrolments.ts'
import { onServer } from '../support/cluster.ts'
import {
  aChallenge,
  aClaim,
  aColleague,
  aDevice,
  aKey,
  anEnrolment,
  aProof,
  aUser,
  beginOn,
  lockWaiters,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const numberSealed = randomBytes(40)
const times = <T>(count: number, make: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)))
const kindsOf = (outcomes: readonly { readonly kind: string }[]) => {
  const counts: Record<string, number> = {}
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

async function read(id: EnrolmentId) {
  const record = await stores.enrolments.find(user.tenantId, id)
  if (!record) throw new Error('the enrolment exists')
  return { ...record.enrolment, number: record.numberSealed }
}

async function devices(of = user) {
  return stores.devices.listOfUser(of.tenantId, of.userId)
}

async function statusOf(id: DeviceId) {
  return (await stores.devices.find(user.tenantId, id))?.status
}

/** A transaction of its own. */
const begin = () => beginOn(stores)

/** Makes every row that is written so take a while, so that two writers meet. */
async function slow(writing: string) {
  const run = (text: string) => onServer(stores.url, (client) => client.query(text))
  await run(`create or replace function wait_a_little() returns trigger language plpgsql as
    $$ begin perform pg_sleep(0.05); return new; end $$`)
  await run(`create trigger slow before ${writing} for each row execute function wait_a_little()`)
  return { end: () => run(`drop trigger slow ${writing.slice(writing.indexOf('on'))}`) }
}

/** Makes it an enrolment whose time is over. */
async function runOut({ tenantId, id }: Pick<Enrolment, 'tenantId' | 'id'>) {
  await stores.database.query(
    'run_out',
    `update enrolments set expires_at = clock_timestamp() - interval '1 ms'
     where tenant_id = $1 and id = $2`,
    [tenantId, id],
  )
}

/** A device that waits for its number. */
async function anUnconfirmed(more: Parameters<typeof anEnrolment>[2] = {}) {
  const opened = await anEnrolment(stores, user, { ...more, confirmationRequired: true })
  const claimed = await stores.enrolments.claim(aClaim(opened, { numberSealed }))
  if (claimed.kind !== 'claimed') throw new Error(`the claim was refused: ${claimed.kind}`)
  return { enrolment: await read(opened.id), deviceId: claimed.device.id }
}

function confirm(
  enrolment: Enrolment,
  effect: ConfirmationEffect,
  proof?: ReturnType<typeof aProof>,
) {
  if (enrolment.deviceId === null) throw new Error('nobody claimed it')
  return stores.enrolments.confirm(
    {
      enrolment,
      effect,
      activities: [
        activity({
          userId: user.userId,
          type: 'device_added',
          actor: `device:${enrolment.deviceId}`,
        }),
      ],
    },
    proof ?? aProof(user, enrolment.deviceId),
  )
}
const right = (enrolment: Enrolment) => confirmEnrolment(enrolment.wrongNumbersLeft, true)
const wrong = (enrolment: Enrolment) => confirmEnrolment(enrolment.wrongNumbersLeft, false)

describe('a code brings one device', () => {
  test('100 parallel claims of one code make exactly one device', async () => {
    const enrolment = await anEnrolment(stores, user)
    const outcomes = await times(100, () => stores.enrolments.claim(aClaim(enrolment)))
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, not_open: 99 })
    expect(await devices()).toHaveLength(1)
    expect(await read(enrolment.id)).toMatchObject({ status: 'completed' })
  })

  test('30 parallel claims of different codes never exceed the devices that a user may have', async () => {
    const enrolments = await times(30, () => anEnrolment(stores, user))
    const outcomes = await Promise.all(
      enrolments.map((one) => stores.enrolments.claim(aClaim(one, { devicesPerUserMax: 7 }))),
    )
    expect(kindsOf(outcomes)).toEqual({ claimed: 7, too_many_devices: 23 })
    expect(await devices()).toHaveLength(7)
  })

  test('a claim that is refused for too many devices leaves the code open', async () => {
    await aDevice(stores, user)
    const enrolment = await anEnrolment(stores, user)
    const claim = aClaim(enrolment, { devicesPerUserMax: 1 })
    expect(await stores.enrolments.claim(claim)).toEqual({ kind: 'too_many_devices' })
    expect(await read(enrolment.id)).toMatchObject({
      status: 'open',
      deviceId: null,
      claimedAt: null,
    })
    const roomier = { ...claim, devicesPerUserMax: 2 }
    expect(await stores.enrolments.claim(roomier)).toMatchObject({ kind: 'claimed' })
  })

  test('one that waits for its number counts, until its enrolment has run out', async () => {
    const { enrolment } = await anUnconfirmed()
    const next = await anEnrolment(stores, user)
    const claim = aClaim(next, { devicesPerUserMax: 1 })
    expect(await stores.enrolments.claim(claim)).toEqual({ kind: 'too_many_devices' })
    await runOut(enrolment)
    expect(await stores.enrolments.claim(claim)).toMatchObject({ kind: 'claimed' })
  })

  test('after its time no code can be claimed', async () => {
    const enrolment = await anEnrolment(stores, user)
    await runOut(enrolment)
    expect(await stores.enrolments.claim(aClaim(enrolment))).toEqual({ kind: 'not_open' })
    expect(await devices()).toEqual([])
  })

  test('a scanned code is found by its hash within its tenant, with what the device will need', async () => {
    const codeHash = randomBytes(32)
    const enrolment = await anEnrolment(stores, user, { codeHash })
    const found = await stores.enrolments.findByCode(user.tenantId, codeHash)
    expect(found).toMatchObject({
      enrolment: { id: enrolment.id, status: 'open' },
      tenantName: 'Test',
      userName: 'Alice',
      signingKeys: [{ kid: user.signingKid, seq: 1 }],
    })
    const stranger = await aUser(stores)
    expect(await stores.enrolments.findByCode(stranger.tenantId, codeHash)).toBeNull()
    expect(await stores.enrolments.findByCode(user.tenantId, randomBytes(32))).toBeNull()
  })

  test('a claim records what it did in the same transaction', async () => {
    const enrolment = await anEnrolment(stores, user)
    const claim = aClaim(enrolment)
    const event = activity({
      userId: user.userId,
      type: 'enrolment_claimed',
      actor: `device:${claim.device.id}`,
      deviceId: claim.device.id,
      enrolmentId: enrolment.id,
    })
    await stores.enrolments.claim({ ...claim, activities: [event] })
    const [latest] = await stores.activities.list(user.tenantId, user.userId, {
      limit: 1,
      before: null,
    })
    expect(latest).toMatchObject({
      type: 'enrolment_claimed',
      deviceId: claim.device.id,
      enrolmentId: enrolment.id,
    })
  })
})

describe('a key belongs to one device', () => {
  const keysOf = (deviceId: DeviceId) =>
    stores.database.query('keys_of', 'select kid from device_keys where device_id = $1', [deviceId])

  async function refusedWith(keys: ReturnType<typeof aKey>[]) {
    const enrolment = await anEnrolment(stores, user)
    const before = await devices()
    const claim = aClaim(enrolment, { keys })
    expect(await stores.enrolments.claim(claim)).toEqual({ kind: 'key_already_registered' })
    expect(await devices()).toEqual(before)
    expect(await keysOf(claim.device.id)).toEqual([])
    expect(await read(enrolment.id)).toMatchObject({ status: 'open', deviceId: null, number: null })
    expect(await stores.enrolments.claim(aClaim(enrolment))).toMatchObject({ kind: 'claimed' })
  }

  test('a possession key of another device is refused and leaves nothing behind', async () => {
    const key = aKey()
    await aDevice(stores, user, { keys: [key] })
    await refusedWith([key])
  })

  test('a possession key that is another device’s verification key is refused', async () => {
    const key = aKey('verification')
    await aDevice(stores, user, { keys: [aKey(), key] })
    await refusedWith([{ ...key, role: 'possession' }])
  })

  test('a verification key that is another device’s is refused with the new possession key beside it', async () => {
    const key = aKey()
    await aDevice(stores, user, { keys: [key] })
    await refusedWith([aKey(), { ...key, role: 'verification' }])
  })

  test('a key of another tenant’s device is refused', async () => {
    const key = aKey()
    await aDevice(stores, await aUser(stores), { keys: [key] })
    await refusedWith([key])
  })

  test('a key of a device that was unregistered is refused for ever', async () => {
    const key = aKey()
    const deviceId = await aDevice(stores, user, { keys: [key] })
    const { tenantId, userId } = user
    const command = {
      tenantId,
      userId,
      deviceIds: [deviceId],
      reason: 'lost',
      actor: 'operator',
    } as const
    await stores.devices.unregister(command, null)
    await refusedWith([key])
  })

  test('of parallel claims with one key one gets it', async () => {
    const key = aKey()
    const enrolments = await times(10, () => anEnrolment(stores, user))
    const outcomes = await Promise.all(
      enrolments.map((one) => stores.enrolments.claim(aClaim(one, { keys: [key] }))),
    )
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, key_already_registered: 9 })
  })

  test('claims that swap each other’s keys at the same moment are refused, not deadlocked', async () => {
    const slowly = await slow('insert on device_keys')
    const others = await times(4, (index) => aColleague(stores, user, `swapper-${index}`))
    const enrolments = await Promise.all(others.map((other) => anEnrolment(stores, other)))
    const [one, two] = [aKey(), aKey()]
    const outcomes = await Promise.all(
      enrolments.map((enrolment, index) => {
        const [first, second] = index % 2 === 0 ? [one, two] : [two, one]
        const keys = [first, { ...second, role: 'verification' as const }]
        return stores.enrolments.claim(aClaim(enrolment, { keys }))
      }),
    )
    await slowly.end()
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, key_already_registered: 3 })
  })
})

describe('a typed code', () => {
  const guess = (hash: Uint8Array = randomBytes(32), name = 'alice') =>
    stores.enrolments.findByTypedCode(user.tenantId, name, hash)

  /** Counts each guess that the database looks at, whoever makes it. */
  async function countLooks(id: EnrolmentId) {
    await onServer(stores.url, (client) =>
      client.query(`
        create table if not exists looks (id text not null);
        create or replace function log_look() returns trigger language plpgsql as
          $$ begin insert into looks values (new.id); return null; end $$;
        create or replace trigger looked after update on enrolments for each row
          when (new.code_tries_left < old.code_tries_left) execute function log_look()`),
    )
    return async () => {
      const rows = await stores.database.query('count_looks', 'select 1 from looks where id = $1', [
        id,
      ])
      return rows.length
    }
  }

  test('is found by the user’s name and its hash, and a right guess costs nothing', async () => {
    const typedCodeHash = randomBytes(32)
    const enrolment = await anEnrolment(stores, user, { typedCodeHash })
    for (let tries = 0; tries < 7; tries++) {
      expect(await guess(typedCodeHash)).toMatchObject({
        enrolment: { id: enrolment.id, codeTriesLeft: 5 },
      })
    }
  })

  test('of 100 parallel wrong guesses at most 5 are looked at, then the enrolment is void', async () => {
    const typedCodeHash = randomBytes(32)
    const enrolment = await anEnrolment(stores, user, { typedCodeHash })
    const looks = await countLooks(enrolment.id)
    expect(await times(100, () => guess())).toEqual(Array(100).fill(null))
    expect(await looks()).toBe(5)
    expect(await read(enrolment.id)).toMatchObject({
      status: 'void',
      reason: 'code_tries_used_up',
      codeTriesLeft: 0,
      endedAt: expect.any(Date),
    })
    expect(await guess(typedCodeHash)).toBeNull()
    expect(await stores.enrolments.claim(aClaim(enrolment))).toEqual({ kind: 'not_open' })
    const { tenantId, userId } = user
    const told = await stores.activities.list(tenantId, userId, { limit: 100, before: null })
    expect(told.filter(({ type }) => type === 'enrolment_void')).toHaveLength(1)
  })

  test('that is right costs the user’s other open enrolments nothing either', async () => {
    const typedCodeHash = randomBytes(32)
    const enrolment = await anEnrolment(stores, user, { typedCodeHash })
    const other = await anEnrolment(stores, user)
    for (let tries = 0; tries < 7; tries++) {
      expect(await guess(typedCodeHash)).toMatchObject({ enrolment: { id: enrolment.id } })
    }
    expect(await read(other.id)).toMatchObject({ status: 'open', codeTriesLeft: 5 })
  })

  test('that is wrong costs each open enrolment of that user a try, and nobody else’s', async () => {
    const colleague = await aColleague(stores, user, 'bob')
    const [one, two] = [await anEnrolment(stores, user), await anEnrolment(stores, user)]
    const others = await anEnrolment(stores, colleague)
    await guess()
    expect(await read(one.id)).toMatchObject({ codeTriesLeft: 4 })
    expect(await read(two.id)).toMatchObject({ codeTriesLeft: 4 })
    expect(await read(others.id)).toMatchObject({ codeTriesLeft: 5 })
  })

  test('of one user does not fit another’s name', async () => {
    await aColleague(stores, user, 'carol')
    const typedCodeHash = randomBytes(32)
    const enrolment = await anEnrolment(stores, user, { typedCodeHash })
    for (const name of ['carol', 'nobody', '', 'ALICE', 'alice ', '%', "' or 1=1 --"]) {
      expect(await guess(typedCodeHash, name)).toBeNull()
    }
    expect(await read(enrolment.id)).toMatchObject({ codeTriesLeft: 5 })
  })

  test('is worth nothing once its enrolment was claimed, cancelled or has run out', async () => {
    const hashes = [randomBytes(32), randomBytes(32), randomBytes(32)] as const
    const [claimed, cancelled, over] = await Promise.all(
      hashes.map((typedCodeHash) => anEnrolment(stores, user, { typedCodeHash })),
    )
    if (!claimed || !cancelled || !over) throw new Error('three were opened')
    await stores.enrolments.claim(aClaim(claimed))
    const event = activity({ userId: user.userId, type: 'enrolment_cancelled', actor: 'operator' })
    await stores.enrolments.cancel(user.tenantId, cancelled.id, user.rpId, event)
    await runOut(over)
    for (const hash of hashes) expect(await guess(hash)).toBeNull()
    expect(await read(over.id)).toMatchObject({ status: 'open', codeTriesLeft: 5 })
  })

  test('guesses at several enrolments take their rows in one order, and never deadlock', async () => {
    const [first, second] = [await anEnrolment(stores, user), await anEnrolment(stores, user)]
    // Without indexes rows come in the order in which they were last written, which is another for each reader.
    const url = new URL(stores.url)
    url.searchParams.set('options', '-c enable_indexscan=off -c enable_bitmapscan=off')
    const database = openDatabase({ url: url.href, timeoutMs: 15_000 })
    const { findByTypedCode } = createEnrolmentStore(database, systemRandom)
    const missed = () => findByTypedCode(user.tenantId, 'alice', randomBytes(32))
    const [mover, keeper] = [await begin(), await begin()]

    await mover.query('update enrolments set claimed_at = null where id = $1', [first.id])
    const kept = keeper.query('select 1 from enrolments where id = $1 for update', [first.id])
    await until('the keeper waits', async () => (await lockWaiters(stores)) === 1)
    const before = missed()
    await until('the guess waits', async () => (await lockWaiters(stores)) === 2)
    await mover.commit()
    await kept
    const behind = missed()
    await until('both guesses wait', async () => (await lockWaiters(stores)) === 2)
    await keeper.commit()

    expect(await Promise.all([before, behind])).toEqual([null, null])
    await database.close()
    expect(await read(first.id)).toMatchObject({ codeTriesLeft: 3 })
    expect(await read(second.id)).toMatchObject({ codeTriesLeft: 3 })
  })
})

describe('the number confirms a new device', () => {
  test('right: the device is active, the enrolment completed and the number erased', async () => {
    const { enrolment, deviceId } = await anUnconfirmed()
    expect(enrolment).toMatchObject({ status: 'claimed', deviceId, number: numberSealed })
    expect(await statusOf(deviceId)).toBe('unconfirmed')
    expect(await confirm(enrolment, right(enrolment))).toEqual({ kind: 'recorded', replaced: null })
    expect(await stores.devices.find(user.tenantId, deviceId)).toMatchObject({
      status: 'active',
      activatedAt: expect.any(Date),
    })
    expect(await read(enrolment.id)).toMatchObject({
      status: 'completed',
      number: null,
      wrongNumbersLeft: 3,
    })
  })

  test('wrong three times: the enrolment is void and the device unregistered', async () => {
    const { enrolment, deviceId } = await anUnconfirmed()
    for (const left of [2, 1]) {
      const now = await read(enrolment.id)
      expect(await confirm(now, wrong(now))).toMatchObject({ kind: 'recorded' })
      expect(await read(enrolment.id)).toMatchObject({ status: 'claimed', wrongNumbersLeft: left })
      expect(await statusOf(deviceId)).toBe('unconfirmed')
    }
    const last = await read(enrolment.id)
    expect(await confirm(last, wrong(last))).toMatchObject({ kind: 'recorded' })
    expect(await read(enrolment.id)).toMatchObject({
      status: 'void',
      reason: 'number_tries_used_up',
      wrongNumbersLeft: 0,
      number: null,
    })
    expect(await stores.devices.find(user.tenantId, deviceId)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'not_confirmed',
    })
    expect(await confirm(last, right(last))).toEqual({ kind: 'changed' })
    expect(await statusOf(deviceId)).toBe('unregistered')
  })

  test('parallel confirmations count each try once', async () => {
    const { enrolment, deviceId } = await anUnconfirmed()
    for (const left of [2, 1, 0]) {
      const now = await read(enrolment.id)
      const outcomes = await times(10, () => confirm(now, wrong(now)))
      expect(kindsOf(outcomes)).toEqual({ recorded: 1, changed: 9 })
      expect(await read(enrolment.id)).toMatchObject({ wrongNumbersLeft: left })
    }
    expect(await statusOf(deviceId)).toBe('unregistered')
  })

  test('a right and a wrong number at the same time leave one of the two outcomes, whole', async () => {
    for (let round = 0; round < 20; round++) {
      const { enrolment, deviceId } = await anUnconfirmed()
      const [first] = await Promise.all([
        confirm(enrolment, right(enrolment)),
        confirm(enrolment, wrong(enrolment)),
      ])
      const expected =
        first.kind === 'recorded'
          ? [{ status: 'completed', wrongNumbersLeft: 3 }, 'active']
          : [{ status: 'claimed', wrongNumbersLeft: 2 }, 'unconfirmed']
      expect(await read(enrolment.id)).toMatchObject(expected[0] as object)
      expect(await statusOf(deviceId)).toBe(expected[1])
      const { tenantId, userId } = user
      const all = { tenantId, userId, deviceIds: [], reason: 'admin', actor: 'operator' } as const
      await stores.devices.unregister(all, null)
    }
  })

  test('a proof confirms once', async () => {
    const { enrolment, deviceId } = await anUnconfirmed()
    const proof = aProof(user, deviceId)
    expect(await confirm(enrolment, wrong(enrolment), proof)).toMatchObject({ kind: 'recorded' })
    const now = await read(enrolment.id)
    expect(await confirm(now, right(now), proof)).toEqual({ kind: 'proof_replayed' })
    expect(await statusOf(deviceId)).toBe('unconfirmed')
  })

  test('no number confirms after the enrolment’s time', async () => {
    const { enrolment, deviceId } = await anUnconfirmed()
    await runOut(enrolment)
    expect(await confirm(enrolment, right(enrolment))).toEqual({ kind: 'changed' })
    expect(await statusOf(deviceId)).toBe('unconfirmed')
  })

  test('no number confirms a device that was unregistered meanwhile', async () => {
    const { enrolment, deviceId } = await anUnconfirmed()
    const { tenantId, userId } = user
    const command = {
      tenantId,
      userId,
      deviceIds: [deviceId],
      reason: 'stolen',
      actor: 'operator',
    } as const
    await stores.devices.unregister(command, null)
    expect(await read(enrolment.id)).toMatchObject({
      status: 'void',
      reason: 'device_unregistered',
      number: null,
    })
    expect(await confirm(enrolment, right(enrolment))).toEqual({ kind: 'changed' })
    expect(await statusOf(deviceId)).toBe('unregistered')
  })

  test('unregistering everything at the moment of the confirmation leaves no live device', async () => {
    for (let round = 0; round < 20; round++) {
      const { enrolment, deviceId } = await anUnconfirmed()
      const { tenantId, userId } = user
      const all = { tenantId, userId, deviceIds: [], reason: 'lost', actor: 'operator' } as const
      await Promise.all([
        confirm(enrolment, right(enrolment)),
        stores.devices.unregister(all, null),
      ])
      expect(await statusOf(deviceId)).toBe('unregistered')
    }
  })

  test('a device waits for its own enrolment only', async () => {
    const { enrolment, deviceId } = await anUnconfirmed()
    const found = await stores.enrolments.findForConfirmation(user.tenantId, deviceId)
    expect(found).toMatchObject({ enrolment: { id: enrolment.id }, numberSealed })
    const active = await aDevice(stores, user)
    expect(await stores.enrolments.findForConfirmation(user.tenantId, active)).toBeNull()
  })
})

describe('a device that is replaced', () => {
  test('stays until the new one is confirmed, and goes in the same commit', async () => {
    const old = await aDevice(stores, user)
    const asked = await aChallenge(stores, user, [old])
    const { enrolment, deviceId } = await anUnconfirmed({ replacesDeviceId: old })
    expect(await statusOf(old)).toBe('active')
    const outcome = await confirm(enrolment, right(enrolment))
    expect(outcome).toMatchObject({
      kind: 'recorded',
      replaced: { devices: [{ id: old }], endedChallenges: [asked] },
    })
    expect(await stores.devices.find(user.tenantId, old)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'replaced',
    })
    const commits = await stores.database.query(
      'commits',
      'select distinct xmin::text from devices where tenant_id = $1 and id = any($2::text[])',
      [user.tenantId, [old, deviceId]],
    )
    expect(commits).toHaveLength(1)
  })

  test('goes with the claim where no confirmation is asked for', async () => {
    const old = await aDevice(stores, user)
    const enrolment = await anEnrolment(stores, user, { replacesDeviceId: old })
    const claimed = await stores.enrolments.claim(aClaim(enrolment, { devicesPerUserMax: 1 }))
    expect(claimed).toMatchObject({ kind: 'claimed', replaced: { devices: [{ id: old }] } })
    expect(await statusOf(old)).toBe('unregistered')
  })

  test('stays when the number was wrong three times', async () => {
    const old = await aDevice(stores, user)
    const { enrolment } = await anUnconfirmed({ replacesDeviceId: old })
    for (let tries = 0; tries < 3; tries++) {
      const now = await read(enrolment.id)
      await confirm(now, wrong(now))
    }
    expect(await statusOf(old)).toBe('active')
  })

  test('makes room for one only, however many enrolments name it', async () => {
    const old = await aDevice(stores, user)
    const enrolments = await times(5, () =>
      anEnrolment(stores, user, { replacesDeviceId: old, confirmationRequired: true }),
    )
    const outcomes = await Promise.all(
      enrolments.map((one) =>
        stores.enrolments.claim(aClaim(one, { numberSealed, devicesPerUserMax: 1 })),
      ),
    )
    expect(kindsOf(outcomes)).toEqual({ claimed: 1, too_many_devices: 4 })
  })
})

describe('an enrolment is cancelled', () => {
  const cancel = (id: EnrolmentId, rpId = user.rpId) =>
    stores.enrolments.cancel(
      user.tenantId,
      id,
      rpId,
      activity({
        userId: user.userId,
        type: 'enrolment_cancelled',
        actor: 'operator',
        enrolmentId: id,
      }),
    )

  test('while open: its code is worth nothing any more', async () => {
    const enrolment = await anEnrolment(stores, user)
    expect(await cancel(enrolment.id)).toMatchObject({ status: 'cancelled' })
    expect(await stores.enrolments.claim(aClaim(enrolment))).toEqual({ kind: 'not_open' })
    expect(await cancel(enrolment.id)).toBeNull()
  })

  test('while claimed: its device is unregistered and its number erased', async () => {
    const { enrolment, deviceId } = await anUnconfirmed()
    expect(await cancel(enrolment.id)).toMatchObject({ status: 'cancelled' })
    expect(await read(enrolment.id)).toMatchObject({
      status: 'cancelled',
      reason: null,
      number: null,
    })
    expect(await stores.devices.find(user.tenantId, deviceId)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'not_confirmed',
    })
    expect(await confirm(enrolment, right(enrolment))).toEqual({ kind: 'changed' })
  })

  test('by the relying party that opened it, and not once completed or over', async () => {
    const stranger = await aUser(stores)
    const open = await anEnrolment(stores, user)
    expect(await cancel(open.id, stranger.rpId)).toBeNull()
    await runOut(open)
    expect(await cancel(open.id)).toBeNull()
    const completed = await anEnrolment(stores, user)
    await stores.enrolments.claim(aClaim(completed))
    expect(await cancel(completed.id)).toBeNull()
    expect(await devices()).toMatchObject([{ status: 'active' }])
  })

  test('or claimed, of the two at the same time, and never leaves a live device when cancelled', async () => {
    for (let round = 0; round < 20; round++) {
      const enrolment = await anEnrolment(stores, user, { confirmationRequired: true })
      const claim = aClaim(enrolment, { numberSealed })
      const [cancelled, claimed] = await Promise.all([
        cancel(enrolment.id),
        stores.enrolments.claim(claim),
      ])
      expect(cancelled).toMatchObject({ status: 'cancelled' })
      expect(await statusOf(claim.device.id)).toBe(
        claimed.kind === 'claimed' ? 'unregistered' : undefined,
      )
    }
  })
})

test('an enrolment lives as long as the policy says, by the database’s clock', async () => {
  const enrolment = await anEnrolment(stores, user, { ttlSeconds: 60 })
  const [row] = await stores.database.query<{ now: Date }>(
    'now',
    'select clock_timestamp() as now',
    [],
  )
  const leftMs = enrolment.expiresAt.getTime() - (row?.now.getTime() ?? 0)
  expect(leftMs).toBeGreaterThan(0)
  expect(leftMs).toBeLessThanOrEqual(60_000)
  expect(enrolment.expiresAt.getTime() - enrolment.createdAt.getTime()).toBeGreaterThanOrEqual(
    60_000,
  )
})
