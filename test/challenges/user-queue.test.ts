// Statements that lock the row of a user run one at a time, so that a flood of requests for one
// user holds one connection.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { setNotificationPreferences } from '../../src/activities/notification-preferences.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { changeDevice } from '../../src/devices/change-device.ts'
import { setUserStatus } from '../../src/devices/suspend-user.ts'
import { unregisterByTime } from '../../src/devices/unregister-by-time.ts'
import { unregisterAllDevices, unregisterDevice } from '../../src/devices/unregister-devices.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal, refuse } from '../../src/domain/refusal.ts'
import { cancelEnrollment } from '../../src/enrollments/cancel-enrollment.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { createRecoveryCodes, createTemporaryCode } from '../../src/passcodes/single-use-codes.ts'
import { verifyPasscode } from '../../src/passcodes/verify-passcode.ts'
import { eraseUser } from '../../src/personal-data/personal-data.ts'
import { createPortalLink } from '../../src/portal/portal-sessions.ts'
import { pausePushes, unlockUser } from '../../src/protection/protection.ts'
import { reportActivity } from '../../src/protection/report-activity.ts'
import { bothPaths } from '../support/lanes.ts'
import { until } from '../support/until.ts'
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
  patientQueues,
  scannedCode,
  signAnswer,
  type World,
} from '../support/world.ts'

let base: World
let principal: Principal
let phone: Phone
/** The world, in which one of its stores' methods is watched. */
let world: World
let most: number

beforeAll(async () => {
  base = await openWorld()
})
afterAll(() => base.close())
beforeEach(async () => {
  world = { ...base, ...patientQueues() }
  most = 0
  principal = await aPrincipal(base)
  phone = await aPhone(base, principal, { user: crypto.randomUUID() })
})

/** Counts how many calls of a store's method run concurrently. */
function watch<Name extends keyof World>(name: Name, method: keyof World[Name] & string): void {
  let underWay = 0
  const store = world[name] as Record<string, (...args: unknown[]) => Promise<unknown>>
  const original = store[method] as (...args: unknown[]) => Promise<unknown>
  const watchedMethod = async (...args: unknown[]) => {
    underWay++
    most = Math.max(most, underWay)
    try {
      return await original(...args)
    } finally {
      underWay--
    }
  }
  world = { ...world, [name]: { ...store, [method]: watchedMethod } }
}

const times = <T>(count: number, one: () => Promise<T>) =>
  Promise.all(Array.from({ length: count }, one))

test('64 concurrent wrong codes of one user: one statement at a time, and the excess is refused', async () => {
  watch('passcodes', 'attempt')
  const wrong = { userId: phone.userId, code: '000000' }
  const outcomes: unknown[] = []
  const countOf = (code: string) =>
    outcomes.filter((one) => isRefusal(one) && one.refused === code).length
  const { promise: busy, resolve: release } = Promise.withResolvers<void>()
  const holding = world.userQueue.run(phone, `device:${phone.id}`, () => busy)
  const verifications = times(64, async () => {
    outcomes.push(await verifyPasscode(world, principal, wrong))
  })
  await until('all have arrived', () => outcomes.length === 31)
  release()
  await Promise.all([holding, verifications])
  expect(most).toBe(1)
  expect(countOf('passcode_wrong')).toBe(5)
  expect(countOf('passcode_wrong') + countOf('passcode_locked')).toBe(33)
  expect(countOf('too_many_requests')).toBe(31)
})

test.each(bothPaths)('challenges for one user are created one at a time, %s', async (_, on) => {
  world = on(world)
  watch('challenges', 'create')
  await times(12, () => ask(world, principal, { user: { id: phone.userId } }))
  expect(most).toBe(1)
})

test.each(bothPaths)('answers of one user are recorded one at a time, %s', async (_, on) => {
  world = on(world)
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
  const pending = await granted(openEnrollment(base, principal, { user: { id: phone.userId } }))
  const code = scannedCode(pending.uri)
  const { keys, command } = await aClaimCommand(base, phone.tenantId, code)
  const second = await granted(claimEnrollment(base, command))
  const unconfirmedPhone = { ...phone, keys, id: second.device.id }
  const other = await granted(openEnrollment(base, principal, { user: { id: phone.userId } }))
  const claim = await aClaimCommand(base, phone.tenantId, scannedCode(other.uri))
  const { userId } = phone
  const span = () => ({ from: new Date(0), to: base.clock.now(), reason: 'admin' }) as const
  return [
    ['enrollments', 'claim', () => claimEnrollment(world, claim.command)],
    [
      'enrollments',
      'confirm',
      async () => confirmEnrollment(world, await aProof(world, unconfirmedPhone), 'x'),
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

test('everything else that locks the row of a user waits too, also what a relying party orders', async () => {
  for (const [store, method, act] of await otherCalls()) {
    most = 0
    watch(store, method as never)
    await times(6, act as () => Promise<unknown>)
    expect([method, most]).toEqual([method, 1])
  }
})

test('work that finds no slot is refused as such, and was not begun', async () => {
  const shed = refuse('too_many_requests', { retryAfterSeconds: 1 })
  const full = { run: async () => shed }
  const calls = await otherCalls()
  for (const [, method, act] of calls.filter(([, name]) => !name.startsWith('activate'))) {
    world = { ...base, userQueue: full }
    expect([method, await act()]).toEqual([method, shed])
  }
})

test('no flood of codes delays an admin’s suspension or revocation of devices: both come next', async () => {
  watch('passcodes', 'attempt')
  const wrong = { userId: phone.userId, code: '000000' }
  let attempts = 0
  const flood = Array.from({ length: 200 }, (_, n) =>
    verifyPasscode(world, principal, {
      ...wrong,
      initiator: { kind: 'browser', id: `${n}` },
    }).finally(() => attempts++),
  )
  await Promise.race(flood)
  const [suspension, revocation] = await Promise.all([
    setUserStatus(world, principal, phone.userId, 'suspended'),
    unregisterAllDevices(world, principal, phone.userId, 'lost'),
  ])
  expect(suspension).toMatchObject({ status: 'suspended' })
  expect(revocation).toMatchObject([{ id: phone.id, status: 'unregistered' }])
  await Promise.all(flood)
  expect([most, attempts]).toEqual([1, 200])
})
