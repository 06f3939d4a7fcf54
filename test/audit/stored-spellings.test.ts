import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import { storedSpellings } from '../../src/domain/stored-activity-type.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { migrate } from '../../src/platform/postgres/migrations.ts'
import { recordActivities } from '../../src/platform/postgres/record.ts'
import { onServer } from '../support/cluster.ts'
import { createEmptyDatabase } from '../support/database.ts'
import { everythingOn } from '../support/personal-data.ts'
import { aUser, openStores, type Stores, type TestUser } from '../support/stores.ts'

const types = Object.keys(storedSpellings) as (keyof typeof storedSpellings)[]

let stores: Stores
let user: TestUser
beforeAll(async () => {
  stores = await openStores(2)
  user = await aUser(stores)
  await stores.database.transaction(async (tx) => {
    const events = types.map((type) =>
      activity({ userId: user.userId, type, actor: 'operator', details: { shown: type } }),
    )
    await recordActivities(tx, systemRandom, user.tenantId, events)
  })
})
afterAll(() => stores.close())

test('activities keep the spelling that the audit chain has hashed', async () => {
  const rows = await stores.database.query<{ type: string }>(
    'stored_types',
    'select type from activities where tenant_id = $1 and type like $2',
    [user.tenantId, 'enrol%'],
  )
  expect(rows.map(({ type }) => type).toSorted()).toEqual(Object.values(storedSpellings).toSorted())
})

test('the list shows our spelling, and hides by it', async () => {
  const { tenantId, userId } = user
  const page = { limit: 10, before: null }
  const all = await stores.activities.list(tenantId, userId, page)
  expect(all.map(({ type }) => type).toSorted()).toEqual([...types, 'user_imported'].toSorted())
  const [one] = all
  expect(one && (await stores.activities.find(tenantId, one.id))?.type).toBe(one?.type)
  const hiddenTypes = ['enrollment_claimed'] as const
  const rest = await stores.activities.list(tenantId, userId, page, { hiddenTypes: hiddenTypes })
  expect(rest).toHaveLength(types.length)
  expect(rest.map(({ type }) => type)).not.toContain('enrollment_claimed')
})

test('notices use our spelling', async () => {
  const { users } = await stores.notices.loadPending({ waitingAfter: null, limit: 10 })
  const pendingTypes = users.flatMap((one) => one.pending.map(({ type }) => type))
  expect(pendingTypes.toSorted()).toEqual(['enrollment_claimed', 'enrollment_void'])
})

test('exports show our spelling', async () => {
  const everything = await everythingOn(stores.personalData, user.tenantId, user.userId)
  const activities = everything.activities as { type: string; details: { shown?: string } }[]
  expect(activities).toHaveLength(types.length + 1)
  for (const { type, details } of activities) expect(type).toBe(details.shown ?? 'user_imported')
})

test('webhooks use our spelling', async () => {
  const { tenantId, rpId, userId } = user
  const id = systemRandom.id('webhookEndpoint')
  const endpoint = { tenantId, rpId, id, url: 'https://rp.example/', description: '' }
  const settings = { events: ['*'], secretSealed: Buffer.from('sealed') } as const
  await stores.webhookEndpoints.create({ ...endpoint, ...settings }, 20, 'operator')
  const event = activity({ userId, type: 'enrollment_claimed', actor: 'operator' })
  await stores.database.transaction((tx) => recordActivities(tx, systemRandom, tenantId, [event]))
  const { facts } = await stores.webhookDeliveries.loadFacts(10)
  expect(facts.map(({ activityType }) => activityType)).toEqual(['enrollment_claimed'])
})

test('earlier settings keep their values under the names of today', async () => {
  await using database = await createEmptyDatabase()
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-spellings-'))
  try {
    const name = (await readdir('prisma/migrations')).find((one) => one.endsWith('_of_enrollment'))
    for (const one of await readdir('prisma/migrations')) {
      const isEarlier = name !== undefined && one < name
      if (isEarlier) await cp(path.join('prisma/migrations', one), path.join(folder, one), all)
    }
    await migrate(database.url, folder)
    const rows = await onServer(database.url, async (client) => {
      await client.query(before)
      await migrate(database.url, 'prisma/migrations')
      return (await client.query(after)).rows
    })
    expect(rows).toEqual([
      {
        tenant: { enrollmentTtlSeconds: 300, numberMatch: 'always' },
        party: { enrollmentConfirmation: true },
        integration: { enrollmentCodeTriesMax: 2 },
        settings: { kind: 'duo_auth_api', note: 'enrolment', enrollmentAllowed: true },
      },
    ])
  } finally {
    await rm(folder, { recursive: true })
  }
})

const all = { recursive: true }
const before = `
  insert into tenants (tenant_id, name, policy)
    values ('t', 'T', '{"enrolmentTtlSeconds": 300, "numberMatch": "always"}');
  insert into relying_parties (tenant_id, id, name, namespaces, policy)
    values ('t', 'r', 'R', '{}', '{"enrolmentConfirmation": true}');
  insert into integrations (tenant_id, id, rp_id, kind, name, settings, number_mode, namespace,
    user_names, status, policy, integration_key)
    values ('t', 'i', 'r', 'duo_auth_api', 'VPN',
      '{"kind": "duo_auth_api", "note": "enrolment", "enrolmentAllowed": true}', 'caller',
        'default',
      '{}', 'active', '{"enrolmentCodeTriesMax": 2}', 'DI')`
const after = `
  select t.policy as tenant, r.policy as party, i.policy as integration, i.settings
  from tenants t join relying_parties r on r.tenant_id = t.tenant_id
  join integrations i on i.tenant_id = t.tenant_id`
