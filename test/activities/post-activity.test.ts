import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { listActivities, listOwnActivities } from '../../src/activities/list-activities.ts'
import { notifyUsers } from '../../src/activities/notify-users.ts'
import { type Command, postActivity } from '../../src/activities/post-activity.ts'
import type { Principal } from '../../src/domain/principal.ts'
import {
  aPhone,
  aPrincipal,
  aProof,
  granted,
  openWorld,
  type Phone,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
let phone: Phone
const page = { limit: 50, before: null }

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
  await world.database.query('told', "update activities set notice = 'in_app'", [])
  world.dispatchedPushes.length = 0
})
afterAll(() => world.close())

const claim = { type: 'password_changed', severity: 'warning', title: 'New password' } as const
const post = (more: Partial<Command> = {}, by = principal) =>
  postActivity(world, by, { userId: phone.userId, ...claim, ...more })

test('an activity that a relying party posts is shown to the user as its claim, and pushed', async () => {
  const occurredAt = new Date(Date.now() - 60_000)
  const fields = [{ label: 'Browser', value: 'Firefox' }]
  const { activity, isReplay } = await granted(post({ occurredAt, fields }))
  expect(isReplay).toBe(false)
  expect(activity).toMatchObject({
    type: 'posted',
    severity: 'warning',
    actor: `api_key:${principal.keyId}`,
    posted: {
      type: 'password_changed',
      title: 'New password',
      fields,
      occurredAt: occurredAt.toISOString(),
      relyingParty: { id: principal.rpId, name: 'Payroll' },
    },
  })
  const [newest] = await granted(listOwnActivities(world, await aProof(world, phone), page))
  expect(newest).toEqual(activity)
  await notifyUsers(world, { waitingAfter: null, limit: 200 })
  expect(world.dispatchedPushes).toMatchObject([{ activityId: activity.id, deviceId: phone.id }])
})

test('an informational activity is listed and not pushed', async () => {
  await granted(post({ severity: 'info' }))
  await notifyUsers(world, { waitingAfter: null, limit: 200 })
  expect(world.dispatchedPushes).toEqual([])
})

test('another relying party of the tenant cannot read it, nor post into it under the same key', async () => {
  const other = await aPrincipal(world, ['default'], principal.tenantId)
  const mine = await granted(post({ idempotencyKey: 'k' }))
  const theirs = await granted(post({ idempotencyKey: 'k', title: 'Other' }, other))
  expect(theirs.isReplay).toBe(false)
  const ids = async (by: Principal) =>
    (await granted(listActivities(world, by, phone.userId, page))).map(({ id }) => id)
  expect(await ids(principal)).toContain(mine.activity.id)
  expect(await ids(principal)).not.toContain(theirs.activity.id)
  expect(await ids(other)).not.toContain(mine.activity.id)
})

test('one Idempotency-Key creates one activity, also concurrently', async () => {
  const results = await Promise.all(
    Array.from({ length: 50 }, () => granted(post({ idempotencyKey: 'once' }))),
  )
  expect(new Set(results.map(({ activity }) => activity.id)).size).toBe(1)
  expect(results.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
  expect(await post({ idempotencyKey: 'once', title: 'Another' })).toEqual({
    refused: 'idempotency_key_reused',
  })
})

test('another party’s user does not exist, and an activity cannot lie in the future', async () => {
  const otherPrincipal = await aPrincipal(world)
  expect(await post({}, otherPrincipal)).toEqual({ refused: 'not_found' })
  const tomorrow = new Date(Date.now() + 86_400_000)
  expect(await post({ occurredAt: tomorrow })).toMatchObject({ refused: 'invalid_request' })
})
