import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import {
  addWebhookEndpoint,
  changeWebhookEndpoint,
  removeWebhookEndpoint,
} from '../../src/usecases/webhook-endpoints.ts'
import { aPrincipal, granted, openWorld, type World } from './world.ts'

let world: World
let rp: Principal

beforeAll(async () => {
  world = await openWorld()
  rp = await aPrincipal(world)
})
afterAll(() => world.close())

const needs = () => ({ ...world, webhookUrls: { fault: () => undefined } })
const anEndpoint = (url = 'https://rp.example/') =>
  granted(addWebhookEndpoint(needs(), rp, { url, events: ['*'] }))

test('the audit record holds the origin of an address and nothing of its path or query, which may be secret', async () => {
  const { id } = await anEndpoint('https://rp.example:8443/canary-path?token=canary-one')
  const url = 'https://other.example/canary-path?token=canary-two#canary'
  await granted(changeWebhookEndpoint(needs(), rp, id, { url }))
  await removeWebhookEndpoint(needs(), rp, id)
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
  world.revoked.length = 0
  await granted(changeWebhookEndpoint(needs(), rp, endpointId, { description: 'x' }))
  for (const status of ['paused', 'active'] as const) {
    await granted(changeWebhookEndpoint(needs(), rp, endpointId, { status }))
  }
  await removeWebhookEndpoint(needs(), rp, endpointId)
  await removeWebhookEndpoint(needs(), rp, endpointId)
  const { tenantId, rpId } = rp
  const about = { tenantId, rpId, endpointId, at: expect.any(Date) }
  expect(world.revoked).toEqual([
    { revocation: 'webhook_endpoint_paused', ...about },
    { revocation: 'webhook_endpoint_activated', ...about },
    { revocation: 'webhook_endpoint_removed', ...about },
  ])
  const times = world.revoked.map(({ at }) => at.getTime())
  expect(times).toEqual(times.toSorted((a, b) => a - b))
})
