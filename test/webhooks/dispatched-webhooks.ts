// What the tests of the dispatcher share: subscribers with endpoints, and dispatchers that send to
// a sink.

import type { ServerResponse } from 'node:http'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import {
  buildWebhookDispatcher,
  type WebhookDispatcher,
} from '../../src/webhooks/webhook-dispatcher.ts'
import { createWebhookEndpoint } from '../../src/webhooks/webhook-endpoints.ts'
import { buildWebhookSender } from '../../src/webhooks/webhook-sender.adapter.ts'
import { startSink } from '../support/webhook-sink.ts'
import { aPhone, aPrincipal, granted, type World } from '../support/world.ts'
import { worldTest } from '../support/world-test.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })

/** A relying party of a tenant of its own, with a user; its endpoints are at `defaultUrl`. */
export async function aSubscriber(world: World, defaultUrl: string) {
  const principal = await aPrincipal(world)
  const { userId } = await aPhone(world, principal)
  const dependencies = { ...world, webhookUrls: guard }
  const sql = (name: string, text: string, ...values: unknown[]) =>
    world.database.query<Record<string, unknown>>(name, text, values)
  return {
    principal,
    /** Of the use cases of endpoints. */
    dependencies,
    anEndpoint: (
      url = defaultUrl,
      events: readonly ['*'] | readonly ['device.suspended'] = ['*'],
    ) => granted(createWebhookEndpoint(dependencies, principal, { url, events })),
    /** Records so many activities of the user, of a type that makes one event each. */
    happen: (count: number) =>
      sql(
        'happen',
        `insert into activities (tenant_id, id, user_id, type, severity, actor)
         select $1, 'act_' || gen_random_uuid(), $2, 'device_renamed', 'info', 'service'
         from generate_series(1, $3::int)`,
        principal.tenantId,
        userId,
        count,
      ),
    statuses: async () =>
      (await sql(
        'statuses',
        `select status, count(*)::int as n from webhook_deliveries
         where tenant_id = $1 group by status order by status`,
        principal.tenantId,
      )) as { status: string; n: number }[],
  }
}

function aWorkshop(world: World, sink: Awaited<ReturnType<typeof startSink>>) {
  const dispatchers: WebhookDispatcher[] = []
  const sql = (name: string, text: string, ...values: unknown[]) =>
    world.database.query<Record<string, unknown>>(name, text, values)
  return {
    dispatchers,
    sql,
    aDispatcher(name = 'worker', timeoutMs = 2_000, slowMs = 3_000) {
      const lines: string[] = []
      const write = (_facts: object, line: string) => void lines.push(line)
      const webhookSender = buildWebhookSender({ guard, timeoutMs })
      const log = { warn: write, error: write }
      const leaseHolder = { name, isPresent: () => true }
      const sending = { ...world, webhookSender, leaseHolder, log, slowMs }
      const dispatcher = buildWebhookDispatcher(sending)
      dispatchers.push(dispatcher)
      return Object.assign(dispatcher, { lines })
    },
    /** Brings forward the deliveries that wait for a retry. */
    hurry: () =>
      sql(
        'hurry',
        `with waiting as materialized (
           select tenant_id, endpoint_id, event_id from webhook_deliveries
           where status = 'queued' and leased_until is null and due_at > clock_timestamp()
           for update skip locked
         )
         update webhook_deliveries d set due_at = clock_timestamp() from waiting w
         where d.tenant_id = w.tenant_id and d.endpoint_id = w.endpoint_id
           and d.event_id = w.event_id`,
      ),
    answering: (status: number, headers: Record<string, string> = {}) =>
      sink.answer((response: ServerResponse) => void response.writeHead(status, headers).end()),
  }
}

/** A test with a sink and a subscriber of its own, whose endpoints get nothing after it. */
export const test = worldTest
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern what is needed
  .extend('sink', async ({}, { onCleanup }) => {
    const sink = await startSink()
    onCleanup(() => sink[Symbol.asyncDispose]())
    return sink
  })
  .extend('subscriber', ({ world, sink }) => aSubscriber(world, sink.url))
  .extend('workshop', ({ world, sink }, { onCleanup }) => {
    const workshop = aWorkshop(world, sink)
    onCleanup(async () => {
      for (const dispatcher of workshop.dispatchers) await dispatcher.drain()
      await workshop.sql(
        'no_more',
        `update webhook_endpoints set status = 'disabled', status_reason = 'gone'
         where status in ('active', 'paused')`,
      )
    })
    return workshop
  })
