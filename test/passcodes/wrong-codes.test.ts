import { describe, expect } from 'vitest'
import { listActivities } from '../../src/activities/list-activities.ts'
import { setUserStatus } from '../../src/devices/suspend-user.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { readOtherFactors } from '../../src/passcodes/read-other-factors.ts'
import { createRecoveryCodes, createTemporaryCode } from '../../src/passcodes/single-use-codes.ts'
import { createPortalLink } from '../../src/portal/portal-sessions.ts'
import { importUser } from '../../src/users/import-user.ts'
import { aPrincipal, ask, granted, type World } from '../support/world.ts'
import { browserOf, test } from './passcode-users.ts'

describe('a wrong code', () => {
  test('gets the same response for a user with passcodes and for one without', async ({
    scene,
    world,
  }) => {
    const { userId } = await scene.aGenerator()
    const importResult = await granted(
      importUser(world, scene.principal, { displayName: 'Bob', identifiers: ['bob'] }),
    )
    for (const code of ['000000', '00000000', 'nonsense', '0000-0000-0000-0000']) {
      const initiator = browserOf(`for${code}`)
      const outcomes = [
        await scene.verify({ userId, code, initiator }),
        await scene.verify({ userId: importResult.user.id, code, initiator }),
      ]
      expect(outcomes).toMatchObject([{ refused: 'passcode_wrong' }, { refused: 'passcode_wrong' }])
    }
  })

  test('for a user whom the relying party may not see is no wrong code: the user does not exist', async ({
    scene,
    world,
  }) => {
    const { userId, show } = await scene.aGenerator()
    const otherPrincipal = await aPrincipal(world, ['elsewhere'], scene.principal.tenantId)
    expect(await scene.verify({ userId, code: await show() }, otherPrincipal)).toEqual({
      refused: 'not_found',
    })
    const outsider = await aPrincipal(world)
    for (const rp of [otherPrincipal, outsider]) {
      expect(await createRecoveryCodes(world, rp, userId)).toEqual({ refused: 'not_found' })
      expect(await createTemporaryCode(world, rp, userId)).toEqual({ refused: 'not_found' })
      expect(await readOtherFactors(world, rp, userId)).toEqual({ refused: 'not_found' })
    }
  })

  test('too often locks only its initiator, and the response says until when and by whom', async ({
    scene,
  }) => {
    const { userId, show } = await scene.aGenerator()
    const outsider = browserOf('outsider')
    for (let n = 0; n < 5; n++)
      await scene.verify({ userId, code: '00000000', initiator: outsider })
    const code = await show()
    const refusal = await scene.verify({ userId, code, initiator: outsider })
    expect(refusal).toEqual({
      refused: 'passcode_locked',
      retryAfterSeconds: expect.any(Number),
      facts: { lockedBy: 'initiator', otherFactors: [] },
    })
    await granted(scene.verify({ userId, code, initiator: browserOf('owner') }))
  })

  test('is not a text that cannot be a code: that is a typing slip, and costs no attempt', async ({
    scene,
    world,
  }) => {
    const { userId, show } = await scene.aGenerator()
    const slips = ['12345', '123456789', 'nonsense', '7K3Q-M9TX-2R8B-0VW', '+492039', '—', '4920U9']
    for (const slip of [...slips, ...slips]) {
      expect(await scene.verify({ userId, code: slip })).toEqual({
        refused: 'passcode_wrong',
        facts: { otherFactors: ['passcode'] },
      })
    }
    const page = { limit: 50, before: null }
    const activities = await granted(listActivities(world, scene.principal, userId, page))
    expect(activities.map(({ type }) => type)).not.toContain('passcode_failed')
    await granted(scene.verify({ userId, code: await show() }))
  })

  test('without an initiator counts against its relying party, apart from other relying parties', async ({
    scene,
    world,
  }) => {
    const { userId, show } = await scene.aGenerator()
    const other = await aPrincipal(world, ['default'], scene.principal.tenantId)
    for (let n = 0; n < 5; n++) await scene.verify({ userId, code: '00000000' })
    expect(await scene.verify({ userId, code: '00000000' })).toMatchObject({
      refused: 'passcode_locked',
    })
    await granted(scene.verify({ userId, code: await show() }, other))
  })
})

describe('a refusal', () => {
  test('names the other factors, without the locked ones', async ({ scene, world }) => {
    const { userId } = await scene.aGenerator()
    await granted(createRecoveryCodes(world, scene.principal, userId))
    const wrong = { userId, code: '00000000' }
    expect(await scene.verify(wrong)).toEqual({
      refused: 'passcode_wrong',
      facts: { otherFactors: ['passcode', 'recovery_code'] },
    })
    await granted(createTemporaryCode(world, scene.principal, userId))
    for (let n = 0; n < 4; n++) await scene.verify(wrong)
    expect(await scene.verify(wrong)).toMatchObject({
      refused: 'passcode_locked',
      facts: { otherFactors: ['temporary_code', 'recovery_code'] },
    })
  })

  test('of any code of a suspended user says so, and codes work again after the suspension', async ({
    scene,
    world,
  }) => {
    const { userId, show } = await scene.aGenerator()
    const [recovery = ''] = await granted(createRecoveryCodes(world, scene.principal, userId))
    await granted(setUserStatus(world, scene.principal, userId, 'suspended'))
    for (const code of [await show(), recovery, '000000']) {
      expect(await scene.verify({ userId, code })).toEqual({ refused: 'user_suspended' })
    }
    expect(await refusalsOf(world, scene.principal, userId)).toEqual([
      'user_suspended',
      'user_suspended',
      'user_suspended',
    ])
    await granted(setUserStatus(world, scene.principal, userId, 'active'))
    await granted(scene.verify({ userId, code: recovery }))
    const lines = world.revocations.filter((line) => 'userId' in line && line.userId === userId)
    expect(lines.map(({ revocation }) => revocation)).toEqual(['user_suspended', 'user_activated'])
  })

  /** What is refused to a user apart from codes. */
  async function refusalsOf(world: World, principal: Principal, userId: UserId) {
    const user = { id: userId }
    const outcomes = [
      await ask(world, principal, { user }),
      await openEnrollment(world, principal, { user }),
      await createPortalLink(world, principal, userId),
    ]
    return outcomes.map((one) => (isRefusal(one) ? one.refused : 'granted'))
  }
})
