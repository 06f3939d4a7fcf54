// What locks the row of a user is done one at a time, so that whoever asks much of one user holds one connection.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal, refuse } from '../../src/domain/refusal.ts'
import { buildQueues } from '../../src/open-fair-queues.ts'
import { answerChallenge } from '../../src/usecases/answer-challenge.ts'
import { cancelEnrollment } from '../../src/usecases/cancel-enrollment.ts'
import { changeDevice } from '../../src/usecases/change-device.ts'
import { claimEnrollment } from '../../src/usecases/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/usecases/confirm-enrollment.ts'
import { setNotificationPreferences } from '../../src/usecases/notification-preferences.ts'
import { openEnrollment } from '../../src/usecases/open-enrollment.ts'
import { eraseUser } from '../../src/usecases/personal-data.ts'
import { createPortalLink } from '../../src/usecases/portal.ts'
import { pausePushes, unlockUser } from '../../src/usecases/protection.ts'
import { reportActivity } from '../../src/usecases/report-activity.ts'
import { createRecoveryCodes, createTemporaryCode } from '../../src/usecases/single-use-codes.ts'
import { setUserStatus } from '../../src/usecases/suspend-user.ts'
import { unregisterByTime } from '../../src/usecases/unregister-by-time.ts'
import { unregisterAllDevices, unregisterDevice } from '../../src/usecases/unregister-devices.ts'
import { verifyPasscode } from '../../src/usecases/verify-passcode.ts'
import {
  aClaimCommand,
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  scannedCode,
  signAnswer,
  type World,
} from './world.ts'

let opened: World
let principal: Principal
let phone: Phone
/** The world, in which one of its stores' methods is watched. */
let world: World
let most: number

beforeAll(async () => {
  opened = await openWorld()
})
afterAll(() => opened.close())
beforeEach(async () => {
  world = { ...opened, userQueue: buildQueues(10).userQueue }
  most = 0
  principal = await aPrincipal(opened)
  phone = await aPhone(opened, principal, { user: crypto.randomUUID() })
})

/** Counts how many calls of a store's method are under way at once. */
function watch<Name extends keyof World>(name: Name, method: keyof World[Name] & string): void {
  let underWay = 0
  const store = world[name] as Record<string, (...given: unknown[]) => Promise<unknown>>
  const original = store[method] as (...given: unknown[]) => Promise<unknown>
  const watched = async (...given: unknown[]) => {
    underWay++
    most = Math.max(most, underWay)
    try {
      return await original(...given)
    } finally {
      underWay--
    }
  }
  world = { ...world, [name]: { ...store, [method]: watched } }
}

const times = <T>(count: number, one: () => Promise<T>) =>
  Promise.all(Array.from({ length: count }, one))

test('64 wrong codes of one user at once: one statement is under way, and what is too much is refused', async () => {
  watch('passcodes', 'attempt')
  const wrong = { userId: phone.userId, code: '000000' }
  const outcomes = await times(64, () => verifyPasscode(world, principal, wrong))
  expect(most).toBe(1)
  const counted = (code: string) =>
    outcomes.filter((one) => isRefusal(one) && one.refused === code).length
  expect(counted('passcode_wrong')).toBe(5)
  expect(counted('passcode_wrong') + counted('passcode_locked')).toBe(33)
  expect(counted('too_many_requests')).toBe(31)
})

test('questions to one user are put one at a time', async () => {
  watch('challenges', 'create')
  await times(12, () => ask(world, principal, { user: { id: phone.userId } }))
  expect(most).toBe(1)
})

test('answers of one user are recorded one at a time', async () => {
  const { challenge, number } = await granted(ask(world, principal, { user: { id: phone.userId } }))
  const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: number ?? '' })
  const answers = await times(8, () => signAnswer(phone, { ...claims, jti: crypto.randomUUID() }))
  const proofs = await times(8, () => aProof(world, phone))
  watch('challenges', 'recordAnswer')
  const outcomes = await Promise.all(
    answers.map((answer, at) =>
      answerChallenge(world, proofs[at] as never, { challengeId: challenge.id, answer }),
    ),
  )
  expect(most).toBe(1)
  expect(outcomes.filter((one) => !isRefusal(one))).toHaveLength(1)
})

test('links, enrollments, pauses and reports of one user wait for each other, too', async () => {
  const activities = await world.activities.list(phone.tenantId, phone.userId, {
    limit: 1,
    cursor: null,
  } as never)
  const id = activities[0]?.id
  if (!id) throw new Error('an enrollment leaves an activity')
  for (const [store, method, act] of [
    ['portal', 'createLink', () => createPortalLink(world, principal, phone.userId)],
    [
      'enrollments',
      'create',
      () => openEnrollment(world, principal, { user: { id: phone.userId } }),
    ],
    [
      'protections',
      'change',
      async () =>
        pausePushes(world, await aProof(world, phone, phone.keys.verification ?? undefined), null),
    ],
    [
      'reports',
      'reportActivity',
      async () => reportActivity(world, await aProof(world, phone), id),
    ],
  ] as const) {
    most = 0
    watch(store, method as never)
    await times(6, act as () => Promise<unknown>)
    expect([method, most]).toEqual([method, 1])
  }
})

/** Everything else that locks the user's row, each with the store's method that does. */
async function otherCalls() {
  const verification = phone.keys.verification ?? phone.keys.possession
  const pending = await granted(openEnrollment(opened, principal, { user: { id: phone.userId } }))
  const code = scannedCode(pending.uri)
  const { keys, command } = await aClaimCommand(opened, phone.tenantId, code)
  const second = await granted(claimEnrollment(opened, command))
  const unconfirmed = { ...phone, keys, id: second.device.id }
  const other = await granted(openEnrollment(opened, principal, { user: { id: phone.userId } }))
  const claim = await aClaimCommand(opened, phone.tenantId, scannedCode(other.uri))
  const { userId } = phone
  const span = () => ({ from: new Date(0), to: opened.clock.now(), reason: 'admin' }) as const
  return [
    ['enrollments', 'claim', () => claimEnrollment(world, claim.command)],
    [
      'enrollments',
      'confirm',
      async () => confirmEnrollment(world, await aProof(world, unconfirmed), 'x'),
    ],
    ['enrollments', 'cancel', () => cancelEnrollment(world, principal, pending.enrollment.id)],
    ['passcodes', 'replaceRecoveryCodes', () => createRecoveryCodes(world, principal, userId)],
    ['passcodes', 'replaceTemporaryCode', () => createTemporaryCode(world, principal, userId)],
    ['protections', 'unlock', () => unlockUser(world, principal, userId)],
    [
      'notices',
      'changePreferences',
      async () => setNotificationPreferences(world, await aProof(world, phone, verification), {}),
    ],
    [
      'suspensions',
      'suspendDevice',
      () => changeDevice(world, principal, phone.id, { status: 'suspended' }),
    ],
    [
      'suspensions',
      'activateDevice',
      () => changeDevice(world, principal, phone.id, { status: 'active' }),
    ],
    ['devices', 'unregister', () => unregisterDevice(world, principal, phone.id, 'lost')],
    ['devices', 'unregister', () => unregisterByTime(world, principal, span())],
    ['devices', 'unregister', () => unregisterAllDevices(world, principal, userId, 'lost')],
    ['suspensions', 'suspendUser', () => setUserStatus(world, principal, userId, 'suspended')],
    ['suspensions', 'activateUser', () => setUserStatus(world, principal, userId, 'active')],
    ['personalData', 'cutOff', () => eraseUser(world, principal, userId)],
  ] as const
}

test('so does whatever else locks the row of a user, also what a relying party orders', async () => {
  for (const [store, method, act] of await otherCalls()) {
    most = 0
    watch(store, method as never)
    await times(6, act as () => Promise<unknown>)
    expect([method, most]).toEqual([method, 1])
  }
})

test('what finds no place is refused as such, and was not begun', async () => {
  const shed = refuse('too_many_requests', { retryAfterSeconds: 1 })
  const full = { run: async () => shed }
  const calls = await otherCalls()
  for (const [, method, act] of calls.filter(([, name]) => !name.startsWith('activate'))) {
    world = { ...opened, userQueue: full }
    expect([method, await act()]).toEqual([method, shed])
  }
})

test('no flood of codes keeps an admin from a suspension or from revoking devices: both come next', async () => {
  watch('passcodes', 'attempt')
  const wrong = { userId: phone.userId, code: '000000' }
  let tried = 0
  const flood = Array.from({ length: 200 }, (_, n) =>
    verifyPasscode(world, principal, {
      ...wrong,
      initiator: { kind: 'browser', id: `${n}` },
    }).finally(() => tried++),
  )
  await Promise.race(flood)
  const [suspended, revoked] = await Promise.all([
    setUserStatus(world, principal, phone.userId, 'suspended'),
    unregisterAllDevices(world, principal, phone.userId, 'lost'),
  ])
  expect(suspended).toMatchObject({ status: 'suspended' })
  expect(revoked).toMatchObject([{ id: phone.id, status: 'unregistered' }])
  await Promise.all(flood)
  expect([most, tried]).toEqual([1, 200])
})
