import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { requestsPerMinuteMax } from '../../src/domain/webhook-endpoint.ts'
import {
  changeWebhookEndpoint,
  createWebhookEndpoint,
  removeWebhookEndpoint,
  replayWebhooks,
  testWebhookEndpoint,
} from '../../src/webhooks/webhook-endpoints.ts'
import { aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let world: World
let rp: Principal

beforeAll(async () => {
  world = await openWorld()
  rp = await aPrincipal(world)
})
afterAll(() => world.close())

const dependencies = () => ({ ...world, webhookUrls: { fault: () => undefined } })
const anEndpoint = (url = 'https://rp.example/') =>
  granted(createWebhookEndpoint(dependencies(), rp, { url, events: ['*'] }))

test('the audit record holds the origin of an address, not its path or query, which may be secret', async () => {
  const { id } = await anEndpoint('https://rp.example:8443/canary-path?token=canary-one')
  const url = 'https://other.example/canary-path?token=canary-two#canary'
  await granted(changeWebhookEndpoint(dependencies(), rp, id, { url }))
  await removeWebhookEndpoint(dependencies(), rp, id)
  const events = await world.audit.list(rp.tenantId, { subject: id }, { limit: 10, before: null })
  expect(JSON.stringify(events)).not.toContain('canary')
  expect(events.map(({ type, details }) => [type, details.origin])).toEqual([
    ['webhook_endpoint_removed', undefined],
    ['webhook_endpoint_changed', 'https://other.example'],
    ['webhook_endpoint_added', 'https://rp.example:8443'],
  ])
})

test('a pause, its end and a removal are in the revocation log before they are answered', async () => {
  const { id: endpointId } = await anEndpoint()
  world.revocations.length = 0
  await granted(changeWebhookEndpoint(dependencies(), rp, endpointId, { description: 'x' }))
  for (const status of ['paused', 'active'] as const) {
    await granted(changeWebhookEndpoint(dependencies(), rp, endpointId, { status }))
  }
  await removeWebhookEndpoint(dependencies(), rp, endpointId)
  await removeWebhookEndpoint(dependencies(), rp, endpointId)
  const { tenantId, rpId } = rp
  const about = { tenantId, rpId, endpointId, at: expect.any(Date) }
  expect(world.revocations).toEqual([
    { revocation: 'webhook_endpoint_paused', ...about },
    { revocation: 'webhook_endpoint_activated', ...about },
    { revocation: 'webhook_endpoint_removed', ...about },
  ])
  const times = world.revocations.map(({ at }) => at.getTime())
  expect(times).toEqual(times.toSorted((a, b) => a - b))
})

describe('tests and replays', () => {
  const tooMany = (one: unknown) =>
    typeof one === 'object' &&
    one !== null &&
    'refused' in one &&
    one.refused === 'too_many_webhook_requests'

  test('are together limited per minute, however many are requested concurrently', async () => {
    const { id } = await anEndpoint()
    const answers = await Promise.all(
      Array.from({ length: requestsPerMinuteMax * 2 }, (_, n) =>
        n % 2 === 0
          ? testWebhookEndpoint(dependencies(), rp, id)
          : replayWebhooks(dependencies(), rp, id, { failedSince: new Date(0) }),
      ),
    )
    expect(answers.filter(tooMany)).toHaveLength(requestsPerMinuteMax)
    const rows = await world.database.query(
      'owed_tests',
      'select from webhook_deliveries where tenant_id = $1 and endpoint_id = $2',
      [rp.tenantId, id],
    )
    expect(rows).toHaveLength(answers.filter((one) => 'eventId' in one).length)
  })

  test('are allowed again a minute after the first, as the refusal says, and per endpoint', async () => {
    const { id } = await anEndpoint()
    const { id: other } = await anEndpoint()
    const setEarlierRequests = (secondsAgo: number) =>
      world.database.query(
        'asked_before',
        `update webhook_endpoints set requested_at = array(select clock_timestamp()
           - make_interval(secs => $3) + n * interval '1 ms' from generate_series(1, $4::int) n)
         where tenant_id = $1 and id = $2`,
        [rp.tenantId, id, secondsAgo, requestsPerMinuteMax],
      )
    await setEarlierRequests(30)
    const refusal = await testWebhookEndpoint(dependencies(), rp, id)
    expect(refusal).toEqual({
      refused: 'too_many_webhook_requests',
      retryAfterSeconds: expect.any(Number),
    })
    const seconds = 'retryAfterSeconds' in refusal ? (refusal.retryAfterSeconds ?? 0) : 0
    expect(seconds).toBeGreaterThanOrEqual(1)
    expect(seconds).toBeLessThanOrEqual(31)
    await granted(testWebhookEndpoint(dependencies(), rp, other))
    await setEarlierRequests(61)
    await granted(testWebhookEndpoint(dependencies(), rp, id))
  })

  test('are refused while the endpoint is paused, and cost nothing then', async () => {
    const { id } = await anEndpoint()
    await granted(changeWebhookEndpoint(dependencies(), rp, id, { status: 'paused' }))
    for (let n = 0; n <= requestsPerMinuteMax; n++) {
      expect(await testWebhookEndpoint(dependencies(), rp, id)).toEqual({
        refused: 'webhook_endpoint_not_active',
      })
    }
    await granted(changeWebhookEndpoint(dependencies(), rp, id, { status: 'active' }))
    await granted(testWebhookEndpoint(dependencies(), rp, id))
  })
})
