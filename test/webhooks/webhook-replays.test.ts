import { randomBytes } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { lifetimeSeconds, webhookEventTypes } from '../../src/domain/webhook-event.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { aUser, openStores, type Stores } from '../support/stores.ts'

let stores: Stores
beforeAll(async () => {
  stores = await openStores()
  return () => stores.close()
})

test.each(webhookEventTypes)(
  '%s is worth sending again for as long as the first time',
  async (type) => {
    const { tenantId, rpId, userId } = await aUser(stores)
    const [endpointId, eventId] = [random.id('webhookEndpoint'), random.id('webhookEvent')]
    const endpoint = { url: 'https://rp.example/', description: '', secretSealed: randomBytes(40) }
    const settings = { ...endpoint, events: ['*'] as const }
    await stores.webhookEndpoints.create(
      { tenantId, rpId, id: endpointId, ...settings },
      20,
      'operator',
    )
    const event = { tenantId, endpointId, eventId, type, userId, data: {} }
    const occurredAt = new Date(0)
    await stores.webhookDeliveries.enqueue({ ...event, occurredAt, staleAt: new Date(1) })
    const fail = `update webhook_deliveries set status = 'failed', reason = 'stale',
    settled_at = clock_timestamp() where event_id = $1`
    await stores.database.query('fail', fail, [eventId])
    expect(await stores.webhookDeliveries.replay(tenantId, endpointId, { eventId }, 1)).toBe(1)
    const readLeft = `select extract(epoch from stale_at - clock_timestamp())::float8 as seconds
    from webhook_deliveries where event_id = $1`
    const [row] = await stores.database.query<{ seconds: number }>('left', readLeft, [eventId])
    expect(Math.abs((row?.seconds ?? 0) - lifetimeSeconds(type))).toBeLessThan(30)
  },
)
