import { describe, expect } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import { activityTypesOf } from '../challenges/challenge-steps.ts'
import { anUnconfirmedDevice, kindsOf, times } from '../enrollments/enrollment-steps.ts'
import { aColleague, aDevice, beginOn, lockWaiters, thumbprint } from '../support/stores.ts'
import { until } from '../support/until.ts'
import {
  aGuess,
  aPasscode,
  createRecoveryCode,
  createTemporaryCode,
  newCode,
  stepNow,
} from './code-steps.ts'
import { type CodeUser, test } from './code-users.ts'

describe('a passcode', () => {
  test.for([-1, 0, 1])(
    'a passcode of the step %i away from the database’s time is accepted',
    async (away, { stores, scene }) => {
      const step = await stepNow(stores, away)
      expect(await scene.attempt(aPasscode(scene.user, scene.device, step))).toMatchObject({
        kind: 'accepted',
      })
      expect(await activityTypesOf(stores, scene.user)).toContain('passcode_used')
    },
  )

  describe('a passcode of a step that is too old', () => {
    test('is used up by one of many attempts, and makes no later one unusable', async ({
      stores,
      scene,
    }) => {
      const step = await stepNow(stores, -4)
      const burns = await times(8, () => scene.burn(step))
      expect(burns.filter((one) => one === 'done')).toHaveLength(1)
      expect(await scene.burn(step - 1)).toBeNull()
      expect(await scene.burn(step + 1)).toBe('done')
      expect(await scene.withSecret()).toMatchObject({ kind: 'accepted' })
    })

    test.for([-1, 0, 1, 2])(
      'is not the step %i away, which stays valid',
      async (away, { stores, scene }) => {
        expect(await scene.burn(await stepNow(stores, away))).toBeNull()
        expect(await scene.withSecret()).toMatchObject({ kind: 'accepted' })
      },
    )

    test('is neither before an accepted one, nor of an inactive device', async ({
      stores,
      scene,
    }) => {
      await scene.withSecret()
      expect(await scene.burn(await stepNow(stores, -5))).toBeNull()
      const suspendedDevice = await aDevice(stores, scene.user)
      await scene.sql('suspend', `update devices set status = 'suspended' where id = $1`, [
        suspendedDevice,
      ])
      expect(await scene.burn(await stepNow(stores, -5), suspendedDevice)).toBeNull()
    })
  })

  test.for([-3, 3])(
    'of the step %i away is refused, even if it matches',
    async (away, { stores, scene }) => {
      const step = await stepNow(stores, away)
      expect(await scene.attempt(aPasscode(scene.user, scene.device, step))).toEqual({
        kind: 'failed',
      })
    },
  )

  test('a passcode is accepted once of 50 that are typed at the same time', async ({
    stores,
    scene,
  }) => {
    const step = await stepNow(stores)
    const outcomes = await times(50, (n) =>
      scene.attempt(aPasscode(scene.user, scene.device, step, { initiator: `browser ${n}` })),
    )
    expect(kindsOf(outcomes)).toEqual({ accepted: 1, failed: 49 })
    expect(
      (await activityTypesOf(stores, scene.user)).filter((type) => type === 'passcode_used'),
    ).toHaveLength(1)
  })

  test('a passcode is never accepted after a later one was', async ({ stores, scene }) => {
    const step = await stepNow(stores)
    expect(await scene.attempt(aPasscode(scene.user, scene.device, step))).toMatchObject({
      kind: 'accepted',
    })
    expect(await scene.attempt(aPasscode(scene.user, scene.device, step - 1))).toEqual({
      kind: 'failed',
    })
  })

  test('a passcode of an unregistered device is refused, and its secret is deleted', async ({
    scene,
    stores,
  }) => {
    const { tenantId, userId } = scene.user
    const command = { tenantId, userId, deviceIds: [scene.device], reason: 'lost' } as const
    await stores.devices.unregister({ ...command, actor: 'operator' })
    const step = await stepNow(stores)
    expect(await scene.attempt(aPasscode(scene.user, scene.device, step))).toEqual({
      kind: 'failed',
    })
    expect(
      await scene.sql('secrets_of', 'select from passcode_secrets where device_id = $1', [
        scene.device,
      ]),
    ).toEqual([])
  })

  test('a passcode is refused when it waited for the unregistration of its device', async ({
    stores,
    scene,
  }) => {
    const step = await stepNow(stores)
    const other = await beginOn(stores)
    await other.query(
      `update devices set status = 'unregistered', unregistered_at = clock_timestamp(),
         unregister_reason = 'lost' where id = $1`,
      [scene.device],
    )
    const waiting = scene.attempt(aPasscode(scene.user, scene.device, step))
    await until('it waits', async () => (await lockWaiters(stores)) > 0)
    await other.commit()
    expect(await waiting).toEqual({ kind: 'failed' })
  })

  test('a passcode of a suspended device is refused until the device is active again', async ({
    scene,
    stores,
  }) => {
    const { tenantId, userId } = scene.user
    const command = { tenantId, userId, deviceId: scene.device, actor: 'operator' } as const
    await stores.suspensions.suspendDevice(command)
    const step = await stepNow(stores)
    expect(await scene.attempt(aPasscode(scene.user, scene.device, step))).toEqual({
      kind: 'failed',
    })
    await stores.suspensions.activateDevice(command)
    expect(await scene.attempt(aPasscode(scene.user, scene.device, step))).toMatchObject({
      kind: 'accepted',
    })
  })

  test('a passcode of a device that is unconfirmed or another user’s is refused', async ({
    stores,
    scene,
    company,
  }) => {
    const step = await stepNow(stores)
    const { deviceId } = await anUnconfirmedDevice(stores, scene.user)
    expect(await scene.attempt(aPasscode(scene.user, deviceId, step))).toEqual({ kind: 'failed' })
    const other = await aColleague(stores, company, thumbprint())
    expect(await scene.attempt(aPasscode(other, scene.device, step))).toEqual({ kind: 'failed' })
  })
})

describe('a right code', () => {
  const rowOf = async ({ sql, user }: CodeUser, key: string) => {
    const rows = await sql(
      'initiator_row',
      'select approved_at, revision from initiators where user_id = $1 and key = $2',
      [user.userId, key],
    )
    return rows[0]
  }

  test('makes its browser known to pushes; an older decision cannot overwrite that', async ({
    stores,
    scene,
  }) => {
    const step = await stepNow(stores)
    const from = { initiator: 'one', isInitiatorNamed: true }
    await scene.attempt(aPasscode(scene.user, scene.device, step, from))
    expect(await rowOf(scene, 'one')).toEqual({ approved_at: expect.any(Date), revision: 1 })
    await scene.attempt(aPasscode(scene.user, scene.device, step + 1, from))
    expect(await rowOf(scene, 'one')).toEqual({ approved_at: expect.any(Date), revision: 2 })
  })

  test('a right code never makes a browser known to pushes while it is reported', async ({
    scene,
    stores,
  }) => {
    await scene.block('one')
    const from = { initiator: 'one', isInitiatorNamed: true }
    expect(
      await scene.attempt(aPasscode(scene.user, scene.device, await stepNow(stores), from)),
    ).toMatchObject({
      kind: 'accepted',
    })
    expect(await rowOf(scene, 'one')).toEqual({ approved_at: null, revision: 1 })
  })
})

describe('a single-use code', () => {
  test('a single-use code is accepted once of 50 that are typed at the same time', async ({
    stores,
    scene,
  }) => {
    const id = await createRecoveryCode(stores, scene.user)
    const match = { kind: 'recovery_code', id } as const
    const outcomes = await times(50, (n) =>
      scene.attempt(aGuess(scene.user, { initiator: `browser ${n}`, match })),
    )
    expect(kindsOf(outcomes)).toEqual({ accepted: 1, failed: 49 })
  })

  test('a single-use code is accepted although wrong codes have locked everything', async ({
    scene,
    stores,
  }) => {
    await scene.useUpUnknownBudget()
    const id = await createRecoveryCode(stores, scene.user)
    const match = { kind: 'recovery_code', id } as const
    expect(
      await scene.attempt(aGuess(scene.user, { initiator: 'browser 0', match })),
    ).toMatchObject({
      kind: 'accepted',
    })
  })

  test('a single-use code is worthless when a new set was created', async ({ stores, scene }) => {
    const id = await createRecoveryCode(stores, scene.user)
    await createRecoveryCode(stores, scene.user)
    const match = { kind: 'recovery_code', id } as const
    expect(await scene.attempt(aGuess(scene.user, { match }))).toEqual({ kind: 'failed' })
  })

  test('a single-use code that is temporary is worthless after its time', async ({
    stores,
    scene,
  }) => {
    const id = await createTemporaryCode(stores, scene.user)
    await scene.sql(
      'run_out_code',
      'update single_use_codes set expires_at = clock_timestamp() where id = $1',
      [id],
    )
    const match = { kind: 'temporary_code', id } as const
    expect(await scene.attempt(aGuess(scene.user, { match }))).toEqual({ kind: 'failed' })
  })

  test('a single-use code of another user is refused', async ({ stores, scene, company }) => {
    const id = await createRecoveryCode(stores, scene.user)
    const other = await aColleague(stores, company, thumbprint())
    const match = { kind: 'recovery_code', id } as const
    expect(await scene.attempt(aGuess(other, { match }))).toEqual({ kind: 'failed' })
  })

  test('that is temporary is recorded, audited, and leaves recovery codes alone', async ({
    stores,
    scene,
  }) => {
    await createRecoveryCode(stores, scene.user)
    await createTemporaryCode(stores, scene.user)
    expect((await activityTypesOf(stores, scene.user))[0]).toBe('temporary_code_made')
    const auditEvents = await scene.sql(
      'audited',
      `select actor from audit_events where type = 'temporary_code_made' and subject = $1`,
      [scene.user.userId],
    )
    expect(auditEvents).toEqual([{ actor: 'api_key:test' }])
    const factors = await stores.passcodes.otherFactors(scene.user.tenantId, scene.user.userId)
    expect(factors).toMatchObject({ passcodeDevices: 1, recoveryCodesLeft: 1 })
    expect(factors.temporaryCodeExpiresAt).toBeInstanceOf(Date)
  })
})

test('a user who was erased meanwhile gets no codes, and no record of any', async ({
  stores,
  scene,
}) => {
  const { tenantId, userId } = scene.user
  const erase = 'update users set erased_at = clock_timestamp() where tenant_id = $1 and id = $2'
  await scene.sql('erased_meanwhile', erase, [tenantId, userId])
  const before = await activityTypesOf(stores, scene.user)
  const about = (type: 'recovery_codes_made' | 'temporary_code_made') => ({
    ...{ tenantId, userId },
    activity: activity({ userId, type, actor: 'operator' }),
  })
  const recovery = { ...about('recovery_codes_made'), codes: [newCode(), newCode()] }
  expect(await stores.passcodes.replaceRecoveryCodes(recovery)).toBeNull()
  const actor = 'api_key:test' as const
  const temporary = { ...about('temporary_code_made'), code: newCode(), ttlSeconds: 60, actor }
  expect(await stores.passcodes.replaceTemporaryCode(temporary)).toBeNull()
  expect(await activityTypesOf(stores, scene.user)).toEqual(before)
})

test('a user’s remaining methods exclude used or expired codes and former devices', async ({
  stores,
  scene,
}) => {
  const recovery = await createRecoveryCode(stores, scene.user)
  const temporary = await createTemporaryCode(stores, scene.user)
  await scene.attempt(aGuess(scene.user, { match: { kind: 'recovery_code', id: recovery } }))
  await scene.attempt(aGuess(scene.user, { match: { kind: 'temporary_code', id: temporary } }))
  await anUnconfirmedDevice(stores, scene.user)
  const { tenantId, userId } = scene.user
  const command = { tenantId, userId, deviceIds: [scene.device], reason: 'lost' } as const
  await stores.devices.unregister({ ...command, actor: 'operator' })
  const none = { passcodeDevices: 0, recoveryCodesLeft: 0, temporaryCodeExpiresAt: null }
  expect(await stores.passcodes.otherFactors(tenantId, userId)).toEqual(none)
})
