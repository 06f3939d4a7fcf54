import { describe, expect } from 'vitest'
import { listActivities } from '../../src/activities/list-activities.ts'
import { readReadiness } from '../../src/challenges/read-readiness.ts'
import { resendChallenge } from '../../src/challenges/resend-challenge.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { openNextEnrollment } from '../../src/enrollments/enroll-next-phone.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { countReady } from '../../src/protection/count-readiness.ts'
import { readPushSignIn, setPushSignIn } from '../../src/protection/push-sign-in.ts'
import { setPolicy, setRelyingPartyPolicy } from '../../src/tenants/policy.ts'
import { importUser } from '../../src/users/import-user.ts'
import { onServer } from '../support/cluster.ts'
import { letTimePass } from '../support/passing-time.ts'
import {
  aClaimCommand,
  aPrincipal,
  aProof,
  ask,
  granted,
  scannedCode,
  type World,
} from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'

const decide = (world: World, { tenantId }: Principal, overrides: PolicyOverrides) =>
  granted(setPolicy(world, tenantId, { overrides, replace: true }, 'operator'))

const off = (why: string) => ({ refused: 'push_sign_in_off', facts: { why } })

const enroll = (world: World, principal: Principal, user: string) =>
  openEnrollment(world, principal, { user, displayName: user })

describe('the organisation', () => {
  test('turns push sign-in off for everybody: nobody is asked, and the other factors are named', async ({
    world,
    principal,
    phone,
  }) => {
    await decide(world, principal, { pushSignIn: 'nobody' })
    expect(await ask(world, principal)).toEqual({
      refused: 'push_sign_in_off',
      facts: { why: 'off_for_everybody', otherFactors: ['passcode'] },
    })
    expect(await enroll(world, principal, 'alice')).toEqual(off('off_for_everybody'))
    const next = await openNextEnrollment(
      world,
      await aProof(world, phone, phone.keys.verification ?? undefined),
      {},
    )
    expect(next).toEqual(off('off_for_everybody'))
    const readiness = await readReadiness(world, principal, {
      userId: phone.userId,
      userVerification: 'preferred',
      number: 'service',
    })
    expect(readiness).toMatchObject({ refusal: 'push_sign_in_off', methods: ['passcode'] })
  })

  test('has no phone woken again for a challenge from before', async ({
    world,
    principal,
    phone,
  }) => {
    const { challenge } = await granted(ask(world, principal))
    await onServer(world.url, (client) =>
      letTimePass((sql, values) => client.query(sql, values), phone.userId, 15),
    )
    await decide(world, principal, { pushSignIn: 'nobody' })
    expect(await resendChallenge(world, principal, challenge.id)).toMatchObject(
      off('off_for_everybody'),
    )
  })

  test('limits it to the users that it lists', async ({ world, principal, phone }) => {
    await decide(world, principal, { pushSignIn: 'listed' })
    expect(await ask(world, principal)).toMatchObject(off('user_not_listed'))
    await granted(setPushSignIn(world, principal, phone.userId, 'on'))
    await granted(ask(world, principal))
    await granted(setPushSignIn(world, principal, phone.userId, 'default'))
    expect(await ask(world, principal)).toMatchObject(off('user_not_listed'))
  })

  test('turns it off for one user, whatever was decided a moment before', async ({
    world,
    principal,
    phone,
  }) => {
    const racing = {
      ...world,
      challenges: {
        ...world.challenges,
        loadCreation: async (...query: Parameters<World['challenges']['loadCreation']>) => {
          const facts = await world.challenges.loadCreation(...query)
          await granted(setPushSignIn(world, principal, phone.userId, 'off'))
          return facts
        },
      },
    }
    expect(await ask(racing, principal)).toMatchObject(off('off_for_user'))
    expect(await enroll(world, principal, 'alice')).toEqual(off('off_for_user'))
    expect(await readPushSignIn(world, principal, phone.userId)).toEqual({
      setting: 'off',
      mayEnroll: false,
      whyNot: 'off_for_user',
    })
  })

  test('is stricter for one relying party', async ({ world, principal, phone: _ }) => {
    const { tenantId } = principal
    const other = await aPrincipal(world, ['default'], tenantId)
    const stricter = { pushSignIn: 'nobody' } as const
    await granted(setRelyingPartyPolicy(world, tenantId, other.rpId, stricter, 'operator'))
    expect(await ask(world, other)).toMatchObject(off('off_for_everybody'))
    await granted(ask(world, principal))
  })

  test('rolls it out in steps: who has a device keeps it, and a new user waits', async ({
    world,
    principal,
    phone,
  }) => {
    await decide(world, principal, { pushSignInPercent: 0 })
    await granted(ask(world, principal))
    await granted(enroll(world, principal, 'alice'))
    expect(await enroll(world, principal, 'bob')).toEqual(off('user_not_reached'))
    expect(await readPushSignIn(world, principal, phone.userId)).toMatchObject({ mayEnroll: true })
    await decide(world, principal, { pushSignInPercent: 100 })
    await granted(enroll(world, principal, 'bob'))
  })

  test('counts a device that was unregistered, or never confirmed, as none', async ({
    world,
    principal,
    phone,
  }) => {
    const { uri } = await granted(enroll(world, principal, 'bob'))
    const { command } = await aClaimCommand(world, principal.tenantId, scannedCode(uri))
    const { device } = await granted(claimEnrollment(world, command))
    await granted(unregisterDevice(world, principal, phone.id, 'lost'))
    await decide(world, principal, { pushSignInPercent: 0 })
    for (const userId of [device.userId, phone.userId]) {
      expect(await readPushSignIn(world, principal, userId)).toMatchObject({
        whyNot: 'user_not_reached',
      })
    }
    const { notReady } = await countReady(world, principal)
    expect(notReady).toMatchObject({ user_not_reached: 2, no_device: 0 })
  })

  test('reaches about as many users as the percentage says, and more with each step', async ({
    world,
    principal,
  }) => {
    const ids = await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const user = { displayName: `u${n}`, identifiers: [`u${n}`] }
        return (await granted(importUser(world, principal, user))).user.id
      }),
    )
    const usersAt = async (pushSignInPercent: number) => {
      await decide(world, principal, { pushSignInPercent })
      const all = await Promise.all(ids.map((id) => granted(readPushSignIn(world, principal, id))))
      return new Set(ids.filter((_, n) => all[n]?.mayEnroll))
    }
    const [few, half, most] = [await usersAt(10), await usersAt(50), await usersAt(90)]
    expect([...few].every((id) => half.has(id))).toBe(true)
    expect([...half].every((id) => most.has(id))).toBe(true)
    // Six standard deviations of a binomial distribution around 30.
    expect(Math.abs(half.size - 30)).toBeLessThan(24)
    expect(few.size).toBeLessThan(most.size)
  })

  test('is recorded once for each change, and other tenants cannot change it', async ({
    world,
    principal,
    phone,
  }) => {
    await granted(setPushSignIn(world, principal, phone.userId, 'on'))
    await granted(setPushSignIn(world, principal, phone.userId, 'on'))
    const neighbour = await aPrincipal(world)
    expect(await setPushSignIn(world, neighbour, phone.userId, 'off')).toEqual({
      refused: 'not_found',
    })
    const page = { limit: 50, before: null }
    const activities = await granted(listActivities(world, principal, phone.userId, page))
    const changes = activities.filter(({ type }) => type === 'push_sign_in_changed')
    expect(changes.map(({ details }) => details)).toEqual([{ to: 'on' }])
  })
})
