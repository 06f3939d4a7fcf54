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
