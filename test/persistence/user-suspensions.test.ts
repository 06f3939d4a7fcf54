import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import { systemRandom } from '../../src/outbound/random.ts'
import {
  aChallenge,
  aClaim,
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  anEnrolment,
  aProof,
  aUser,
  beginOn,
  lockWaiters,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
  unguarded,
} from '../support/stores.ts'
import { until } from '../support/until.ts'
import { toldOf } from './asking.ts'
import { aGuess, aPasscode, makeCode, stepNow } from './typing.ts'

let stores: Stores
let company: TestUser
let user: TestUser
beforeAll(async () => {
  stores = await openStores()
  company = await aUser(stores)
})
beforeEach(async () => {
  user = await aColleague(stores, company, thumbprint())
})
afterAll(() => stores.close())

const command = () => ({ tenantId: user.tenantId, userId: user.userId, actor: 'operator' }) as const
const suspend = () => stores.suspensions.suspendUser(command())
const activate = () => stores.suspensions.activateUser(command())
const statusOf = async () => (await stores.users.find(user.tenantId, user.userId))?.status
const guard = async () => (await stores.protections.find(user.tenantId, user.userId))?.protection
const statuses = () =>
  stores.database.query<{ status: string; n: number }>(
    'statuses_of_user',
    `select status, count(*)::int as n from challenges where tenant_id = $1 and user_id = $2
     group by status order by status`,
    [user.tenantId, user.userId],
  )

describe('a suspended user', () => {
  test('keeps devices and locks, and is who they were when it is taken back', async () => {
    const id = await aDevice(stores, user)
    const before = await stores.devices.findKnown(user.tenantId, id)
    expect(await suspend()).toMatchObject({ at: expect.any(Date), endedChallenges: [] })
    expect(await statusOf()).toBe('suspended')
    expect(await stores.devices.findKnown(user.tenantId, id)).toEqual(before)
    expect(await activate()).toMatchObject({ at: expect.any(Date) })
    expect(await statusOf()).toBe('active')
    expect(await guard()).toEqual({ ...unguarded, revision: 2 })
    expect((await toldOf(stores, user)).slice(0, 2)).toEqual(['user_activated', 'user_suspended'])
  })

  test('is asked nothing any more, and what it was asked is over', async () => {
    const id = await aDevice(stores, user)
    const made = await aNewChallenge(stores, user, [id])
    const asked = await aChallenge(stores, user, [id])
    expect(await suspend()).toMatchObject({ endedChallenges: [asked] })
    expect(await stores.challenges.create(made, 'test')).toBe(false)
    const answer = await stores.challenges.recordAnswer(anAnswer(user, asked, id), aProof(user, id))
    expect(answer).toEqual({ kind: 'changed' })
    expect(await statuses()).toEqual([{ status: 'cancelled', n: 1 }])
    const [row] = await stores.database.query<{ n: number }>(
      'still_counted',
      `select count(*)::int as n from initiators
       where tenant_id = $1 and user_id = $2 and pending <> '{}'`,
      [user.tenantId, user.userId],
    )
    expect(row?.n).toBe(0)
  })

  test('gets in with no code until the suspension is over, and no try is paid for', async () => {
    const device = await aDevice(stores, user)
    const code = await makeCode(stores, user)
    const step = await stepNow(stores)
    await suspend()
    const tries = [
      aPasscode(user, device, step),
      aGuess(user, { match: { kind: 'recovery_code', id: code } }),
      ...Array.from({ length: 10 }, () => aGuess(user)),
    ]
    for (const one of tries) {
      expect(await stores.passcodes.attempt(one)).toEqual({ kind: 'suspended' })
    }
    await activate()
    expect(await stores.passcodes.attempt(aGuess(user))).toEqual({ kind: 'failed' })
    expect(await stores.passcodes.attempt(aPasscode(user, device, step))).toMatchObject({
      kind: 'accepted',
    })
  })

  test('gets no new device: what was open or claimed is void, and nothing is opened', async () => {
    const opened = await anEnrolment(stores, user)
    const claim = aClaim(await anEnrolment(stores, user, { confirmationRequired: true }), {
      numberSealed: Buffer.alloc(40),
    })
    await stores.enrolments.claim(claim)
    const suspended = await suspend()
    expect(new Set(suspended?.endedEnrolments)).toEqual(
      new Set([opened.id, claim.device.enrolmentId]),
    )
    for (const id of suspended?.endedEnrolments ?? []) {
      const found = await stores.enrolments.find(user.tenantId, id)
      expect(found?.enrolment).toMatchObject({ status: 'void', reason: 'user_suspended' })
    }
    expect(await stores.enrolments.claim(aClaim(opened))).toEqual({ kind: 'not_open' })
    expect(await stores.devices.find(user.tenantId, claim.device.id)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'not_confirmed',
    })
    await expect(anEnrolment(stores, user)).rejects.toThrow('the user is suspended')
  })

  test('cannot have a device enrol the next phone', async () => {
    const id = await aDevice(stores, user)
    await suspend()
    const enrolmentId = systemRandom.id('enrolment')
    const made = {
      ...user,
      id: enrolmentId,
      codeTriesLeft: 5,
      wrongNumbersLeft: 3,
      confirmationRequired: true,
      replacesDeviceId: null,
      parentDeviceId: null,
      openedByDeviceId: id,
      codeHash: Buffer.from(thumbprint()),
      typedCodeHash: Buffer.from(thumbprint()),
      ttlSeconds: 60,
      activity: activity({ userId: user.userId, type: 'enrolment_opened', actor: 'operator' }),
    }
    expect(await stores.enrolments.createByDevice(made, aProof(user, id))).toBe('user_suspended')
    await activate()
    expect(await stores.enrolments.createByDevice(made, aProof(user, id))).toMatchObject({
      id: enrolmentId,
    })
  })

  test('is out of the portal: sessions are over, links are worth nothing, and none is minted', async () => {
    const { tenantId, userId, rpId } = user
    const minted = activity({ userId, type: 'portal_link_made', actor: 'operator' })
    const mint = (linkHash: Buffer) =>
      stores.portal.mint(
        { tenantId, userId, rpId, id: systemRandom.id('portalSession'), linkHash, linkSeconds: 60 },
        minted,
      )
    const hashes = Array.from({ length: 4 }, () => Buffer.from(thumbprint()))
    const [opened, unopened, third, session] = hashes as [Buffer, Buffer, Buffer, Buffer]
    await mint(opened)
    await mint(unopened)
    await stores.portal.open(tenantId, opened, { hash: session, seconds: 60 })
    expect(await stores.portal.find(tenantId, session)).not.toBeNull()
    await suspend()
    expect(await stores.portal.find(tenantId, session)).toBeNull()
    const fresh = { hash: Buffer.from(thumbprint()), seconds: 60 }
    expect(await stores.portal.open(tenantId, unopened, fresh)).toBeNull()
    expect(await mint(third)).toBeNull()
    await activate()
    expect(await stores.portal.find(tenantId, session)).toBeNull()
    expect(await stores.portal.open(tenantId, unopened, fresh)).toBeNull()
  })
})

describe('suspending a user', () => {
  test('happens once of 50 at the same time, and is taken back once', async () => {
    const suspended = await Promise.all(Array.from({ length: 50 }, suspend))
    expect(suspended.filter((one) => one !== null)).toHaveLength(1)
    const activated = await Promise.all(Array.from({ length: 50 }, activate))
    expect(activated.filter((one) => one !== null)).toHaveLength(1)
  })

  test('waits for a creation under way, and cancels what it created', async () => {
    const id = await aDevice(stores, user)
    const asked = await aChallenge(stores, user, [id])
    await stores.database.query(
      'test_take_away',
      `update challenges set status = 'cancelled', decided_at = clock_timestamp(),
         number_sealed = null where id = $1`,
      [asked],
    )
    const creating = await beginOn(stores)
    const held = 'select 1 from user_protections where user_id = $1 for share'
    await creating.query(held, [user.userId])
    const suspending = suspend()
    await until('the suspension waits', async () => (await lockWaiters(stores)) === 1)
    // As if it were created only now: after the suspension has begun.
    await creating.query(
      `update challenges set status = 'pending', decided_at = null where id = $1`,
      [asked],
    )
    await creating.commit()
    expect(await suspending).toMatchObject({ endedChallenges: [asked] })
  })

  test('leaves nothing pending of 50 that are being created beside it', async () => {
    const id = await aDevice(stores, user)
    const made = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const one = await aNewChallenge(stores, user, [id])
        return {
          ...one,
          challenge: { ...one.challenge, budgetKey: `budget ${n}` },
        }
      }),
    )
    const create = async (one: (typeof made)[number], n: number) => {
      for (let round = 0; round < n % 5; round++) await guard()
      return stores.challenges.create(one, 'test')
    }
    const [suspended, ...created] = await Promise.all([suspend(), ...made.map(create)])
    expect(suspended).not.toBeNull()
    const kept = created.filter((one) => one).length
    expect(await statuses()).toEqual(kept === 0 ? [] : [{ status: 'cancelled', n: kept }])
    expect(suspended?.endedChallenges).toHaveLength(kept)
  })

  test('lets no approval commit after it returned, in 200 races', async () => {
    const race = async () => {
      const racer = await aColleague(stores, company, thumbprint())
      const { tenantId, userId } = racer
      const id = await aDevice(stores, racer)
      const asked = await aChallenge(stores, racer, [id])
      const send = () =>
        stores.challenges.recordAnswer(anAnswer(racer, asked, id), aProof(racer, id))
      const answering = async (_: unknown, at: number) => {
        for (let round = 0; round < at; round++) await stores.protections.find(tenantId, userId)
        return send()
      }
      const about = { tenantId, userId, actor: 'operator' } as const
      await Promise.all([
        stores.suspensions.suspendUser(about),
        ...Array.from({ length: 4 }, answering),
      ])
      const [row] = await stores.database.query<{ late: boolean; pending: boolean; ok: boolean }>(
        'decided_after_user_suspension',
        `select c.status = 'approved' and c.decided_at > p.suspended_at as late,
           c.status = 'pending' as pending, c.status = 'approved' as ok
         from challenges c join user_protections p
           on p.tenant_id = c.tenant_id and p.user_id = c.user_id
         where c.tenant_id = $1 and c.id = $2`,
        [tenantId, asked],
      )
      expect(row).toMatchObject({ late: false, pending: false })
      expect(await send()).toEqual({ kind: 'changed' })
      return row?.ok === true
    }
    const approved: boolean[] = []
    for (let round = 0; round < 20; round++) {
      approved.push(...(await Promise.all(Array.from({ length: 10 }, race))))
    }
    expect(approved).toHaveLength(200)
  }, 60_000)
})
