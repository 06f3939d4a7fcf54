import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../src/domain/ids.ts'
import { passcodeBudgets } from '../../src/domain/passcode-budget.ts'
import { activityTypesOf } from '../challenges/challenge-steps.ts'
import { anUnconfirmedDevice, kindsOf, times } from '../enrollments/enrollment-steps.ts'
import {
  aColleague,
  aDevice,
  aUser,
  beginOn,
  lockWaiters,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
} from '../support/stores.ts'
import { until } from '../support/until.ts'
import {
  aGuess,
  aPasscode,
  createRecoveryCode,
  createTemporaryCode,
  stepNow,
} from './code-steps.ts'

let stores: Stores
let company: TestUser
let user: TestUser
let device: DeviceId
beforeAll(async () => {
  stores = await openStores()
  company = await aUser(stores)
})
afterAll(() => stores.close())
beforeEach(async () => {
  user = await aColleague(stores, company, thumbprint())
  device = await aDevice(stores, user)
})

const { initiator, strangers: unknownInitiators } = passcodeBudgets
const attempt = (input: ReturnType<typeof aGuess>) => stores.passcodes.attempt(input)
const guess = (from: string) => attempt(aGuess(user, { initiator: from }))
/** Queries the database itself. */
const sql = (name: string, text: string, values: readonly unknown[]) =>
  stores.database.query(`test_${name}`, text, values)

/** As if that time had passed for the budgets of the user. */
async function letPass(seconds: number) {
  await sql(
    'let_pass_for_pushes',
    `update initiators set approved_at = approved_at - make_interval(secs => $3)
     where tenant_id = $1 and user_id = $2`,
    [user.tenantId, user.userId, seconds],
  )
  return sql(
    'let_pass',
    `update passcode_budgets set clear_at = clear_at - make_interval(secs => $3),
       succeeded_at = succeeded_at - make_interval(secs => $3)
     where tenant_id = $1 and user_id = $2`,
    [user.tenantId, user.userId, seconds],
  )
}

/** As if the user had reported a challenge of this initiator. */
const block = (key: string, by = user) =>
  sql(
    'block_initiator',
    `insert into initiators (tenant_id, user_id, key, blocked_until, revision)
     values ($1, $2, $3, clock_timestamp() + interval '1 day', 1)
     on conflict (tenant_id, user_id, key) do update set blocked_until = excluded.blocked_until`,
    [by.tenantId, by.userId, key],
  )

/** Uses up the budget of unknown initiators, from as many browsers as that takes. */
async function useUpUnknownBudget() {
  for (let browser = 0; browser < unknownInitiators.burst / initiator.burst; browser++) {
    const outcomes = await times(initiator.burst, () => guess(`browser ${browser}`))
    expect(kindsOf(outcomes)).toEqual({ failed: initiator.burst })
  }
}

describe('a passcode', () => {
  test.each([-1, 0, 1])(
    'a passcode of the step %i away from the database’s time is accepted',
    async (away) => {
      const step = await stepNow(stores, away)
      expect(await attempt(aPasscode(user, device, step))).toMatchObject({ kind: 'accepted' })
      expect(await activityTypesOf(stores, user)).toContain('passcode_used')
    },
  )

  describe('a passcode of a step that is too old', () => {
    const burn = (step: number, deviceId = device) =>
      stores.passcodes.burnLateStep({ ...user, deviceId, step })
    const withSecret = async () => attempt(aPasscode(user, device, await stepNow(stores, -1)))

    test('is used up by one of many attempts, and makes no later one unusable', async () => {
      const step = await stepNow(stores, -4)
      const burns = await times(8, () => burn(step))
      expect(burns.filter((one) => one === 'done')).toHaveLength(1)
      expect(await burn(step - 1)).toBeNull()
      expect(await burn(step + 1)).toBe('done')
      expect(await withSecret()).toMatchObject({ kind: 'accepted' })
    })

    test.each([-1, 0, 1, 2])('is not the step %i away, which stays valid', async (away) => {
      expect(await burn(await stepNow(stores, away))).toBeNull()
      expect(await withSecret()).toMatchObject({ kind: 'accepted' })
    })

    test('is neither before an accepted one, nor of an inactive device', async () => {
      await withSecret()
      expect(await burn(await stepNow(stores, -5))).toBeNull()
      const suspendedDevice = await aDevice(stores, user)
      await sql('suspend', `update devices set status = 'suspended' where id = $1`, [
        suspendedDevice,
      ])
      expect(await burn(await stepNow(stores, -5), suspendedDevice)).toBeNull()
    })
  })

  test.each([-3, 3])('of the step %i away is refused, even if it matches', async (away) => {
    const step = await stepNow(stores, away)
    expect(await attempt(aPasscode(user, device, step))).toEqual({ kind: 'failed' })
  })

  test('a passcode is accepted once of 50 that are typed at the same time', async () => {
    const step = await stepNow(stores)
    const outcomes = await times(50, (n) =>
      attempt(aPasscode(user, device, step, { initiator: `browser ${n}` })),
    )
    expect(kindsOf(outcomes)).toEqual({ accepted: 1, failed: 49 })
    expect(
      (await activityTypesOf(stores, user)).filter((type) => type === 'passcode_used'),
    ).toHaveLength(1)
  })

  test('a passcode is never accepted after a later one was', async () => {
    const step = await stepNow(stores)
    expect(await attempt(aPasscode(user, device, step))).toMatchObject({ kind: 'accepted' })
    expect(await attempt(aPasscode(user, device, step - 1))).toEqual({ kind: 'failed' })
  })

  test('a passcode of an unregistered device is refused, and its secret is deleted', async () => {
    const { tenantId, userId } = user
    const command = { tenantId, userId, deviceIds: [device], reason: 'lost' } as const
    await stores.devices.unregister({ ...command, actor: 'operator' })
    const step = await stepNow(stores)
    expect(await attempt(aPasscode(user, device, step))).toEqual({ kind: 'failed' })
    expect(
      await sql('secrets_of', 'select from passcode_secrets where device_id = $1', [device]),
    ).toEqual([])
  })

  test('a passcode is refused when it waited for the unregistration of its device', async () => {
    const step = await stepNow(stores)
    const other = await beginOn(stores)
    await other.query(
      `update devices set status = 'unregistered', unregistered_at = clock_timestamp(),
         unregister_reason = 'lost' where id = $1`,
      [device],
    )
    const waiting = attempt(aPasscode(user, device, step))
    await until('it waits', async () => (await lockWaiters(stores)) > 0)
    await other.commit()
    expect(await waiting).toEqual({ kind: 'failed' })
  })

  test('a passcode of a suspended device is refused until the device is active again', async () => {
    const { tenantId, userId } = user
    const command = { tenantId, userId, deviceId: device, actor: 'operator' } as const
    await stores.suspensions.suspendDevice(command)
    const step = await stepNow(stores)
    expect(await attempt(aPasscode(user, device, step))).toEqual({ kind: 'failed' })
    await stores.suspensions.activateDevice(command)
    expect(await attempt(aPasscode(user, device, step))).toMatchObject({ kind: 'accepted' })
  })

  test('a passcode of a device that is unconfirmed or another user’s is refused', async () => {
    const step = await stepNow(stores)
    const { deviceId } = await anUnconfirmedDevice(stores, user)
    expect(await attempt(aPasscode(user, deviceId, step))).toEqual({ kind: 'failed' })
    const other = await aColleague(stores, company, thumbprint())
    expect(await attempt(aPasscode(other, device, step))).toEqual({ kind: 'failed' })
  })
})

describe('wrong codes', () => {
  test('of one initiator are checked up to its budget, of 50 at the same time', async () => {
    const outcomes = await times(50, () => guess('one'))
    expect(kindsOf(outcomes)).toEqual({ failed: initiator.burst, locked: 50 - initiator.burst })
    const failures = (await activityTypesOf(stores, user)).filter(
      (type) => type === 'passcode_failed',
    )
    expect(failures).toHaveLength(initiator.burst)
  })

  test('wrong codes lock no other initiator', async () => {
    await times(initiator.burst, () => guess('one'))
    expect(await guess('one')).toMatchObject({ kind: 'locked', by: 'initiator' })
    const step = await stepNow(stores)
    const right = aPasscode(user, device, step, { initiator: 'two' })
    expect(await attempt(right)).toMatchObject({ kind: 'accepted' })
  })

  test('lock the right code out, too: a locked initiator’s codes are not checked', async () => {
    await times(initiator.burst, () => guess('one'))
    const right = aPasscode(user, device, await stepNow(stores), { initiator: 'one' })
    expect(await attempt(right)).toMatchObject({ kind: 'locked' })
  })

  test('are forgiven one after the other, and Retry-After says when the next one is', async () => {
    await times(initiator.burst, () => guess('one'))
    const lockedOutcome = await guess('one')
    if (lockedOutcome.kind !== 'locked') throw new Error('it is locked')
    expect(lockedOutcome.retryAfterSeconds).toBeGreaterThan(initiator.refillSeconds - 30)
    expect(lockedOutcome.retryAfterSeconds).toBeLessThanOrEqual(initiator.refillSeconds)
    await letPass(lockedOutcome.retryAfterSeconds)
    const outcomes = await times(10, () => guess('one'))
    expect(kindsOf(outcomes)).toEqual({ failed: 1, locked: 9 })
    await letPass(30 * 24 * 3600)
    expect(kindsOf(await times(50, () => guess('one')))).toMatchObject({ failed: initiator.burst })
  })

  test('of all unknown initiators together are checked up to the user’s budget', async () => {
    const outcomes = await times(120, (n) => guess(`browser ${n}`))
    expect(kindsOf(outcomes)).toEqual({ failed: unknownInitiators.burst, locked: 20 })
    expect(await guess('fresh')).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('of unknown initiators do not lock a browser of an earlier sign-in', async () => {
    const step = await stepNow(stores)
    await attempt(aPasscode(user, device, step))
    await useUpUnknownBudget()
    const outsider = aPasscode(user, device, step + 1, { initiator: 'fresh' })
    expect(await attempt(outsider)).toMatchObject({ kind: 'locked', by: 'user' })
    expect(await attempt(aPasscode(user, device, step + 1))).toMatchObject({ kind: 'accepted' })
  })

  test('wrong codes from a reported attacker do not make the user’s browsers unknown', async () => {
    const step = await stepNow(stores)
    await attempt(aPasscode(user, device, step))
    await block('attacker')
    await useUpUnknownBudget()
    expect(await attempt(aPasscode(user, device, step + 1))).toMatchObject({ kind: 'accepted' })
  })

  test('do not lock a browser of the user that only a colleague has reported', async () => {
    const colleague = await aColleague(stores, company, thumbprint())
    const step = await stepNow(stores)
    const from = { initiator: 'shared' }
    await attempt(aPasscode(user, device, step, from))
    await block('shared', colleague)
    await useUpUnknownBudget()
    expect(await attempt(aPasscode(user, device, step + 1, from))).toMatchObject({
      kind: 'accepted',
    })
  })

  test('do lock a browser that the user reported, even after a sign-in from there', async () => {
    const step = await stepNow(stores)
    const from = { initiator: 'reported' }
    await attempt(aPasscode(user, device, step, from))
    await block('reported')
    await useUpUnknownBudget()
    const late = aPasscode(user, device, step + 1, from)
    expect(await attempt(late)).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('wrong codes do lock a browser from which only a colleague signed in', async () => {
    const colleague = await aColleague(stores, company, thumbprint())
    const theirs = await aDevice(stores, colleague)
    const from = { initiator: 'shared' }
    await attempt(aPasscode(colleague, theirs, await stepNow(stores), from))
    await useUpUnknownBudget()
    const mine = aPasscode(user, device, await stepNow(stores), from)
    expect(await attempt(mine)).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('wrong codes do lock a browser from which the user signed in too long ago', async () => {
    await attempt(aPasscode(user, device, await stepNow(stores)))
    await letPass(30 * 24 * 3600 + 1)
    await useUpUnknownBudget()
    const late = aPasscode(user, device, await stepNow(stores, 1))
    expect(await attempt(late)).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('are unknown from a browser no longer known, although its last still count', async () => {
    await attempt(aPasscode(user, device, await stepNow(stores)))
    await letPass(30 * 24 * 3600 - 60)
    await times(2, () => guess('browser of the owner'))
    await letPass(120)
    await useUpUnknownBudget()
    const late = aPasscode(user, device, await stepNow(stores, 1))
    expect(await attempt(late)).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('are serialized with all changes of the user, so that no forgiveness is lost', async () => {
    const other = await beginOn(stores)
    await other.query('select from users where id = $1 for no key update', [user.userId])
    const waiting = guess('one')
    await until('it waits', async () => (await lockWaiters(stores)) > 0)
    await other.commit()
    expect(await waiting).toEqual({ kind: 'failed' })
  })

  test('that are locked for the user cost the initiator nothing, and vice versa', async () => {
    await times(50, () => guess('one'))
    const outcomes = await times(unknownInitiators.burst, (n) => guess(`browser ${n}`))
    expect(kindsOf(outcomes)).toEqual({
      failed: unknownInitiators.burst - initiator.burst,
      locked: initiator.burst,
    })
  })

  test('wrong codes of unknown initiators are not forgiven by a sign-in of the user', async () => {
    await times(initiator.burst, () => guess('one'))
    const right = aPasscode(user, device, await stepNow(stores), { initiator: 'two' })
    await attempt(right)
    const outcomes = await times(unknownInitiators.burst, (n) => guess(`browser ${n}`))
    expect(kindsOf(outcomes)).toMatchObject({ failed: unknownInitiators.burst - initiator.burst })
  })

  test('wrong codes of an initiator are forgiven when the user signs in from there', async () => {
    await times(initiator.burst - 1, () => guess('one'))
    const right = aPasscode(user, device, await stepNow(stores), { initiator: 'one' })
    expect(await attempt(right)).toMatchObject({ kind: 'accepted' })
    const outcomes = await times(50, () => guess('one'))
    expect(kindsOf(outcomes)).toMatchObject({ failed: initiator.burst })
  })

  test('leave no row for initiators that may not try, and none after forgiveness', async () => {
    await times(150, (n) => guess(`browser ${n}`))
    const count = async () => {
      const rows = await sql('budgets_of', 'select from passcode_budgets where user_id = $1', [
        user.userId,
      ])
      return rows.length
    }
    expect(await count()).toBe(unknownInitiators.burst + 1)
    await letPass(24 * 3600)
    await guess('fresh')
    expect(await count()).toBe(2)
  })

  test('wrong codes of one user lock nobody else', async () => {
    await times(50, () => guess('one'))
    const other = await aColleague(stores, company, thumbprint())
    expect(await attempt(aGuess(other, { initiator: 'one' }))).toEqual({ kind: 'failed' })
  })
})

describe('a right code', () => {
  const rowOf = async (key: string) => {
    const rows = await sql(
      'initiator_row',
      'select approved_at, revision from initiators where user_id = $1 and key = $2',
      [user.userId, key],
    )
    return rows[0]
  }

  test('makes its browser known to pushes; an older decision cannot overwrite that', async () => {
    const step = await stepNow(stores)
    const from = { initiator: 'one', isInitiatorNamed: true }
    await attempt(aPasscode(user, device, step, from))
    expect(await rowOf('one')).toEqual({ approved_at: expect.any(Date), revision: 1 })
    await attempt(aPasscode(user, device, step + 1, from))
    expect(await rowOf('one')).toEqual({ approved_at: expect.any(Date), revision: 2 })
  })

  test('a right code never makes a browser known to pushes while it is reported', async () => {
    await block('one')
    const from = { initiator: 'one', isInitiatorNamed: true }
    expect(await attempt(aPasscode(user, device, await stepNow(stores), from))).toMatchObject({
      kind: 'accepted',
    })
    expect(await rowOf('one')).toEqual({ approved_at: null, revision: 1 })
  })
})

describe('a single-use code', () => {
  test('a single-use code is accepted once of 50 that are typed at the same time', async () => {
    const id = await createRecoveryCode(stores, user)
    const match = { kind: 'recovery_code', id } as const
    const outcomes = await times(50, (n) =>
      attempt(aGuess(user, { initiator: `browser ${n}`, match })),
    )
    expect(kindsOf(outcomes)).toEqual({ accepted: 1, failed: 49 })
  })

  test('a single-use code is accepted although wrong codes have locked everything', async () => {
    await useUpUnknownBudget()
    const id = await createRecoveryCode(stores, user)
    const match = { kind: 'recovery_code', id } as const
    expect(await attempt(aGuess(user, { initiator: 'browser 0', match }))).toMatchObject({
      kind: 'accepted',
    })
  })

  test('a single-use code is worthless when a new set was created', async () => {
    const id = await createRecoveryCode(stores, user)
    await createRecoveryCode(stores, user)
    const match = { kind: 'recovery_code', id } as const
    expect(await attempt(aGuess(user, { match }))).toEqual({ kind: 'failed' })
  })

  test('a single-use code that is temporary is worthless after its time', async () => {
    const id = await createTemporaryCode(stores, user)
    await sql(
      'run_out_code',
      'update single_use_codes set expires_at = clock_timestamp() where id = $1',
      [id],
    )
    const match = { kind: 'temporary_code', id } as const
    expect(await attempt(aGuess(user, { match }))).toEqual({ kind: 'failed' })
  })

  test('a single-use code of another user is refused', async () => {
    const id = await createRecoveryCode(stores, user)
    const other = await aColleague(stores, company, thumbprint())
    const match = { kind: 'recovery_code', id } as const
    expect(await attempt(aGuess(other, { match }))).toEqual({ kind: 'failed' })
  })

  test('that is temporary is recorded, audited, and leaves recovery codes alone', async () => {
    await createRecoveryCode(stores, user)
    await createTemporaryCode(stores, user)
    expect((await activityTypesOf(stores, user))[0]).toBe('temporary_code_made')
    const auditEvents = await sql(
      'audited',
      `select actor from audit_events where type = 'temporary_code_made' and subject = $1`,
      [user.userId],
    )
    expect(auditEvents).toEqual([{ actor: 'api_key:test' }])
    const factors = await stores.passcodes.otherFactors(user.tenantId, user.userId)
    expect(factors).toMatchObject({ passcodeDevices: 1, recoveryCodesLeft: 1 })
    expect(factors.temporaryCodeExpiresAt).toBeInstanceOf(Date)
  })
})

test('a user’s remaining methods exclude used or expired codes and former devices', async () => {
  const recovery = await createRecoveryCode(stores, user)
  const temporary = await createTemporaryCode(stores, user)
  await attempt(aGuess(user, { match: { kind: 'recovery_code', id: recovery } }))
  await attempt(aGuess(user, { match: { kind: 'temporary_code', id: temporary } }))
  await anUnconfirmedDevice(stores, user)
  const { tenantId, userId } = user
  const command = { tenantId, userId, deviceIds: [device], reason: 'lost' } as const
  await stores.devices.unregister({ ...command, actor: 'operator' })
  const none = { passcodeDevices: 0, recoveryCodesLeft: 0, temporaryCodeExpiresAt: null }
  expect(await stores.passcodes.otherFactors(tenantId, userId)).toEqual(none)
})
