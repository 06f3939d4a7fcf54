import { describe, expect } from 'vitest'
import { listActivities } from '../../src/activities/list-activities.ts'
import { readOtherFactors } from '../../src/passcodes/read-other-factors.ts'
import { createRecoveryCodes, createTemporaryCode } from '../../src/passcodes/single-use-codes.ts'
import { granted } from '../support/world.ts'
import { browserOf, claimsOf, test } from './passcode-users.ts'

describe('recovery codes', () => {
  test('come as ten, each valid for one sign-in, and are counted down', async ({
    scene,
    world,
  }) => {
    const { userId } = await scene.aGenerator()
    const codes = await granted(createRecoveryCodes(world, scene.principal, userId))
    expect(new Set(codes).size).toBe(10)
    for (const [usedCount, code] of codes.entries()) {
      const typedCode = code.toLowerCase().replaceAll('-', ' ')
      const acceptance = await granted(scene.verify({ userId, code: typedCode }))
      expect(acceptance).toMatchObject({
        method: 'recovery_code',
        recoveryCodesLeft: 9 - usedCount,
      })
      expect(claimsOf(acceptance.result)).not.toHaveProperty('did')
      expect(await scene.verify({ userId, code })).toMatchObject({ refused: 'passcode_used' })
    }
  }, 20_000)

  test('of a former set are wrong', async ({ scene, world }) => {
    const { userId } = await scene.aGenerator()
    const [former] = await granted(createRecoveryCodes(world, scene.principal, userId))
    await granted(createRecoveryCodes(world, scene.principal, userId))
    expect(await scene.verify({ userId, code: former ?? '' })).toMatchObject({
      refused: 'passcode_wrong',
    })
  })

  test('are accepted where wrong codes have locked the initiator and the user', async ({
    scene,
    world,
  }) => {
    const { userId } = await scene.aGenerator()
    const [code] = await granted(createRecoveryCodes(world, scene.principal, userId))
    for (let browser = 0; browser < 20; browser++) {
      const guess = { userId, code: '00000000', initiator: browserOf(`browser${browser}`) }
      await Promise.all(Array.from({ length: 5 }, () => scene.verify(guess)))
    }
    const initiator = browserOf('browser0')
    expect(await scene.verify({ userId, code: '000000', initiator: browserOf('x') })).toMatchObject(
      {
        refused: 'passcode_locked',
        facts: { lockedBy: 'user' },
      },
    )
    await granted(scene.verify({ userId, code: code ?? '', initiator }))
  })
})

describe('a temporary code', () => {
  test('is valid once, for an hour unless set otherwise', async ({ scene, world }) => {
    const { userId } = await scene.aGenerator()
    const { code, expiresAt } = await granted(createTemporaryCode(world, scene.principal, userId))
    expect(Math.abs(expiresAt.getTime() - Date.now() - 3_600_000)).toBeLessThan(60_000)
    expect(await readOtherFactors(world, scene.principal, userId)).toMatchObject({
      otherFactors: ['passcode', 'temporary_code'],
      temporaryCodeExpiresAt: expiresAt,
    })
    const acceptance = await granted(scene.verify({ userId, code }))
    expect(acceptance.method).toBe('temporary_code')
    expect(await scene.verify({ userId, code })).toMatchObject({ refused: 'passcode_used' })
    const activities = await granted(
      listActivities(world, scene.principal, userId, { limit: 3, before: null }),
    )
    expect(activities.map(({ type }) => type)).toEqual([
      'passcode_failed',
      'temporary_code_used',
      'temporary_code_made',
    ])
  })

  test('reports that it has expired, to anyone who has it', async ({ scene, world }) => {
    const { userId } = await scene.aGenerator()
    const { code } = await granted(createTemporaryCode(world, scene.principal, userId, 300))
    await world.database.query(
      'test_run_out',
      `update single_use_codes set expires_at = clock_timestamp() where user_id = $1`,
      [userId],
    )
    expect(await scene.verify({ userId, code })).toMatchObject({ refused: 'passcode_expired' })
  })

  test('replaces the former one', async ({ scene, world }) => {
    const { userId } = await scene.aGenerator()
    const former = await granted(createTemporaryCode(world, scene.principal, userId))
    await granted(createTemporaryCode(world, scene.principal, userId))
    expect(await scene.verify({ userId, code: former.code })).toMatchObject({
      refused: 'passcode_wrong',
    })
  })
})
