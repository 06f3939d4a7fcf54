import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { PortalSessionId } from '../../src/domain/ids.ts'
import { finishErasures } from '../../src/personal-data/personal-data.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import {
  aDevice,
  anEnrollment,
  aStoredChallenge,
  aUser,
  beginOn,
  lockWaiters,
  noExceptions,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { until } from '../support/until.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const run = <Row extends object>(name: string, text: string, ...values: unknown[]) =>
  stores.database.query<Row & Record<string, unknown>>(name, text, values)
const cutOff = () =>
  stores.personalData.cutOff(user.tenantId, user.userId, 'operator', noExceptions)
const rest = (pagesMax: number) =>
  stores.personalData.eraseRest(user.tenantId, user.userId, pagesMax)

/** Activities and deliveries, more than a page of each. */
async function aLongHistory(count = 2_500) {
  const device = await aDevice(stores, user)
  await aStoredChallenge(stores, user, [device])
  await run(
    'many_activities',
    `insert into activities (tenant_id, id, user_id, type, severity, actor, details)
     select $1, 'act_many' || lpad(n::text, 8, '0') || $2, $2, 'device_renamed', 'info', 'operator',
       '{"name":"Alice"}'
     from generate_series(1, $3::int) n`,
    user.tenantId,
    user.userId,
    count,
  )
  await run(
    'many_deliveries',
    `insert into deliveries (tenant_id, id, kind, device_id, status, due_at)
     select $1, 'dlv_many' || lpad(n::text, 8, '0') || $2, 'test', $2, 'sent', clock_timestamp()
     from generate_series(1, $3::int) n`,
    user.tenantId,
    device,
    count,
  )
}

async function countRemaining() {
  const [row] = await run<{ activities: number; deliveries: number; challenges: number }>(
    'what_is_left',
    `select (select count(*)::int from activities where tenant_id = $1
      and (details <> '{}' or salt is not null)) as activities,
       (select count(*)::int from deliveries where tenant_id = $1) as deliveries,
       (select count(*)::int from challenges where tenant_id = $1
         and context <> '{}') as challenges`,
    user.tenantId,
  )
  return row
}
const nothing = { activities: 0, deliveries: 0, challenges: 0 }

test('a user is cut off immediately, and a long history is erased in short pages', async () => {
  await aLongHistory()
  await cutOff()
  const before = await countRemaining()
  expect(before?.deliveries).toBeGreaterThanOrEqual(2_500)
  const { tenantId, userId } = user
  const names = await run('names', 'select 1 from user_identifiers where tenant_id = $1', tenantId)
  expect(names).toEqual([])
  const devices = await stores.devices.listOfUser(tenantId, userId)
  expect(devices).toMatchObject([{ status: 'unregistered' }])

  expect(await rest(1)).toBe('more')
  expect((await countRemaining())?.deliveries).toBe((before?.deliveries ?? 0) - 1_000)
  expect(await rest(100)).toBe('done')
  expect(await countRemaining()).toEqual(nothing)
})

test('an erasure deletes where the user’s sign-ins lead back, even if nothing else is left of them', async () => {
  const device = await aDevice(stores, user)
  const more = { context: {}, binding: null, returnUrl: 'https://bank.example.com/ada' }
  const id = await aStoredChallenge(stores, user, [device], more)
  await run(
    'forget_request',
    `update challenges set request_hash = '' where tenant_id = $1 and id = $2`,
    user.tenantId,
    id,
  )
  await cutOff()
  await rest(50)
  const rows = await run<{ return_url: string | null }>(
    'leads_back',
    'select return_url from challenges where tenant_id = $1 and id = $2',
    user.tenantId,
    id,
  )
  expect(rows).toEqual([{ return_url: null }])
})

test('an erasure deletes the initiators of the user’s sign-ins', async () => {
  const device = await aDevice(stores, user)
  const more = { initiatorKey: 'browser', budgetKey: 'browser' }
  const id = await aStoredChallenge(stores, user, [device], more)
  const keysOf = () =>
    run<{ initiator_key: string | null; budget_key: string }>(
      'who_started',
      'select initiator_key, budget_key from challenges where tenant_id = $1 and id = $2',
      user.tenantId,
      id,
    )
  expect(await keysOf()).toEqual([{ initiator_key: 'browser', budget_key: 'browser' }])
  await cutOff()
  await rest(50)
  expect(await keysOf()).toEqual([{ initiator_key: null, budget_key: 'others' }])
})

test('an erasure deletes what the organisation had set for the user’s push sign-in', async () => {
  await stores.pushSignIn.set(user.tenantId, user.userId, 'on', 'operator')
  await cutOff()
  expect(await stores.pushSignIn.find(user.tenantId, user.userId)).toMatchObject({ setting: null })
})

test('an erasure deletes a number that a door showed to the user', async () => {
  const { tenantId, userId, rpId } = user
  const integrationId = systemRandom.id('integration')
  await run(
    'a_door',
    `insert into integrations (tenant_id, id, rp_id, kind, name, settings, number_mode, namespace,
      user_names, status)
     values ($1, $2, $3, 'wait', 'VPN', '{"kind": "wait"}', 'caller', 'default', '{}', 'active')`,
    tenantId,
    integrationId,
    rpId,
  )
  const id = systemRandom.id('shownNumber')
  const number = { id, userId, place: randomBytes(32), numberSealed: randomBytes(40) }
  await stores.doors.saveNumber({ tenantId, integrationId, ...number }, 600)
  await cutOff()
  await rest(50)
  expect(await run('shown', 'select 1 from shown_numbers where tenant_id = $1', tenantId)).toEqual(
    [],
  )
})

test('the worker erases what a call left or a later commit added, and then the user', async () => {
  await aLongHistory(10)
  await cutOff()
  const erasing = async () =>
    (await stores.personalData.findErasing(1_000)).filter(({ userId }) => userId === user.userId)
  expect(await erasing()).toEqual([])
  await rest(100)
  await run(
    'late_activity',
    `insert into activities (tenant_id, id, user_id, type, severity, actor, details)
     values ($1, 'act_late' || $2, $2, 'device_renamed', 'info', 'operator', '{"name":"late"}')`,
    user.tenantId,
    user.userId,
  )
  await run(
    'a_minute_later',
    `update users set erasing_since = erasing_since - interval '1 minute' where id = $1`,
    user.userId,
  )
  expect(await erasing()).toHaveLength(1)
  while (await finishErasures(stores, 10));
  expect(await countRemaining()).toEqual(nothing)
  expect(await erasing()).toEqual([])
})

test('nothing is opened for an erased user, whatever was read before', async () => {
  await cutOff()
  await expect(anEnrollment(stores, user)).rejects.toThrow()
  const { tenantId, userId, rpId } = user
  const id: PortalSessionId = systemRandom.id('portalSession')
  const link = {
    tenantId,
    id,
    userId,
    rpId,
    linkHash: randomBytes(32),
    linkScopes: [],
    linkSeconds: 60,
  }
  const event = activity({ userId, type: 'portal_link_made', actor: 'operator' })
  expect(await stores.portal.createLink(link, event)).toBeNull()
})

describe('a write for a user concurrent with the erasure', () => {
  const event = (type: 'recovery_codes_made' | 'temporary_code_made') =>
    activity({ userId: user.userId, type, actor: 'operator' })
  const aCode = () => ({
    id: systemRandom.id('singleUseCode'),
    hash: randomBytes(32),
    keySealed: randomBytes(40),
  })
  const writings = [
    [
      'recovery codes',
      () => {
        const { tenantId, userId } = user
        const codesActivity = event('recovery_codes_made')
        const command = { tenantId, userId, codes: [aCode()], activity: codesActivity }
        return stores.passcodes.replaceRecoveryCodes(command)
      },
      null,
    ],
    [
      'a temporary code',
      () => {
        const { tenantId, userId } = user
        const codesActivity = event('temporary_code_made')
        const actor = `api_key:${systemRandom.id('apiKey')}` as const
        const command = {
          tenantId,
          userId,
          code: aCode(),
          ttlSeconds: 60,
          activity: codesActivity,
          actor,
        }
        return stores.passcodes.replaceTemporaryCode(command)
      },
      null,
    ],
    [
      'data posted by a relying party',
      () =>
        stores.activities.post({
          tenantId: user.tenantId,
          activity: {
            userId: user.userId,
            type: 'posted',
            severity: 'info',
            actor: `api_key:${systemRandom.id('apiKey')}`,
            posted: {
              type: 'password_changed',
              title: 'Alice',
              occurredAt: new Date().toISOString(),
              relyingParty: { id: user.rpId, name: 'Payroll' },
            },
          },
          idempotencyKey: 'once',
          postHash: randomBytes(32),
        }),
      null,
    ],
  ] as const

  test.each(writings)('leaves nothing: %s', async (_, write, expectedRefusal) => {
    const erasing = await beginOn(stores)
    await erasing.query('select id from users where tenant_id = $1 and id = $2 for no key update', [
      user.tenantId,
      user.userId,
    ])
    const writing = write()
    await until('the writing waits', async () => (await lockWaiters(stores)) === 1)
    await erasing.query(
      'update users set erased_at = clock_timestamp() where tenant_id = $1 and id = $2',
      [user.tenantId, user.userId],
    )
    await erasing.commit()
    expect(await writing).toBe(expectedRefusal)
    expect(await write()).toBe(expectedRefusal)
    const rows = await run(
      'what_was_written',
      `select id from single_use_codes where tenant_id = $1 and user_id = $2
       union all select id from activities where tenant_id = $1 and user_id = $2
         and type <> 'user_imported'`,
      user.tenantId,
      user.userId,
    )
    expect(rows).toEqual([])
  })
})

test.each(['deliveries', 'audit_events'])('an erasure finds %s by an index', async (table) => {
  const column = table === 'deliveries' ? 'device_id' : 'subject'
  const rows = await run<{ columns: string }>(
    `index_of_${table}`,
    `select indexdef as columns from pg_indexes where tablename = $1
       and indexdef ~ ('\\(tenant_id, ' || $2 || '[,)]') and indexdef not like '%WHERE%'`,
    table,
    column,
  )
  expect(rows).not.toHaveLength(0)
})
