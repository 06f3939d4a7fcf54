import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import { listActivities } from '../../src/activities/list-activities.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { readOtherFactors } from '../../src/passcodes/read-other-factors.ts'
import { verifyPasscode } from '../../src/passcodes/verify-passcode.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { aPrincipal, granted, publicOrigin } from '../support/world.ts'
import { browserOf, claimsOf, test } from './passcode-users.ts'

describe('a device’s passcode', () => {
  test('is accepted once, with a signed result for the relying party that asked', async ({
    scene,
    world,
  }) => {
    const { userId, deviceId, show } = await scene.aGenerator()
    const code = await show()
    const binding = 'a-hash-of-the-session'
    const acceptance = await granted(scene.verify({ userId, code, binding }))
    expect(acceptance).toMatchObject({ method: 'passcode', recoveryCodesLeft: 0 })
    expect(claimsOf(acceptance.result)).toMatchObject({
      iss: `${publicOrigin}/t/${scene.principal.tenantId}`,
      aud: scene.principal.rpId,
      sub: userId,
      did: deviceId,
      binding,
      amr: ['otp'],
      new_device: true,
    })
    const jws = world.signatures.read(acceptance.result, 4096)
    const keys = await world.keys.list(scene.principal.tenantId)
    const [key] = keys
    expect(jws?.header).toEqual({ alg: 'ES256', typ: 'passcode-result+jwt', kid: key?.kid })
    expect(jws && key && (await world.signatures.verify(jws, key.publicJwk))).toBe(true)
    expect(await scene.verify({ userId, code })).toMatchObject({ refused: 'passcode_used' })
  })

  test('typed 50 times concurrently is accepted once', async ({ scene }) => {
    const { userId, show } = await scene.aGenerator()
    const code = await show()
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        scene.verify({ userId, code, initiator: browserOf(`browser${n}`) }),
      ),
    )
    const acceptances = outcomes.filter((outcome) => 'result' in outcome)
    expect(acceptances).toHaveLength(1)
    expect(
      outcomes.filter((one) => 'refused' in one && one.refused === 'passcode_used'),
    ).toHaveLength(49)
  })

  describe('of an earlier step', () => {
    test.for([-3, -6, -10])(
      '(%i steps) is reported as a clock that is off, and the same code is wrong after that',
      async (away, { scene }) => {
        const { userId, show } = await scene.aGenerator()
        const code = await show(away)
        const initiator = browserOf('behind')
        expect(await scene.verify({ userId, code, initiator })).toMatchObject({
          refused: 'passcode_clock_off',
          facts: { otherFactors: ['passcode'] },
        })
        expect(await scene.verify({ userId, code, initiator })).toMatchObject({
          refused: 'passcode_wrong',
        })
        // Two attempts are used, and the code of now is as right as ever.
        await granted(scene.verify({ userId, code: await show(), initiator }))
      },
    )

    test('counts as a wrong one: the sixth is not checked', async ({ scene, world }) => {
      const { userId, show } = await scene.aGenerator()
      const initiator = browserOf('guesser')
      for (const away of [-9, -8, -7, -6, -5]) {
        const refusal = await scene.verify({ userId, code: await show(away), initiator })
        expect(refusal).toMatchObject({ refused: 'passcode_clock_off' })
      }
      expect(await scene.verify({ userId, code: await show(-4), initiator })).toMatchObject({
        refused: 'passcode_locked',
      })
      const page = { limit: 100, before: null }
      const activities = await granted(listActivities(world, scene.principal, userId, page))
      const types = activities.map(({ type }) => type)
      expect(types.filter((type) => type === 'passcode_failed')).toHaveLength(5)
    })

    test('typed 20 times concurrently is recognized once', async ({ scene }) => {
      const { userId, show } = await scene.aGenerator()
      const code = await show(-5)
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          scene.verify({ userId, code, initiator: browserOf(`late${n}`) }),
        ),
      )
      const codes = outcomes.map((one) => isRefusal(one) && one.refused)
      expect(codes.filter((one) => one === 'passcode_clock_off')).toHaveLength(1)
      expect(codes.filter((one) => one === 'passcode_wrong')).toHaveLength(19)
    })

    test('is wrong if it precedes an accepted one, or is of an unregistered device or another user', async ({
      scene,
      world,
    }) => {
      const { userId, deviceId, show } = await scene.aGenerator()
      const other = await scene.aGenerator()
      await granted(scene.verify({ userId, code: await show() }))
      expect(await scene.verify({ userId, code: await show(-4) })).toMatchObject({
        refused: 'passcode_wrong',
      })
      const { userId: theirs } = other
      expect(await scene.verify({ userId: theirs, code: await show(-5) })).toMatchObject({
        refused: 'passcode_wrong',
      })
      await granted(unregisterDevice(world, scene.principal, deviceId, 'lost'))
      expect(await scene.verify({ userId, code: await show(-3) })).toMatchObject({
        refused: 'passcode_wrong',
      })
    })
  })

  test.for([-13, 3, 6])(
    'of another time (%i steps away) is a wrong one',
    async (away, { scene }) => {
      const { userId, show } = await scene.aGenerator()
      expect(await scene.verify({ userId, code: await show(away) })).toMatchObject({
        refused: 'passcode_wrong',
      })
    },
  )

  test('of an unregistered device is a wrong one', async ({ scene, world }) => {
    const { userId, deviceId, show } = await scene.aGenerator()
    const code = await show()
    await granted(unregisterDevice(world, scene.principal, deviceId, 'lost'))
    expect(await scene.verify({ userId, code })).toMatchObject({ refused: 'passcode_wrong' })
  })

  test('does not open when its row holds another device’s secret', async ({ scene, world }) => {
    const mine = await scene.aGenerator()
    const theirs = await scene.aGenerator()
    const text = `update passcode_secrets set secret_sealed = (select secret_sealed
      from passcode_secrets where device_id = $2) where device_id = $1`
    await world.database.query('test_move_secret', text, [mine.deviceId, theirs.deviceId])
    const code = await theirs.show()
    await expect(scene.verify({ userId: mine.userId, code })).rejects.toThrow(
      'moved from another row',
    )
  })

  test('is still accepted after a change of the master key when the previous one is configured', async ({
    scene,
    world,
  }) => {
    const { userId, show } = await scene.aGenerator()
    const former = world.sealingKey
    const sealing = buildSealing({ current: randomBytes(32), previous: [former] })
    const command = { userId, code: await show() }
    await granted(verifyPasscode({ ...world, sealing }, scene.principal, command))
  })
})

describe('the policy', () => {
  test('says how many digits new devices show', async ({ world, scene }) => {
    const rp = await aPrincipal(world)
    await scene.allow({ passcodeDigits: 8 }, rp)
    const { userId, show, passcode } = await scene.aGenerator(rp)
    expect(passcode?.digits).toBe(8)
    const code = await show()
    expect(code).toMatch(/^\d{8}$/)
    expect(await scene.verify({ userId, code: code.slice(2) }, rp)).toMatchObject({
      refused: 'passcode_wrong',
    })
    await granted(scene.verify({ userId, code }, rp))
  })

  test('without passcodes gives devices no secret, and refuses earlier ones without counting', async ({
    world,
    scene,
  }) => {
    const rp = await aPrincipal(world)
    const { userId, show } = await scene.aGenerator(rp)
    await scene.allow({ passcodesAllowed: false }, rp)
    for (let n = 0; n < 10; n++) {
      const refusal = await scene.verify({ userId, code: await show() }, rp)
      expect(refusal).toEqual({ refused: 'passcodes_not_allowed', facts: { otherFactors: [] } })
    }
    expect(await readOtherFactors(world, rp, userId)).toMatchObject({ otherFactors: [] })
    expect((await scene.aGenerator(rp)).passcode).toBeNull()
    await scene.allow({}, rp)
    await granted(scene.verify({ userId, code: await show() }, rp))
  })
})
