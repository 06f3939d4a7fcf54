import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import { buildDeviceStore } from '../../src/devices/devices.sql.ts'
import { activity } from '../../src/domain/activity.ts'
import { confirmEnrollment } from '../../src/domain/enrollment.ts'
import type { DeviceId, EnrollmentId } from '../../src/domain/ids.ts'
import { needsPush } from '../../src/domain/notice.ts'
import { buildEnrollmentStore } from '../../src/enrollments/enrollments.sql.ts'
import { buildPersonalDataStore } from '../../src/personal-data/personal-data.sql.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import { onServer } from '../support/cluster.ts'
import {
  aClaim,
  aColleague,
  aDevice,
  anEnrollment,
  aUser,
  beginOn,
  lockWaiters,
  noExceptions,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'
import { userTest } from '../support/world-test.ts'
import {
  anUnconfirmedDevice,
  confirm,
  numberSealed,
  readEnrollment,
  runOut,
  times,
} from './enrollment-steps.ts'

/** Enrollments of the user, and their devices. */
function enrollmentsOf(stores: Stores, user: TestUser) {
  const read = (id: EnrollmentId) => readEnrollment(stores, user, id)
  const find = (id: DeviceId) => stores.devices.find(user.tenantId, id)
  const begin = () => beginOn(stores)
  const guess = (hash: Uint8Array = randomBytes(32), name = 'alice') =>
    stores.enrollments.findByTypedCode(user.tenantId, name, hash)

  /** Counts each guess that the database checks, from any caller. */
  async function countGuessChecks(id: EnrollmentId) {
    await onServer(stores.url, (client) =>
      client.query(`
        create table if not exists checks (id text not null);
        create or replace function log_look() returns trigger language plpgsql as
          $$ begin insert into checks values (new.id); return null; end $$;
        create or replace trigger looked after update on enrollments for each row
          when (new.code_tries_left < old.code_tries_left) execute function log_look()`),
    )
    return async () => {
      const rows = await stores.database.query(
        'count_looks',
        'select 1 from checks where id = $1',
        [id],
      )
      return rows.length
    }
  }
  const cancel = (id: EnrollmentId, rpId = user.rpId) =>
    stores.enrollments.cancel(
      user.tenantId,
      id,
      rpId,
      activity({
        userId: user.userId,
        type: 'enrollment_cancelled',
        actor: 'operator',
        enrollmentId: id,
      }),
    )
  return { read, find, begin, guess, countGuessChecks, cancel }
}

const test = userTest.extend('scene', ({ stores, user }) => enrollmentsOf(stores, user))

describe('a scanned code', () => {
  test('is found by its hash within its tenant, with what the device needs', async ({
    stores,
    user,
  }) => {
    const codeHash = randomBytes(32)
    const enrollment = await anEnrollment(stores, user, { codeHash })
    const record = await stores.enrollments.findByCode(user.tenantId, codeHash)
    expect(record).toMatchObject({
      enrollment: { id: enrollment.id, status: 'open' },
      tenantName: 'Test',
      userName: 'Alice',
      signingKeys: [{ kid: user.signingKid, seq: 1 }],
    })
    const outsider = await aUser(stores)
    expect(await stores.enrollments.findByCode(outsider.tenantId, codeHash)).toBeNull()
    expect(await stores.enrollments.findByCode(user.tenantId, randomBytes(32))).toBeNull()
  })
})

describe('a typed code', () => {
  test('is found by the user’s name and its hash, and a right guess costs nothing', async ({
    stores,
    user,
    scene,
  }) => {
    const typedCodeHash = randomBytes(32)
    const enrollment = await anEnrollment(stores, user, { typedCodeHash })
    for (let attempts = 0; attempts < 7; attempts++) {
      expect(await scene.guess(typedCodeHash)).toMatchObject({
        enrollment: { id: enrollment.id, codeAttemptsLeft: 5 },
      })
    }
  })

  test('of 100 wrong guesses 5 are checked, then only the scanned one works, no push', async ({
    stores,
    user,
    scene,
  }) => {
    const typedCodeHash = randomBytes(32)
    const codeHash = randomBytes(32)
    const enrollment = await anEnrollment(stores, user, { typedCodeHash, codeHash })
    const checks = await scene.countGuessChecks(enrollment.id)
    expect(await times(100, () => scene.guess())).toEqual(Array(100).fill(null))
    expect(await checks()).toBe(5)
    expect(await scene.read(enrollment.id)).toMatchObject({
      status: 'open',
      reason: null,
      codeAttemptsLeft: 0,
      endedAt: null,
    })
    expect(await scene.guess(typedCodeHash)).toBeNull()
    expect(await stores.enrollments.findByCode(user.tenantId, codeHash)).toMatchObject({
      enrollment: { id: enrollment.id, status: 'open' },
    })
    expect((await stores.enrollments.claim(aClaim(enrollment))).kind).toBe('claimed')
    const { tenantId, userId } = user
    const activities = await stores.activities.list(tenantId, userId, { limit: 100, before: null })
    const ends = activities.filter(({ type }) => type === 'typed_code_ended')
    expect(ends).toMatchObject([{ enrollmentId: enrollment.id, severity: 'info' }])
    expect(needsPush({ type: 'typed_code_ended', severity: 'info' })).toBe(false)
  })

  test('that is right costs nothing for the user’s other open enrollments either', async ({
    stores,
    user,
    scene,
  }) => {
    const typedCodeHash = randomBytes(32)
    const enrollment = await anEnrollment(stores, user, { typedCodeHash })
    const other = await anEnrollment(stores, user)
    for (let attempts = 0; attempts < 7; attempts++) {
      expect(await scene.guess(typedCodeHash)).toMatchObject({ enrollment: { id: enrollment.id } })
    }
    expect(await scene.read(other.id)).toMatchObject({ status: 'open', codeAttemptsLeft: 5 })
  })

  test('that is wrong costs only that user’s open enrollments an attempt each', async ({
    stores,
    user,
    scene,
  }) => {
    const colleague = await aColleague(stores, user, 'bob')
    const [one, two] = [await anEnrollment(stores, user), await anEnrollment(stores, user)]
    const others = await anEnrollment(stores, colleague)
    await scene.guess()
    expect(await scene.read(one.id)).toMatchObject({ codeAttemptsLeft: 4 })
    expect(await scene.read(two.id)).toMatchObject({ codeAttemptsLeft: 4 })
    expect(await scene.read(others.id)).toMatchObject({ codeAttemptsLeft: 5 })
  })

  test('a typed code of one user does not match another’s name', async ({
    stores,
    user,
    scene,
  }) => {
    await aColleague(stores, user, 'carol')
    const typedCodeHash = randomBytes(32)
    const enrollment = await anEnrollment(stores, user, { typedCodeHash })
    for (const name of ['carol', 'nobody', '', 'ALICE', 'alice ', '%', "' or 1=1 --"]) {
      expect(await scene.guess(typedCodeHash, name)).toBeNull()
    }
    expect(await scene.read(enrollment.id)).toMatchObject({ codeAttemptsLeft: 5 })
  })

  test('is worthless after its enrollment was claimed, cancelled or has expired', async ({
    stores,
    user,
    scene,
  }) => {
    const hashes = [randomBytes(32), randomBytes(32), randomBytes(32)] as const
    const [claimedOne, cancelledOne, expiredOne] = await Promise.all(
      hashes.map((typedCodeHash) => anEnrollment(stores, user, { typedCodeHash })),
    )
    if (!claimedOne || !cancelledOne || !expiredOne) throw new Error('three were opened')
    await stores.enrollments.claim(aClaim(claimedOne))
    const event = activity({ userId: user.userId, type: 'enrollment_cancelled', actor: 'operator' })
    await stores.enrollments.cancel(user.tenantId, cancelledOne.id, user.rpId, event)
    await runOut(stores, expiredOne)
    for (const hash of hashes) expect(await scene.guess(hash)).toBeNull()
    expect(await scene.read(expiredOne.id)).toMatchObject({ status: 'open', codeAttemptsLeft: 5 })
  })

  test('guesses lock the rows of several enrollments in one order, no deadlock', async ({
    stores,
    user,
    scene,
  }) => {
    const [first, second] = [await anEnrollment(stores, user), await anEnrollment(stores, user)]
    // Without indexes rows come in the order in which they were last written, which differs for
    // each reader.
    const url = new URL(stores.url)
    url.searchParams.set('options', '-c enable_indexscan=off -c enable_bitmapscan=off')
    const database = openDatabase({ url: url.href, timeoutMs: 15_000 })
    const { findByTypedCode } = buildEnrollmentStore(database, systemRandom)
    const guessWrong = () => findByTypedCode(user.tenantId, 'alice', randomBytes(32))
    const [mover, lockHolder] = [await scene.begin(), await scene.begin()]

    await mover.query('update enrollments set claimed_at = null where id = $1', [first.id])
    const locking = lockHolder.query('select 1 from enrollments where id = $1 for update', [
      first.id,
    ])
    await until('the row holder waits', async () => (await lockWaiters(stores)) === 1)
    const before = guessWrong()
    await until('the guess waits', async () => (await lockWaiters(stores)) === 2)
    await mover.commit()
    await locking
    const behind = guessWrong()
    await until('both guesses wait', async () => (await lockWaiters(stores)) === 2)
    await lockHolder.commit()

    expect(await Promise.all([before, behind])).toEqual([null, null])
    await database.close()
    expect(await scene.read(first.id)).toMatchObject({ codeAttemptsLeft: 3 })
    expect(await scene.read(second.id)).toMatchObject({ codeAttemptsLeft: 3 })
  })
})

test.for(['unregistering', 'erasing'])(
  '%s during a guess locks several enrollments in one order, and never deadlocks',
  async (operation, { stores, user, scene }) => {
    const openedByDeviceId = await aDevice(stores, user)
    const elder = await anEnrollment(stores, user, { openedByDeviceId })
    const younger = await anEnrollment(stores, user, { openedByDeviceId })
    await stores.database.query(
      'write_again',
      'update enrollments set claimed_at = null where id = $1',
      [elder.id],
    )
    const url = new URL(stores.url)
    url.searchParams.set('options', '-c enable_indexscan=off -c enable_bitmapscan=off')
    const database = openDatabase({ url: url.href, timeoutMs: 15_000 })
    const { tenantId, userId } = user
    // An erasure without a device to unregister locks the enrollments itself.
    if (operation === 'erasing') {
      const text = `update devices set status = 'unregistered', unregistered_at = clock_timestamp(),
      unregister_reason = 'admin', push_provider = null, push_environment = null, push_token_sealed
        = null,
      push_token_hash = null where id = $1`
      await stores.database.query('gone', text, [openedByDeviceId])
    }
    const end = () =>
      operation === 'erasing'
        ? buildPersonalDataStore(database, systemRandom).cutOff(
            tenantId,
            userId,
            'operator',
            noExceptions,
          )
        : buildDeviceStore(database, systemRandom).unregister({
            tenantId,
            userId,
            deviceIds: [],
            reason: 'admin',
            actor: 'operator',
          })

    const lockHolder = await scene.begin()
    await lockHolder.query('select 1 from enrollments where id = $1 for update', [elder.id])
    const guessing = stores.enrollments.findByTypedCode(tenantId, 'alice', randomBytes(32))
    await until('the guess waits', async () => (await lockWaiters(stores)) === 1)
    const ending = end()
    await until('both wait', async () => (await lockWaiters(stores)) === 2)
    await lockHolder.commit()
    const [guessOutcome] = await Promise.all([guessing, ending])
    await database.close()
    expect(guessOutcome).toBeNull()
    const status = operation === 'erasing' ? 'cancelled' : 'void'
    for (const { id } of [elder, younger]) expect(await scene.read(id)).toMatchObject({ status })
  },
)

describe('an enrollment is cancelled', () => {
  test('an open enrollment is cancelled: its code is worthless afterwards', async ({
    stores,
    user,
    scene,
  }) => {
    const enrollment = await anEnrollment(stores, user)
    expect(await scene.cancel(enrollment.id)).toMatchObject({ status: 'cancelled' })
    expect(await stores.enrollments.claim(aClaim(enrollment))).toEqual({ kind: 'not_open' })
    expect(await scene.cancel(enrollment.id)).toBeNull()
  })

  test('a claimed enrollment is cancelled: device unregistered, number erased', async ({
    stores,
    user,
    scene,
  }) => {
    const { enrollment, deviceId } = await anUnconfirmedDevice(stores, user)
    expect(await scene.cancel(enrollment.id)).toMatchObject({ status: 'cancelled' })
    expect(await scene.read(enrollment.id)).toMatchObject({
      status: 'cancelled',
      reason: null,
      number: null,
    })
    expect(await scene.find(deviceId)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'not_confirmed',
    })
    expect(await confirm(stores, user, enrollment, confirmEnrollment(3, true))).toEqual({
      kind: 'changed',
    })
  })

  test('an enrollment is cancelled by its own relying party, and not after its end', async ({
    stores,
    user,
    scene,
  }) => {
    const outsider = await aUser(stores)
    const open = await anEnrollment(stores, user)
    expect(await scene.cancel(open.id, outsider.rpId)).toBeNull()
    await runOut(stores, open)
    expect(await scene.cancel(open.id)).toBeNull()
    const completedOne = await anEnrollment(stores, user)
    await stores.enrollments.claim(aClaim(completedOne))
    expect(await scene.cancel(completedOne.id)).toBeNull()
    const devices = await stores.devices.listOfUser(user.tenantId, user.userId)
    expect(devices).toMatchObject([{ status: 'active' }])
  })

  test('of concurrent cancel and claim one wins; a cancelled one has no live device', async ({
    stores,
    user,
    scene,
  }) => {
    for (let round = 0; round < 20; round++) {
      const enrollment = await anEnrollment(stores, user, { confirmationRequired: true })
      const claim = aClaim(enrollment, { numberSealed })
      const [cancellation, claiming] = await Promise.all([
        scene.cancel(enrollment.id),
        stores.enrollments.claim(claim),
      ])
      expect(cancellation).toMatchObject({ status: 'cancelled' })
      expect((await scene.find(claim.device.id))?.status).toBe(
        claiming.kind === 'claimed' ? 'unregistered' : undefined,
      )
    }
  })
})

test('an enrollment lives as long as the policy says, by the clock of the database', async ({
  stores,
  user,
}) => {
  const enrollment = await anEnrollment(stores, user, { ttlSeconds: 60 })
  const [row] = await stores.database.query<{ now: Date }>(
    'now',
    'select clock_timestamp() as now',
    [],
  )
  const leftMs = enrollment.expiresAt.getTime() - (row?.now.getTime() ?? 0)
  expect(leftMs).toBeGreaterThan(0)
  expect(leftMs).toBeLessThanOrEqual(60_000)
  expect(enrollment.expiresAt.getTime() - enrollment.createdAt.getTime()).toBeGreaterThanOrEqual(
    60_000,
  )
})
