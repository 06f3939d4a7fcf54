import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listActivities } from '../../src/activities/list-activities.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { setUserStatus } from '../../src/devices/suspend-user.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import type { UserId } from '../../src/domain/ids.ts'
import { passcodePeriodSeconds } from '../../src/domain/passcode.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { waitForEnrollment } from '../../src/enrollments/read-enrollment.ts'
import { readOtherFactors } from '../../src/passcodes/read-other-factors.ts'
import { createRecoveryCodes, createTemporaryCode } from '../../src/passcodes/single-use-codes.ts'
import { type Command, verifyPasscode } from '../../src/passcodes/verify-passcode.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { createPortalLink } from '../../src/portal/portal.ts'
import { importUser } from '../../src/users/import-user.ts'
import {
  aClaimCommand,
  anAnswer,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  publicOrigin,
  scannedCode,
  signAnswer,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
beforeAll(async () => {
  world = await openWorld()
  principal = await aPrincipal(world, ['default', 'other'])
})
afterAll(() => world.close())

/** A user with one device that shows passcodes, as the app has it. */
async function aGenerator(rp = principal, name = randomBytes(8).toString('hex')) {
  const opening = await granted(openEnrollment(world, rp, { user: name, displayName: name }))
  const { tenantId } = rp
  const { keys, command } = await aClaimCommand(world, tenantId, scannedCode(opening.uri))
  const { device, passcode } = await granted(claimEnrollment(world, command))
  const { number } = await granted(
    waitForEnrollment(world, rp, opening.enrollment.id, { waitMs: 0 }),
  )
  const phone = { keys, id: device.id, userId: device.userId, tenantId }
  await granted(confirmEnrollment(world, await aProof(world, phone), number ?? ''))
  const stepNow = async () => {
    const { now } = await world.passcodes.facts(tenantId, rp.rpId, device.userId)
    return Math.floor(now.getTime() / 1000 / passcodePeriodSeconds)
  }
  return {
    phone,
    deviceId: device.id,
    userId: device.userId,
    passcode,
    show: async (away = 0) => {
      if (!passcode) throw new Error('the device got no secret')
      return world.oneTimePasswords.at(passcode.secret, passcode.digits, (await stepNow()) + away)
    },
  }
}

const browserOf = (owner: string) => ({ kind: 'browser', id: owner.padEnd(16, '-') }) as const
const verify = (command: Command, rp = principal) => verifyPasscode(world, rp, command)

/** What the tenant allows from now on. */
async function allow(overrides: object, { tenantId }: Principal) {
  const text = 'update tenants set policy = $2 where tenant_id = $1'
  await world.database.query('test_allow', text, [tenantId, JSON.stringify(overrides)])
}

function claimsOf(result: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(result.split('.')[1] ?? '', 'base64url').toString())
}

describe('a device’s passcode', () => {
  test('is accepted once, with a signed result for the relying party that asked', async () => {
    const { userId, deviceId, show } = await aGenerator()
    const code = await show()
    const binding = 'a-hash-of-the-session'
    const acceptance = await granted(verify({ userId, code, binding }))
    expect(acceptance).toMatchObject({ method: 'passcode', recoveryCodesLeft: 0 })
    expect(claimsOf(acceptance.result)).toMatchObject({
      iss: `${publicOrigin}/t/${principal.tenantId}`,
      aud: principal.rpId,
      sub: userId,
      did: deviceId,
      binding,
      amr: ['otp'],
      new_device: true,
    })
    const jws = world.signatures.read(acceptance.result, 4096)
    const keys = await world.keys.list(principal.tenantId)
    const [key] = keys
    expect(jws?.header).toEqual({ alg: 'ES256', typ: 'passcode-result+jwt', kid: key?.kid })
    expect(jws && key && (await world.signatures.verify(jws, key.publicJwk))).toBe(true)
    expect(await verify({ userId, code })).toMatchObject({ refused: 'passcode_used' })
  })

  test('typed 50 times concurrently is accepted once', async () => {
    const { userId, show } = await aGenerator()
    const code = await show()
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        verify({ userId, code, initiator: browserOf(`browser${n}`) }),
      ),
    )
    const acceptances = outcomes.filter((outcome) => 'result' in outcome)
    expect(acceptances).toHaveLength(1)
    expect(
      outcomes.filter((one) => 'refused' in one && one.refused === 'passcode_used'),
    ).toHaveLength(49)
  })

  describe('of an earlier step', () => {
    test.each([-3, -6, -10])(
      '(%i steps) is reported as a clock that is off, and the same code is wrong after that',
      async (away) => {
        const { userId, show } = await aGenerator()
        const code = await show(away)
        const initiator = browserOf('behind')
        expect(await verify({ userId, code, initiator })).toMatchObject({
          refused: 'passcode_clock_off',
          facts: { otherFactors: ['passcode'] },
        })
        expect(await verify({ userId, code, initiator })).toMatchObject({
          refused: 'passcode_wrong',
        })
        // Two attempts are used, and the code of now is as right as ever.
        await granted(verify({ userId, code: await show(), initiator }))
      },
    )

    test('counts as a wrong one: the sixth is not checked', async () => {
      const { userId, show } = await aGenerator()
      const initiator = browserOf('guesser')
      for (const away of [-9, -8, -7, -6, -5]) {
        const refusal = await verify({ userId, code: await show(away), initiator })
        expect(refusal).toMatchObject({ refused: 'passcode_clock_off' })
      }
      expect(await verify({ userId, code: await show(-4), initiator })).toMatchObject({
        refused: 'passcode_locked',
      })
      const page = { limit: 100, before: null }
      const activities = await granted(listActivities(world, principal, userId, page))
      const types = activities.map(({ type }) => type)
      expect(types.filter((type) => type === 'passcode_failed')).toHaveLength(5)
    })

    test('typed 20 times concurrently is recognized once', async () => {
      const { userId, show } = await aGenerator()
      const code = await show(-5)
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          verify({ userId, code, initiator: browserOf(`late${n}`) }),
        ),
      )
      const codes = outcomes.map((one) => isRefusal(one) && one.refused)
      expect(codes.filter((one) => one === 'passcode_clock_off')).toHaveLength(1)
      expect(codes.filter((one) => one === 'passcode_wrong')).toHaveLength(19)
    })

    test('is wrong if it precedes an accepted one, or is of an unregistered device or another user', async () => {
      const { userId, deviceId, show } = await aGenerator()
      const other = await aGenerator()
      await granted(verify({ userId, code: await show() }))
      expect(await verify({ userId, code: await show(-4) })).toMatchObject({
        refused: 'passcode_wrong',
      })
      const { userId: theirs } = other
      expect(await verify({ userId: theirs, code: await show(-5) })).toMatchObject({
        refused: 'passcode_wrong',
      })
      await granted(unregisterDevice(world, principal, deviceId, 'lost'))
      expect(await verify({ userId, code: await show(-3) })).toMatchObject({
        refused: 'passcode_wrong',
      })
    })
  })

  test.each([-13, 3, 6])('of another time (%i steps away) is a wrong one', async (away) => {
    const { userId, show } = await aGenerator()
    expect(await verify({ userId, code: await show(away) })).toMatchObject({
      refused: 'passcode_wrong',
    })
  })

  test('of an unregistered device is a wrong one', async () => {
    const { userId, deviceId, show } = await aGenerator()
    const code = await show()
    await granted(unregisterDevice(world, principal, deviceId, 'lost'))
    expect(await verify({ userId, code })).toMatchObject({ refused: 'passcode_wrong' })
  })

  test('does not open when its row holds another device’s secret', async () => {
    const mine = await aGenerator()
    const theirs = await aGenerator()
    const text = `update passcode_secrets set secret_sealed = (select secret_sealed
      from passcode_secrets where device_id = $2) where device_id = $1`
    await world.database.query('test_move_secret', text, [mine.deviceId, theirs.deviceId])
    const code = await theirs.show()
    await expect(verify({ userId: mine.userId, code })).rejects.toThrow('moved from another row')
  })

  test('is still accepted after a change of the master key when the previous one is configured', async () => {
    const { userId, show } = await aGenerator()
    const former = world.sealingKey
    const sealing = buildSealing({ current: randomBytes(32), previous: [former] })
    const command = { userId, code: await show() }
    await granted(verifyPasscode({ ...world, sealing }, principal, command))
  })
})

describe('the policy', () => {
  test('says how many digits new devices show', async () => {
    const rp = await aPrincipal(world)
    await allow({ passcodeDigits: 8 }, rp)
    const { userId, show, passcode } = await aGenerator(rp)
    expect(passcode?.digits).toBe(8)
    const code = await show()
    expect(code).toMatch(/^\d{8}$/)
    expect(await verify({ userId, code: code.slice(2) }, rp)).toMatchObject({
      refused: 'passcode_wrong',
    })
    await granted(verify({ userId, code }, rp))
  })

  test('without passcodes gives devices no secret, and refuses earlier ones without counting', async () => {
    const rp = await aPrincipal(world)
    const { userId, show } = await aGenerator(rp)
    await allow({ passcodesAllowed: false }, rp)
    for (let n = 0; n < 10; n++) {
      const refusal = await verify({ userId, code: await show() }, rp)
      expect(refusal).toEqual({ refused: 'passcodes_not_allowed', facts: { otherFactors: [] } })
    }
    expect(await readOtherFactors(world, rp, userId)).toMatchObject({ otherFactors: [] })
    expect((await aGenerator(rp)).passcode).toBeNull()
    await allow({}, rp)
    await granted(verify({ userId, code: await show() }, rp))
  })
})

describe('a wrong code', () => {
  test('gets the same response for a user with passcodes and for one without', async () => {
    const { userId } = await aGenerator()
    const importResult = await granted(
      importUser(world, principal, { displayName: 'Bob', identifiers: ['bob'] }),
    )
    for (const code of ['000000', '00000000', 'nonsense', '0000-0000-0000-0000']) {
      const initiator = browserOf(`for${code}`)
      const outcomes = [
        await verify({ userId, code, initiator }),
        await verify({ userId: importResult.user.id, code, initiator }),
      ]
      expect(outcomes).toMatchObject([{ refused: 'passcode_wrong' }, { refused: 'passcode_wrong' }])
    }
  })

  test('for a user whom the relying party may not see is no wrong code: the user does not exist', async () => {
    const { userId, show } = await aGenerator()
    const otherPrincipal = await aPrincipal(world, ['elsewhere'], principal.tenantId)
    expect(await verify({ userId, code: await show() }, otherPrincipal)).toEqual({
      refused: 'not_found',
    })
    const outsider = await aPrincipal(world)
    for (const rp of [otherPrincipal, outsider]) {
      expect(await createRecoveryCodes(world, rp, userId)).toEqual({ refused: 'not_found' })
      expect(await createTemporaryCode(world, rp, userId)).toEqual({ refused: 'not_found' })
      expect(await readOtherFactors(world, rp, userId)).toEqual({ refused: 'not_found' })
    }
  })

  test('too often locks only its initiator, and the response says until when and by whom', async () => {
    const { userId, show } = await aGenerator()
    const outsider = browserOf('outsider')
    for (let n = 0; n < 5; n++) await verify({ userId, code: '00000000', initiator: outsider })
    const code = await show()
    const refusal = await verify({ userId, code, initiator: outsider })
    expect(refusal).toEqual({
      refused: 'passcode_locked',
      retryAfterSeconds: expect.any(Number),
      facts: { lockedBy: 'initiator', otherFactors: [] },
    })
    await granted(verify({ userId, code, initiator: browserOf('owner') }))
  })

  test('is not a text that cannot be a code: that is a typing slip, and costs no attempt', async () => {
    const { userId, show } = await aGenerator()
    const slips = ['12345', '123456789', 'nonsense', '7K3Q-M9TX-2R8B-0VW', '+492039', '—', '4920U9']
    for (const slip of [...slips, ...slips]) {
      expect(await verify({ userId, code: slip })).toEqual({
        refused: 'passcode_wrong',
        facts: { otherFactors: ['passcode'] },
      })
    }
    const page = { limit: 50, before: null }
    const activities = await granted(listActivities(world, principal, userId, page))
    expect(activities.map(({ type }) => type)).not.toContain('passcode_failed')
    await granted(verify({ userId, code: await show() }))
  })

  test('without an initiator counts against its relying party, apart from other relying parties', async () => {
    const { userId, show } = await aGenerator()
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    for (let n = 0; n < 5; n++) await verify({ userId, code: '00000000' })
    expect(await verify({ userId, code: '00000000' })).toMatchObject({ refused: 'passcode_locked' })
    await granted(verify({ userId, code: await show() }, other))
  })
})

describe('a known initiator', () => {
  const own = browserOf('own')
  /** Uses up the attempts that all unknown initiators share. */
  async function useUpUnknownInitiators(userId: UserId) {
    for (let browser = 0; browser < 20; browser++) {
      const guess = { userId, code: '00000000', initiator: browserOf(`browser${browser}`) }
      await Promise.all(Array.from({ length: 5 }, () => verify(guess)))
    }
  }
  const askUser = (userId: UserId) =>
    granted(ask(world, principal, { user: { id: userId }, initiator: own }))

  test('is a browser from which the user approved a push: unknown ones cannot use up its attempts', async () => {
    const { userId, show, phone } = await aGenerator()
    const { challenge, number } = await askUser(userId)
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: number ?? '' })
    const answer = await signAnswer(phone, claims)
    const command = { challengeId: challenge.id, answer }
    await granted(answerChallenge(world, await aProof(world, phone), command))
    await useUpUnknownInitiators(userId)
    const code = await show()
    expect(await verify({ userId, code, initiator: browserOf('x') })).toMatchObject({
      refused: 'passcode_locked',
    })
    await granted(verify({ userId, code, initiator: own }))
  }, 20_000)

  test('is not a browser that the user approved once and has reported since', async () => {
    const { userId, show, phone } = await aGenerator()
    await granted(verify({ userId, code: await show(), initiator: own }))
    const { challenge } = await askUser(userId)
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'report' })
    const command = { challengeId: challenge.id, answer: await signAnswer(phone, claims) }
    await granted(answerChallenge(world, await aProof(world, phone), command))
    await useUpUnknownInitiators(userId)
    expect(await verify({ userId, code: '000000', initiator: own })).toMatchObject({
      refused: 'passcode_locked',
      facts: { lockedBy: 'user' },
    })
  }, 20_000)

  test('for pushes is a browser where a code was accepted; a relying party as a whole never is', async () => {
    const { userId, show } = await aGenerator()
    await granted(verify({ userId, code: await show(), initiator: own }))
    const budgetOf = async () => {
      const { challenge } = await askUser(userId)
      return challenge.budgetKey === challenge.initiatorKey
    }
    expect(await budgetOf()).toBe(true)
    const other = await aGenerator()
    await granted(verify({ userId: other.userId, code: await other.show() }))
    const rows = await world.database.query(
      'test_approved_initiators',
      'select key from initiators where user_id = $1 and approved_at is not null',
      [other.userId],
    )
    expect(rows).toEqual([])
  })
})

describe('a refusal', () => {
  test('names the other factors, without the locked ones', async () => {
    const { userId } = await aGenerator()
    await granted(createRecoveryCodes(world, principal, userId))
    const wrong = { userId, code: '00000000' }
    expect(await verify(wrong)).toEqual({
      refused: 'passcode_wrong',
      facts: { otherFactors: ['passcode', 'recovery_code'] },
    })
    await granted(createTemporaryCode(world, principal, userId))
    for (let n = 0; n < 4; n++) await verify(wrong)
    expect(await verify(wrong)).toMatchObject({
      refused: 'passcode_locked',
      facts: { otherFactors: ['temporary_code', 'recovery_code'] },
    })
  })

  test('of any code of a suspended user says so, and codes work again after the suspension', async () => {
    const { userId, show } = await aGenerator()
    const [recovery = ''] = await granted(createRecoveryCodes(world, principal, userId))
    await granted(setUserStatus(world, principal, userId, 'suspended'))
    for (const code of [await show(), recovery, '000000']) {
      expect(await verify({ userId, code })).toEqual({ refused: 'user_suspended' })
    }
    expect(await refusalsOf(userId)).toEqual(['user_suspended', 'user_suspended', 'user_suspended'])
    await granted(setUserStatus(world, principal, userId, 'active'))
    await granted(verify({ userId, code: recovery }))
    const lines = world.revocations.filter((line) => 'userId' in line && line.userId === userId)
    expect(lines.map(({ revocation }) => revocation)).toEqual(['user_suspended', 'user_activated'])
  })

  /** What is refused to a user apart from codes. */
  async function refusalsOf(userId: UserId) {
    const user = { id: userId }
    const outcomes = [
      await ask(world, principal, { user }),
      await openEnrollment(world, principal, { user }),
      await createPortalLink(world, principal, userId),
    ]
    return outcomes.map((one) => (isRefusal(one) ? one.refused : 'granted'))
  }
})

describe('recovery codes', () => {
  test('come as ten, each valid for one sign-in, and are counted down', async () => {
    const { userId } = await aGenerator()
    const codes = await granted(createRecoveryCodes(world, principal, userId))
    expect(new Set(codes).size).toBe(10)
    for (const [usedCount, code] of codes.entries()) {
      const typedCode = code.toLowerCase().replaceAll('-', ' ')
      const acceptance = await granted(verify({ userId, code: typedCode }))
      expect(acceptance).toMatchObject({
        method: 'recovery_code',
        recoveryCodesLeft: 9 - usedCount,
      })
      expect(claimsOf(acceptance.result)).not.toHaveProperty('did')
      expect(await verify({ userId, code })).toMatchObject({ refused: 'passcode_used' })
    }
  }, 20_000)

  test('of a former set are wrong', async () => {
    const { userId } = await aGenerator()
    const [former] = await granted(createRecoveryCodes(world, principal, userId))
    await granted(createRecoveryCodes(world, principal, userId))
    expect(await verify({ userId, code: former ?? '' })).toMatchObject({
      refused: 'passcode_wrong',
    })
  })

  test('are accepted where wrong codes have locked the initiator and the user', async () => {
    const { userId } = await aGenerator()
    const [code] = await granted(createRecoveryCodes(world, principal, userId))
    for (let browser = 0; browser < 20; browser++) {
      const guess = { userId, code: '00000000', initiator: browserOf(`browser${browser}`) }
      await Promise.all(Array.from({ length: 5 }, () => verify(guess)))
    }
    const initiator = browserOf('browser0')
    expect(await verify({ userId, code: '000000', initiator: browserOf('x') })).toMatchObject({
      refused: 'passcode_locked',
      facts: { lockedBy: 'user' },
    })
    await granted(verify({ userId, code: code ?? '', initiator }))
  })
})

describe('a temporary code', () => {
  test('is valid once, for an hour unless set otherwise', async () => {
    const { userId } = await aGenerator()
    const { code, expiresAt } = await granted(createTemporaryCode(world, principal, userId))
    expect(Math.abs(expiresAt.getTime() - Date.now() - 3_600_000)).toBeLessThan(60_000)
    expect(await readOtherFactors(world, principal, userId)).toMatchObject({
      otherFactors: ['passcode', 'temporary_code'],
      temporaryCodeExpiresAt: expiresAt,
    })
    const acceptance = await granted(verify({ userId, code }))
    expect(acceptance.method).toBe('temporary_code')
    expect(await verify({ userId, code })).toMatchObject({ refused: 'passcode_used' })
    const activities = await granted(
      listActivities(world, principal, userId, { limit: 3, before: null }),
    )
    expect(activities.map(({ type }) => type)).toEqual([
      'passcode_failed',
      'temporary_code_used',
      'temporary_code_made',
    ])
  })

  test('reports that it has expired, to anyone who has it', async () => {
    const { userId } = await aGenerator()
    const { code } = await granted(createTemporaryCode(world, principal, userId, 300))
    await world.database.query(
      'test_run_out',
      `update single_use_codes set expires_at = clock_timestamp() where user_id = $1`,
      [userId],
    )
    expect(await verify({ userId, code })).toMatchObject({ refused: 'passcode_expired' })
  })

  test('replaces the former one', async () => {
    const { userId } = await aGenerator()
    const former = await granted(createTemporaryCode(world, principal, userId))
    await granted(createTemporaryCode(world, principal, userId))
    expect(await verify({ userId, code: former.code })).toMatchObject({ refused: 'passcode_wrong' })
  })
})
