import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserId } from '../../src/domain/ids.ts'
import { passcodePeriodSeconds } from '../../src/domain/passcode.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { buildSealing } from '../../src/outbound/sealing.ts'
import { answerChallenge } from '../../src/usecases/answer-challenge.ts'
import { claimEnrollment } from '../../src/usecases/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/usecases/confirm-enrollment.ts'
import { importUser } from '../../src/usecases/import-user.ts'
import { listActivities } from '../../src/usecases/list-activities.ts'
import { openEnrollment } from '../../src/usecases/open-enrollment.ts'
import { createPortalLink } from '../../src/usecases/portal.ts'
import { readEnrollment } from '../../src/usecases/read-enrollment.ts'
import { createRecoveryCodes, createTemporaryCode } from '../../src/usecases/single-use-codes.ts'
import { setUserStatus } from '../../src/usecases/suspend-user.ts'
import { unregisterDevice } from '../../src/usecases/unregister-devices.ts'
import {
  type Command,
  readOtherFactors,
  verifyPasscode,
} from '../../src/usecases/verify-passcode.ts'
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
} from './world.ts'

let world: World
let principal: Principal
beforeAll(async () => {
  world = await openWorld()
  principal = await aPrincipal(world, ['default', 'other'])
})
afterAll(() => world.close())

/** A user with one device that shows passcodes, as the app has it. */
async function aGenerator(asking = principal, name = randomBytes(8).toString('hex')) {
  const opened = await granted(openEnrollment(world, asking, { user: name, displayName: name }))
  const { tenantId } = asking
  const { keys, command } = await aClaimCommand(world, tenantId, scannedCode(opened.uri))
  const { device, passcode } = await granted(claimEnrollment(world, command))
  const { number } = await granted(
    readEnrollment(world, asking, opened.enrollment.id, { waitMs: 0 }),
  )
  const phone = { keys, id: device.id, userId: device.userId, tenantId }
  await granted(confirmEnrollment(world, await aProof(world, phone), number ?? ''))
  const stepNow = async () => {
    const { now } = await world.passcodes.facts(tenantId, asking.rpId, device.userId)
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
const verify = (command: Command, asking = principal) => verifyPasscode(world, asking, command)

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
    const accepted = await granted(verify({ userId, code, binding }))
    expect(accepted).toMatchObject({ method: 'passcode', recoveryCodesLeft: 0 })
    expect(claimsOf(accepted.result)).toMatchObject({
      iss: `${publicOrigin}/t/${principal.tenantId}`,
      aud: principal.rpId,
      sub: userId,
      did: deviceId,
      binding,
      amr: ['otp'],
      new_device: true,
    })
    const jws = world.signatures.read(accepted.result, 4096)
    const keys = await world.keys.list(principal.tenantId)
    const [key] = keys
    expect(jws?.header).toEqual({ alg: 'ES256', typ: 'passcode-result+jwt', kid: key?.kid })
    expect(jws && key && (await world.signatures.verify(jws, key.publicJwk))).toBe(true)
    expect(await verify({ userId, code })).toMatchObject({ refused: 'passcode_used' })
  })

  test('of 50 that are typed at once is accepted once', async () => {
    const { userId, show } = await aGenerator()
    const code = await show()
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        verify({ userId, code, initiator: browserOf(`browser${n}`) }),
      ),
    )
    const accepted = outcomes.filter((outcome) => 'result' in outcome)
    expect(accepted).toHaveLength(1)
    expect(
      outcomes.filter((one) => 'refused' in one && one.refused === 'passcode_used'),
    ).toHaveLength(49)
  })

  describe('of a step behind', () => {
    test.each([-3, -6, -10])(
      '(%i steps) tells that the clock is off, and nothing more is right by it',
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
        // Two tries are gone, and the code of now is as right as ever.
        await granted(verify({ userId, code: await show(), initiator }))
      },
    )

    test('counts as a wrong one: the sixth is not looked at', async () => {
      const { userId, show } = await aGenerator()
      const initiator = browserOf('guesser')
      for (const away of [-9, -8, -7, -6, -5]) {
        const tried = await verify({ userId, code: await show(away), initiator })
        expect(tried).toMatchObject({ refused: 'passcode_clock_off' })
      }
      expect(await verify({ userId, code: await show(-4), initiator })).toMatchObject({
        refused: 'passcode_locked',
      })
      const page = { limit: 100, before: null }
      const listed = await granted(listActivities(world, principal, userId, page))
      const told = listed.map(({ type }) => type)
      expect(told.filter((type) => type === 'passcode_failed')).toHaveLength(5)
    })

    test('of 20 that are typed at once is recognised once', async () => {
      const { userId, show } = await aGenerator()
      const code = await show(-5)
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          verify({ userId, code, initiator: browserOf(`late${n}`) }),
        ),
      )
      const refused = outcomes.map((one) => isRefusal(one) && one.refused)
      expect(refused.filter((one) => one === 'passcode_clock_off')).toHaveLength(1)
      expect(refused.filter((one) => one === 'passcode_wrong')).toHaveLength(19)
    })

    test('that lies before an accepted one, of an unregistered device or of somebody else is a wrong one', async () => {
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

  test('does not open when its row was given another device’s secret', async () => {
    const mine = await aGenerator()
    const theirs = await aGenerator()
    const text = `update passcode_secrets set secret_sealed = (select secret_sealed
      from passcode_secrets where device_id = $2) where device_id = $1`
    await world.database.query('test_move_secret', text, [mine.deviceId, theirs.deviceId])
    const code = await theirs.show()
    await expect(verify({ userId: mine.userId, code })).rejects.toThrow('moved from another row')
  })

  test('is still accepted when the master key was changed, the former one being given', async () => {
    const { userId, show } = await aGenerator()
    const former = world.sealingKey
    const sealing = buildSealing({ current: randomBytes(32), previous: [former] })
    const command = { userId, code: await show() }
    await granted(verifyPasscode({ ...world, sealing }, principal, command))
  })
})

describe('the policy', () => {
  test('says how many digits new devices show', async () => {
    const asking = await aPrincipal(world)
    await allow({ passcodeDigits: 8 }, asking)
    const { userId, show, passcode } = await aGenerator(asking)
    expect(passcode?.digits).toBe(8)
    const code = await show()
    expect(code).toMatch(/^\d{8}$/)
    expect(await verify({ userId, code: code.slice(2) }, asking)).toMatchObject({
      refused: 'passcode_wrong',
    })
    await granted(verify({ userId, code }, asking))
  })

  test('without passcodes gives devices no secret, and refuses those of before without counting', async () => {
    const asking = await aPrincipal(world)
    const { userId, show } = await aGenerator(asking)
    await allow({ passcodesAllowed: false }, asking)
    for (let n = 0; n < 10; n++) {
      const refused = await verify({ userId, code: await show() }, asking)
      expect(refused).toEqual({ refused: 'passcodes_not_allowed', facts: { otherFactors: [] } })
    }
    expect(await readOtherFactors(world, asking, userId)).toMatchObject({ otherFactors: [] })
    expect((await aGenerator(asking)).passcode).toBeNull()
    await allow({}, asking)
    await granted(verify({ userId, code: await show() }, asking))
  })
})

describe('a wrong code', () => {
  test('is told as the same for a user with passcodes and for one without', async () => {
    const { userId } = await aGenerator()
    const imported = await granted(
      importUser(world, principal, { displayName: 'Bob', identifiers: ['bob'] }),
    )
    for (const code of ['000000', '00000000', 'nonsense', '0000-0000-0000-0000']) {
      const initiator = browserOf(`for${code}`)
      const outcomes = [
        await verify({ userId, code, initiator }),
        await verify({ userId: imported.user.id, code, initiator }),
      ]
      expect(outcomes).toMatchObject([{ refused: 'passcode_wrong' }, { refused: 'passcode_wrong' }])
    }
  })

  test('of somebody whom the relying party may not see is none: there is no such user', async () => {
    const { userId, show } = await aGenerator()
    const stranger = await aPrincipal(world, ['elsewhere'], principal.tenantId)
    expect(await verify({ userId, code: await show() }, stranger)).toEqual({ refused: 'not_found' })
    const outsider = await aPrincipal(world)
    for (const asking of [stranger, outsider]) {
      expect(await createRecoveryCodes(world, asking, userId)).toEqual({ refused: 'not_found' })
      expect(await createTemporaryCode(world, asking, userId)).toEqual({ refused: 'not_found' })
      expect(await readOtherFactors(world, asking, userId)).toEqual({ refused: 'not_found' })
    }
  })

  test('too often locks its initiator only, and says until when and by whom', async () => {
    const { userId, show } = await aGenerator()
    const outsider = browserOf('outsider')
    for (let n = 0; n < 5; n++) await verify({ userId, code: '00000000', initiator: outsider })
    const code = await show()
    const locked = await verify({ userId, code, initiator: outsider })
    expect(locked).toEqual({
      refused: 'passcode_locked',
      retryAfterSeconds: expect.any(Number),
      facts: { lockedBy: 'initiator', otherFactors: [] },
    })
    await granted(verify({ userId, code, initiator: browserOf('owner') }))
  })

  test('is not what can be no code at all: that is a slip of the hand, and costs no try', async () => {
    const { userId, show } = await aGenerator()
    const slips = ['12345', '123456789', 'nonsense', '7K3Q-M9TX-2R8B-0VW', '+492039', '—', '4920U9']
    for (const slip of [...slips, ...slips]) {
      expect(await verify({ userId, code: slip })).toEqual({
        refused: 'passcode_wrong',
        facts: { otherFactors: ['passcode'] },
      })
    }
    const page = { limit: 50, before: null }
    const listed = await granted(listActivities(world, principal, userId, page))
    expect(listed.map(({ type }) => type)).not.toContain('passcode_failed')
    await granted(verify({ userId, code: await show() }))
  })

  test('is counted for the relying party where it names nobody, apart from other relying parties', async () => {
    const { userId, show } = await aGenerator()
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    for (let n = 0; n < 5; n++) await verify({ userId, code: '00000000' })
    expect(await verify({ userId, code: '00000000' })).toMatchObject({ refused: 'passcode_locked' })
    await granted(verify({ userId, code: await show() }, other))
  })
})

describe('who is known', () => {
  const own = browserOf('own')
  /** Uses up the tries that all strangers have together. */
  async function useUpStrangers(userId: UserId) {
    for (let browser = 0; browser < 20; browser++) {
      const guess = { userId, code: '00000000', initiator: browserOf(`browser${browser}`) }
      await Promise.all(Array.from({ length: 5 }, () => verify(guess)))
    }
  }
  const asked = (userId: UserId) =>
    granted(ask(world, principal, { user: { id: userId }, initiator: own }))

  test('is a browser from which the user approved a push: strangers cannot use up its tries', async () => {
    const { userId, show, phone } = await aGenerator()
    const { challenge, number } = await asked(userId)
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: number ?? '' })
    const answer = await signAnswer(phone, claims)
    const command = { challengeId: challenge.id, answer }
    await granted(answerChallenge(world, await aProof(world, phone), command))
    await useUpStrangers(userId)
    const code = await show()
    expect(await verify({ userId, code, initiator: browserOf('x') })).toMatchObject({
      refused: 'passcode_locked',
    })
    await granted(verify({ userId, code, initiator: own }))
  }, 20_000)

  test('is not a browser that the user approved once and has reported since', async () => {
    const { userId, show, phone } = await aGenerator()
    await granted(verify({ userId, code: await show(), initiator: own }))
    const { challenge } = await asked(userId)
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'report' })
    const command = { challengeId: challenge.id, answer: await signAnswer(phone, claims) }
    await granted(answerChallenge(world, await aProof(world, phone), command))
    await useUpStrangers(userId)
    expect(await verify({ userId, code: '000000', initiator: own })).toMatchObject({
      refused: 'passcode_locked',
      facts: { lockedBy: 'user' },
    })
  }, 20_000)

  test('is, to pushes, a browser from which a code got in; a relying party as a whole never is', async () => {
    const { userId, show } = await aGenerator()
    await granted(verify({ userId, code: await show(), initiator: own }))
    const budgetOf = async () => {
      const { challenge } = await asked(userId)
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
  test('names the other factors, without what is locked', async () => {
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

  test('of any code of a suspended user says that, and the user is back when it is over', async () => {
    const { userId, show } = await aGenerator()
    const [recovery = ''] = await granted(createRecoveryCodes(world, principal, userId))
    await granted(setUserStatus(world, principal, userId, 'suspended'))
    for (const code of [await show(), recovery, '000000']) {
      expect(await verify({ userId, code })).toEqual({ refused: 'user_suspended' })
    }
    expect(await asRefused(userId)).toEqual(['user_suspended', 'user_suspended', 'user_suspended'])
    await granted(setUserStatus(world, principal, userId, 'active'))
    await granted(verify({ userId, code: recovery }))
    const lines = world.revoked.filter((line) => 'userId' in line && line.userId === userId)
    expect(lines.map(({ revocation }) => revocation)).toEqual(['user_suspended', 'user_activated'])
  })

  /** What is refused to a user beside codes. */
  async function asRefused(userId: UserId) {
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
  test('come as ten, each good for one sign-in, and are counted down', async () => {
    const { userId } = await aGenerator()
    const codes = await granted(createRecoveryCodes(world, principal, userId))
    expect(new Set(codes).size).toBe(10)
    for (const [used, code] of codes.entries()) {
      const typed = code.toLowerCase().replaceAll('-', ' ')
      const accepted = await granted(verify({ userId, code: typed }))
      expect(accepted).toMatchObject({ method: 'recovery_code', recoveryCodesLeft: 9 - used })
      expect(claimsOf(accepted.result)).not.toHaveProperty('did')
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
  test('is good once, for an hour unless it is said otherwise', async () => {
    const { userId } = await aGenerator()
    const { code, expiresAt } = await granted(createTemporaryCode(world, principal, userId))
    expect(Math.abs(expiresAt.getTime() - Date.now() - 3_600_000)).toBeLessThan(60_000)
    expect(await readOtherFactors(world, principal, userId)).toMatchObject({
      otherFactors: ['passcode', 'temporary_code'],
      temporaryCodeExpiresAt: expiresAt,
    })
    const accepted = await granted(verify({ userId, code }))
    expect(accepted.method).toBe('temporary_code')
    expect(await verify({ userId, code })).toMatchObject({ refused: 'passcode_used' })
    const told = await granted(listActivities(world, principal, userId, { limit: 3, before: null }))
    expect(told.map(({ type }) => type)).toEqual([
      'passcode_failed',
      'temporary_code_used',
      'temporary_code_made',
    ])
  })

  test('says when it has expired, to whoever has it', async () => {
    const { userId } = await aGenerator()
    const { code } = await granted(createTemporaryCode(world, principal, userId, 300))
    await world.database.query(
      'test_run_out',
      `update single_use_codes set expires_at = clock_timestamp() where user_id = $1`,
      [userId],
    )
    expect(await verify({ userId, code })).toMatchObject({ refused: 'passcode_expired' })
  })

  test('takes the place of the former one', async () => {
    const { userId } = await aGenerator()
    const former = await granted(createTemporaryCode(world, principal, userId))
    await granted(createTemporaryCode(world, principal, userId))
    expect(await verify({ userId, code: former.code })).toMatchObject({ refused: 'passcode_wrong' })
  })
})
