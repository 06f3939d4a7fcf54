import { afterAll, beforeAll, expect, test } from 'vitest'
import { leftoverDays } from '../../src/domain/retention.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { aUser, openStores, type Stores, type TestUser } from '../support/stores.ts'

let stores: Stores
let user: TestUser
beforeAll(async () => {
  stores = await openStores()
  user = await aUser(stores)
})
afterAll(() => stores.close())

const key = () => ({ tenantId: user.tenantId, rpId: user.rpId })
const sql = (name: string, text: string, ...values: unknown[]) =>
  stores.database.query<{ n: number }>(name, text, values)

/** An endpoint with one event that was delivered, or is still queued. */
async function anEndpoint(daysAgo: number | null) {
  const id = random.id('webhookEndpoint')
  const endpoint = { ...key(), id, url: 'https://rp.example/', description: '' }
  const secret = { events: ['*'] as const, secretSealed: Buffer.from('sealed') }
  const createdEndpoint = await stores.webhookEndpoints.create(
    { ...endpoint, ...secret },
    20,
    'operator',
  )
  if (!createdEndpoint) throw new Error('too many')
  const about = { tenantId: user.tenantId, endpointId: id, eventId: random.id('webhookEvent') }
  const occurredAt = new Date()
  const staleAt = new Date(Date.now() + 3_600_000)
  const event = { type: 'webhook.test', userId: null, data: {}, occurredAt, staleAt } as const
  await stores.webhookDeliveries.enqueue({ ...about, ...event })
  if (daysAgo === null) return createdEndpoint
  const load = { perTenant: 100, perEndpoint: 1, perFailing: 1, loads: [], slow: [], limit: 100 }
  await stores.webhookDeliveries.claim({ leasedBy: 'test', ...load })
  await stores.webhookDeliveries.settle('test', [
    {
      ...about,
      attemptId: random.id('webhookAttempt'),
      at: occurredAt,
      durationMs: 1,
      statusCode: 204,
      reason: null,
      retryAfterMs: null,
    },
  ])
  await sql(
    'age',
    `update webhook_deliveries set settled_at = clock_timestamp() - make_interval(days => $2)
     where endpoint_id = $1`,
    id,
    daysAgo,
  )
  return createdEndpoint
}

async function countRemaining({ id }: { readonly id: string }) {
  const [attempts] = await sql(
    'tries',
    'select count(*)::int as n from webhook_attempts where endpoint_id = $1',
    id,
  )
  const [events] = await sql(
    'events',
    'select count(*)::int as n from webhook_deliveries where endpoint_id = $1',
    id,
  )
  return { attempts: attempts?.n, events: events?.n }
}

test('events and their attempts are deleted after their time, but not while queued', async () => {
  const { webhooks: days } = leftoverDays
  const [old, fresh, withPending] = [
    await anEndpoint(days + 1),
    await anEndpoint(days - 1),
    await anEndpoint(null),
  ]
  expect(await stores.retention.purgeLeftovers('webhooks', 100)).toBe(1)
  expect(await countRemaining(old)).toEqual({ attempts: 0, events: 0 })
  expect(await countRemaining(fresh)).toEqual({ attempts: 1, events: 1 })
  expect(await countRemaining(withPending)).toEqual({ attempts: 0, events: 1 })
})

test('removed endpoints are deleted a day after the last event, secrets immediately', async () => {
  const [empty, full, alive] = [await anEndpoint(null), await anEndpoint(1), await anEndpoint(null)]
  for (const { id } of [empty, full])
    await stores.webhookEndpoints.remove({ ...key(), id }, 'operator')
  const [secrets] = await sql(
    'secrets',
    `select count(*)::int as n from webhook_endpoints
     where status = 'deleted' and (secret_sealed is not null or url <> '')`,
  )
  expect(secrets?.n).toBe(0)
  await sql('gone', 'delete from webhook_deliveries where endpoint_id = $1', empty.id)
  expect(await stores.retention.purgeLeftovers('webhookEndpoints', 100)).toBe(0)
  await sql('a_day', `update webhook_endpoints set updated_at = updated_at - interval '2 days'`)
  expect(await stores.retention.purgeLeftovers('webhookEndpoints', 100)).toBe(1)
  expect(await stores.webhookEndpoints.find({ ...key(), id: alive.id })).not.toBeNull()
  expect(await countRemaining(full)).toEqual({ attempts: 1, events: 1 })
})
