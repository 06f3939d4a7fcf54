import { expect } from 'vitest'
import { readReadiness } from '../../src/challenges/read-readiness.ts'
import { updateSelf } from '../../src/devices/own-devices.ts'
import { rotatePushToken } from '../../src/devices/rotate-push-token.ts'
import { setUserStatus } from '../../src/devices/suspend-user.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { unreadyReasons } from '../../src/domain/readiness-counts.ts'
import { countReady } from '../../src/protection/count-readiness.ts'
import { readPushSignIn, setPushSignIn } from '../../src/protection/push-sign-in.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { importUser } from '../../src/users/import-user.ts'
import { aPhone, aPrincipal, aProof, granted, type World } from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'

const decide = (world: World, { tenantId }: Principal, overrides: PolicyOverrides) =>
  granted(setPolicy(world, tenantId, { overrides, replace: true }, 'operator'))

async function aUserWithoutDevice(world: World, principal: Principal, name: string) {
  const user = { displayName: name, identifiers: [name] }
  return (await granted(importUser(world, principal, user))).user.id
}

const none = Object.fromEntries(unreadyReasons.map((reason) => [reason, 0]))

/** Alice and dave have phones, dave's without a push token; bob and erin have none. */
async function aTenancy(world: World, principal: Principal) {
  const dave = await aPhone(world, principal, { user: 'dave' })
  await rotatePushToken(world, await aProof(world, dave), null)
  const bob = await aUserWithoutDevice(world, principal, 'bob')
  const erin = await aUserWithoutDevice(world, principal, 'erin')
  return { dave, bob, erin }
}

test('every user is counted once, by the first reason that applies', async ({
  world,
  principal,
  phone,
}) => {
  const { dave, bob } = await aTenancy(world, principal)
  const count = () => countReady(world, principal)
  const ready = { push: 1, pull: 1 }
  expect(await count()).toEqual({ users: 4, ready, notReady: { ...none, no_device: 2 } })

  await granted(setPushSignIn(world, principal, bob, 'off'))
  await granted(setUserStatus(world, principal, dave.userId, 'suspended'))
  expect(await count()).toEqual({
    users: 4,
    ready: { push: 1, pull: 0 },
    notReady: { ...none, no_device: 1, off_for_user: 1, user_suspended: 1 },
  })

  await decide(world, principal, { appVersionsMin: ['com.example.app@3.0'] })
  expect((await count()).notReady).toMatchObject({ no_capable_device: 1, user_suspended: 1 })
  await granted(updateSelf(world, await aProof(world, phone), { appVersion: '3.0' }))
  expect((await count()).ready).toEqual({ push: 1, pull: 0 })

  await decide(world, principal, { protocolVersionMin: 2 })
  expect((await count()).notReady).toMatchObject({ no_capable_device: 1 })

  await decide(world, principal, { pushSignIn: 'nobody' })
  expect((await count()).notReady).toEqual({ ...none, off_for_everybody: 3, user_suspended: 1 })
})

test('a roll-out is counted as it is decided for each user', async ({
  world,
  principal,
  phone: _,
}) => {
  const ids = await Promise.all(
    Array.from({ length: 30 }, (__, n) => aUserWithoutDevice(world, principal, `u${n}`)),
  )
  for (const pushSignInPercent of [0, 30, 70, 100]) {
    await decide(world, principal, { pushSignInPercent })
    const each = await Promise.all(
      ids.map((id: UserId) => granted(readPushSignIn(world, principal, id))),
    )
    const notReached = each.filter(({ mayEnroll }) => !mayEnroll).length
    const { notReady, ready } = await countReady(world, principal)
    expect(notReady).toMatchObject({ user_not_reached: notReached, no_device: 30 - notReached })
    expect(ready.push).toBe(1)
  }
})

test('a count says what the readiness of each user says', async ({ world, principal, phone }) => {
  const { dave, bob, erin } = await aTenancy(world, principal)
  const readiness = await Promise.all(
    [phone.userId, dave.userId, bob, erin].map((userId) =>
      granted(
        readReadiness(world, principal, {
          userId,
          userVerification: 'not_required',
          number: 'service',
        }),
      ),
    ),
  )
  const { ready } = await countReady(world, principal)
  expect(readiness.filter(({ methods }) => methods.includes('push'))).toHaveLength(ready.push)
  expect(readiness.filter(({ methods }) => methods[0] === 'pull')).toHaveLength(ready.pull)
})

test('users of other namespaces and tenants are not counted', async ({
  world,
  principal,
  phone: _,
}) => {
  await aPhone(world, await aPrincipal(world), { user: 'mallory' })
  const neighbour = await aPrincipal(world, ['other'], principal.tenantId)
  expect(await countReady(world, neighbour)).toMatchObject({ users: 0, ready: { push: 0 } })
  expect(await countReady(world, principal)).toMatchObject({ users: 1, ready: { push: 1 } })
})
