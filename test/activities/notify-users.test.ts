import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { listOwnActivities } from '../../src/activities/list-activities.ts'
import { firstNoticeCursor } from '../../src/activities/notice.store.ts'
import {
  readNotificationPreferences,
  setNotificationPreferences,
} from '../../src/activities/notification-preferences.ts'
import { notifyUsers } from '../../src/activities/notify-users.ts'
import { postActivity } from '../../src/activities/post-activity.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { changeDevice } from '../../src/devices/change-device.ts'
import { activity, type OwnActivityType } from '../../src/domain/activity.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { storedActivityType } from '../../src/domain/stored-activity-type.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { recordActivities } from '../../src/platform/postgres/record.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
let phone: Phone
let second: Phone

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
  second = await aPhone(world, principal)
  // The notices pending from the enrollments are not what these tests are about.
  await sql('told', "update activities set notice = 'in_app'")
  world.dispatchedPushes.length = 0
})
afterAll(() => world.close())

const sql = (name: string, text: string, ...values: unknown[]) =>
  world.database.query<Record<string, unknown>>(name, text, values)
const notify = () => notifyUsers(world, { waitingAfter: null, limit: 200 })
const notifyWaiting = () => notifyUsers(world, { waitingAfter: firstNoticeCursor, limit: 200 })

function record(...types: OwnActivityType[]) {
  const { tenantId, userId } = phone
  const events = types.map((type) => activity({ userId, type, actor: 'operator' }))
  return world.database.transaction((tx) => recordActivities(tx, systemRandom, tenantId, events))
}
async function noticeOf(type: OwnActivityType) {
  const rows = await sql(
    'notices',
    'select notice from activities where tenant_id = $1 and type = $2 order by id desc',
    phone.tenantId,
    storedActivityType(type),
  )
  return rows.map(({ notice }) => notice)
}
async function countPendingPushes() {
  const rows = await sql(
    'owed_pushes',
    `select distinct activity_id from deliveries
     where tenant_id = $1 and kind = 'activity_recorded'`,
    phone.tenantId,
  )
  return rows.length
}
const moveHourBack = () =>
  sql(
    'move_hour',
    `update activity_push_budgets set pushed_at =
       array(select t - interval '61 minutes' from unnest(pushed_at) t) where tenant_id = $1`,
    phone.tenantId,
  )

describe('a pending notice', () => {
  test('is pushed to every device but the one that did it, with ids only', async () => {
    await granted(changeDevice(world, principal, phone.id, { name: 'Mine' }))
    await notify()
    expect(world.dispatchedPushes.map(({ deviceId }) => deviceId).sort()).toEqual(
      [phone.id, second.id].sort(),
    )
    const [push] = world.dispatchedPushes
    expect(push).toMatchObject({
      kind: 'activity_recorded',
      challengeId: null,
      activityId: expect.stringMatching(/^act_/),
      attempts: 1,
    })
    const hourAhead = (push?.expiresAt.getTime() ?? 0) - Date.now()
    expect(hourAhead).toBeGreaterThan(3_500_000)
    expect(hourAhead).toBeLessThan(3_700_000)
  })

  test('is sent once, however many processes poll', async () => {
    await record('device_renamed')
    await Promise.all(Array.from({ length: 10 }, notify))
    expect(world.dispatchedPushes).toHaveLength(2)
    expect(await noticeOf('device_renamed')).toEqual(['pushed'])
  })

  test('is sent for the enrollment of a device to those that were there before', async () => {
    const third = await aPhone(world, principal)
    await notify()
    const about = new Set(world.dispatchedPushes.map(({ deviceId }) => deviceId))
    expect(about).toEqual(new Set([phone.id, second.id]))
    expect(about.has(third.id)).toBe(false)
    expect(await noticeOf('enrollment_claimed')).toContain('pushed')
    expect(await noticeOf('device_added')).toContain('pushed')
  })

  test('is found when a report on the hot path created it: critical needs no mark', async () => {
    const { challenge } = await granted(ask(world, principal))
    const answer = await anAnswer(world, phone, challenge.id, { dec: 'report' })
    const command = { challengeId: challenge.id, answer: await signAnswer(phone, answer) }
    await granted(answerChallenge(world, await aProof(world, phone), command))
    world.dispatchedPushes.length = 0
    await notify()
    expect(world.dispatchedPushes).toMatchObject([
      { kind: 'activity_recorded', deviceId: second.id },
    ])
  })
})

describe('the limit of the hour', () => {
  test('is exact under 50 concurrent activities and 50 processes', async () => {
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        await record('device_renamed')
        await notify()
      }),
    )
    expect(await countPendingPushes()).toBe(3)
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        await record('challenge_reported')
        await notify()
      }),
    )
    const outcomes = await noticeOf('challenge_reported')
    const pushedCount = outcomes.filter((notice) => notice === 'pushed').length
    // What is found in one poll is one push; the sixth waits.
    expect(pushedCount).toBeLessThanOrEqual(5)
    expect(await countPendingPushes()).toBe(3 + pushedCount)
    // None is lost: what found no push is part of one of those, or of the next.
    const outcomeSet = new Set(outcomes)
    outcomeSet.delete('waiting')
    expect([...outcomeSet].sort()).toEqual(['merged', 'pushed'])
  })

  test('is the policy’s', async () => {
    await sql(
      'policy',
      `update tenants set policy = '{"activityPushesPerHourMax": 1}' where tenant_id = $1`,
      phone.tenantId,
    )
    await record('device_renamed')
    await notify()
    await record('device_unregistered')
    await notify()
    expect(await countPendingPushes()).toBe(1)
    expect(await noticeOf('device_unregistered')).toEqual(['over_limit'])
  })

  test('belongs to the user alone', async () => {
    await record('device_renamed')
    await notify()
    world.dispatchedPushes.length = 0
    const bob = await aPhone(world, principal, { user: 'bob' })
    await sql('told', "update activities set notice = 'in_app'")
    await granted(changeDevice(world, principal, bob.id, { name: 'Bob’s' }))
    await notify()
    expect(world.dispatchedPushes).toMatchObject([{ deviceId: bob.id }])
  })
})

describe('critical activities', () => {
  const post = async (severity: 'critical' | 'warning', by = principal, type = 'changed') =>
    (await granted(postActivity(world, by, { userId: phone.userId, type, severity, title: type })))
      .activity.id
  const outcomeOf = async (id: string) =>
    (await sql('outcome', 'select notice from activities where id = $1', id))[0]?.notice
  const lastPush = () => world.dispatchedPushes.at(-1)

  test('of a relying party alert the user after the enrollment of a second device', async () => {
    await aPhone(world, principal)
    await notify()
    world.dispatchedPushes.length = 0
    const activityId = await post('critical', principal, 'recovery_address_changed')
    await notify()
    expect(world.dispatchedPushes.map(({ activityId }) => activityId)).toContain(activityId)
    expect(await outcomeOf(activityId)).toBe('pushed')
  })

  test('alert five times an hour per relying party; beyond that they are one push, "N more"', async () => {
    const activityIds: string[] = []
    for (let n = 0; n < 8; n++) activityIds.push(await post('critical'))
    await notify()
    expect(await countPendingPushes()).toBe(5)
    await notifyWaiting()
    expect(await countPendingPushes()).toBe(6)
    expect(lastPush()).toMatchObject({ activityId: activityIds[7], more: 3 })
    expect(await Promise.all(activityIds.slice(4).map(outcomeOf))).toEqual([
      'pushed',
      'merged',
      'merged',
      'pushed',
    ])
    // Later ones wait for a moment, are sent batched with their like, and are never dropped.
    const later = [await post('critical'), await post('critical')]
    await notify()
    await notifyWaiting()
    expect(await countPendingPushes()).toBe(6)
    await sql(
      'move_gathered',
      `update activity_push_budgets set gathered_at = gathered_at - interval '301 seconds'
       where tenant_id = $1`,
      phone.tenantId,
    )
    await notifyWaiting()
    expect(lastPush()).toMatchObject({ activityId: later[1], more: 2 })
    expect(await countPendingPushes()).toBe(7)
    // Another process that sends it again says the same.
    await sql(
      'crash',
      'update deliveries set leased_until = now() where activity_id = $1',
      later[1],
    )
    const [again] = await world.deliveries.claim('another', 10)
    expect(again).toMatchObject({ activityId: later[1], more: 2 })
  })

  test('are batched by their source: each is shown as what it is', async () => {
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    for (let n = 0; n < 7; n++) await post('critical')
    for (let n = 0; n < 8; n++) await post('critical', other)
    for (let n = 0; n < 6; n++) {
      await record('challenge_reported')
      await notify()
    }
    world.dispatchedPushes.length = 0
    await notifyWaiting()
    const counts = new Map(world.dispatchedPushes.map(({ activityId, more }) => [activityId, more]))
    expect([...counts.values()].sort()).toEqual([1, 2, 3])
  })

  test('are sent once, however many processes batch them', async () => {
    for (let n = 0; n < 9; n++) await post('critical')
    await notify()
    world.dispatchedPushes.length = 0
    await Promise.all(Array.from({ length: 10 }, notifyWaiting))
    expect(world.dispatchedPushes.map(({ more }) => more)).toEqual([4, 4])
  })

  test('five an hour are exact under 40 concurrent ones, sent by 40 processes', async () => {
    await Promise.all(
      Array.from({ length: 40 }, async () => {
        await post('critical')
        await notify()
      }),
    )
    expect(await countPendingPushes()).toBe(5)
  })

  test('flooding from one relying party silences neither another one nor the service', async () => {
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    for (let n = 0; n < 20; n++) await post('critical')
    for (let n = 0; n < 5; n++) await post('warning')
    await notify()
    await notifyWaiting()
    const theirs = await post('critical', other)
    await record('device_added')
    await notify()
    expect(await outcomeOf(theirs)).toBe('pushed')
    expect(await noticeOf('device_added')).toContain('pushed')
  })

  test('of the service use up no relying party’s limit, and those not critical use up neither', async () => {
    for (const type of ['device_renamed', 'device_unregistered', 'user_activated'] as const) {
      await record(type)
      await notify()
    }
    for (let n = 0; n < 7; n++) {
      await record('challenge_reported')
      await notify()
    }
    const activityId = await post('critical')
    await notify()
    expect(await outcomeOf(activityId)).toBe('pushed')
    expect(await noticeOf('challenge_reported')).toEqual([
      'waiting',
      'waiting',
      ...Array.from({ length: 5 }, () => 'pushed'),
    ])
    await notifyWaiting()
    expect(lastPush()).toMatchObject({ more: 2 })
  })

  test('get a free push again after an hour', async () => {
    for (let n = 0; n < 6; n++) await post('critical')
    await notify()
    await moveHourBack()
    const seventh = await post('critical')
    await notify()
    expect(await outcomeOf(seventh)).toBe('pushed')
  })

  test('of a relying party are quiet where the user wants its news in the app only', async () => {
    await sql(
      'wishes',
      `update users set notification_preferences = '{"relying_party": "in_app"}' where id = $1`,
      phone.userId,
    )
    const activityId = await post('critical')
    await notify()
    expect(await outcomeOf(activityId)).toBe('in_app')
  })
})

describe('preferences', () => {
  const set = async (preferences: Parameters<typeof setNotificationPreferences>[2]) =>
    setNotificationPreferences(
      world,
      await aProof(world, phone, phone.keys.verification ?? undefined),
      preferences,
    )

  test('need the verification key, and the other devices are notified', async () => {
    const refusal = await setNotificationPreferences(world, await aProof(world, phone), {
      devices: 'in_app',
    })
    expect(refusal).toMatchObject({ refused: 'proof_key_not_allowed' })
    await granted(set({ security: 'in_app' }))
    await granted(set({}))
    await notify()
    expect(world.dispatchedPushes).toMatchObject([{ deviceId: second.id }])
    expect(await noticeOf('preferences_changed')).toEqual(['pushed', 'merged'])
  })

  test('make it quiet, and hide from devices what is off', async () => {
    const preferences = await granted(set({ devices: 'in_app', sign_in: 'off' }))
    expect(await granted(readNotificationPreferences(world, await aProof(world, phone)))).toEqual(
      preferences,
    )
    await granted(ask(world, principal))
    world.dispatchedPushes.length = 0
    await record('device_renamed')
    await notify()
    expect(await noticeOf('device_renamed')).toEqual(['in_app'])
    const page = { limit: 50, before: null }
    const activities = await granted(listOwnActivities(world, await aProof(world, phone), page))
    const types = activities.map(({ type }) => type)
    expect(types).toContain('device_renamed')
    expect(types).not.toContain('challenge_created')
  })

  test('are not set by a device that was unregistered meanwhile, nor twice by one proof', async () => {
    const proof = await aProof(world, phone, phone.keys.verification ?? undefined)
    await granted(setNotificationPreferences(world, proof, {}))
    expect(await setNotificationPreferences(world, proof, {})).toEqual({
      refused: 'proof_replayed',
    })
    const { tenantId, userId, id: deviceId } = phone
    const fresh = await aProof(world, phone)
    await world.devices.unregister({
      tenantId,
      userId,
      deviceIds: [deviceId],
      reason: 'lost',
      actor: 'operator',
    })
    const preferences = await world.notices.findPreferences(tenantId, userId)
    const notice = activity({ userId, type: 'preferences_changed', actor: `device:${deviceId}` })
    const change = { tenantId, userId, preferences, activity: notice }
    expect(await world.notices.changePreferences(change, fresh)).toBeNull()
  })
})
