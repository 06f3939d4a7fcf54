import { expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { readReadiness } from '../../src/challenges/read-readiness.ts'
import { changeDevice } from '../../src/devices/change-device.ts'
import { updateSelf } from '../../src/devices/own-devices.ts'
import { rotatePushToken } from '../../src/devices/rotate-push-token.ts'
import { setUserStatus } from '../../src/devices/suspend-user.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { unreadyReasons } from '../../src/domain/readiness-counts.ts'
import { countReady } from '../../src/protection/count-readiness.ts'
import { pausePushes } from '../../src/protection/protection.ts'
import { readPushSignIn, setPushSignIn } from '../../src/protection/push-sign-in.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { importUser } from '../../src/users/import-user.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'
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

/** The user says of a sign-in that it was not theirs. */
async function report(world: World, principal: Principal, phone: Phone) {
  const { challenge } = await granted(ask(world, principal))
  const answer = await signAnswer(
    phone,
    await anAnswer(world, phone, challenge.id, { dec: 'report' }),
  )
  const proof = await aProof(world, phone)
  await granted(answerChallenge(world, proof, { challengeId: challenge.id, answer }))
}

test('a user whose only device is suspended may enroll another, whatever the roll-out reaches', async ({
  world,
  principal,
  phone,
}) => {
  await decide(world, principal, { pushSignInPercent: 0 })
  await granted(changeDevice(world, principal, phone.id, { status: 'suspended' }))
  expect(await readPushSignIn(world, principal, phone.userId)).toMatchObject({ mayEnroll: true })
  expect((await countReady(world, principal)).notReady).toEqual({ ...none, no_device: 1 })
})

test('a user who has reported a sign-in is locked for unknown initiators, and counted so', async ({
  world,
  principal,
  phone,
}) => {
  await report(world, principal, phone)
  expect(await ask(world, principal)).toMatchObject({ refused: 'push_locked' })
  const lockedOut = { users: 1, ready: { push: 0, pull: 0 }, notReady: { ...none, push_locked: 1 } }
  expect(await countReady(world, principal)).toEqual(lockedOut)
  // Creation names this reason first.
  await decide(world, principal, { pushSignIn: 'nobody' })
  expect(await ask(world, principal)).toMatchObject({ refused: 'push_sign_in_off' })
  expect((await countReady(world, principal)).notReady).toEqual({ ...none, off_for_everybody: 1 })
})

test('a user who has paused pushes is woken by none', async ({ world, principal, phone }) => {
  const until = new Date(Date.now() + 3_600_000)
  const proof = await aProof(world, phone, phone.keys.verification ?? undefined)
  await granted(pausePushes(world, proof, until))
  expect((await countReady(world, principal)).ready).toEqual({ push: 0, pull: 1 })
})

test('counts of several relying parties at the same time are each their own', async ({
  world,
  principal,
  phone: _,
}) => {
  const neighbour = await aPrincipal(world, ['other'], principal.tenantId)
  const callers = Array.from({ length: 6 }, (__, n) => (n % 2 === 0 ? principal : neighbour))
  const counts = await Promise.all(callers.map((caller) => countReady(world, caller)))
  expect(counts.map(({ users }) => users)).toEqual([1, 0, 1, 0, 1, 0])
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
