// What tells a process that webhooks are due, and what that costs: the dispatcher as a service
// opens it, on the notices of a real database.

import { expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import type { EventFilter } from '../../src/domain/webhook-endpoint.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import { openWebhooks, signalFacts } from '../../src/service/open-webhooks.ts'
import { startSweeps } from '../../src/service/sweeps.ts'
import { createWebhookEndpoint } from '../../src/webhooks/webhook-endpoints.ts'
import { aLog } from '../push/provider.ts'
import { until } from '../support/until.ts'
import { startSink } from '../support/webhook-sink.ts'
import { anAnswer, aProof, ask, granted, signAnswer } from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })

const test = phoneTest
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern what is needed
  .extend('sink', async ({}, { onCleanup }) => {
    const sink = await startSink()
    onCleanup(() => sink[Symbol.asyncDispose]())
    return sink
  })
  .extend('webhooks', async ({ world }, { onCleanup }) => {
    const leaseHolder = { name: 'worker', isPresent: () => true }
    const { log } = aLog()
    const webhooks = openWebhooks({ ca: [] }, guard, { ...world, leaseHolder, log })
    onCleanup(webhooks.drain)
    return webhooks.webhookDispatcher
  })
  .extend('scene', async ({ world, principal, phone, sink }) => ({
    anEndpoint: (events: EventFilter) =>
      granted(
        createWebhookEndpoint({ ...world, webhookUrls: guard }, principal, {
          url: sink.url,
          events,
        }),
      ),
    /** A sign-in of which the outcome is awaited by a long poll. */
    async signIn() {
      await world.database.query('forget_pushes', 'delete from initiators', [])
      const { challenge, number } = await granted(ask(world, principal))
      const watch = world.signals.watch(challenge.id)
      const num = number === null ? {} : { num: number }
      const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', ...num })
      const command = { challengeId: challenge.id, answer: await signAnswer(phone, claims) }
      await granted(answerChallenge(world, await aProof(world, phone), command))
      watch.close()
    },
    /** An activity of the user, written by another process. */
    async happenElsewhere() {
      const other = openDatabase({ url: world.url })
      await other.query(
        'happen',
        `insert into activities (tenant_id, id, user_id, type, severity, actor)
         values ($1, 'act_' || gen_random_uuid(), $2, 'device_renamed', 'info', 'service')`,
        [principal.tenantId, phone.userId],
      )
      await other.close()
    },
  }))

test('a sign-in costs three statements for its webhook, and none for events without a subscriber', async ({
  world,
  webhooks,
  scene,
  sink,
}) => {
  await scene.anEndpoint(['challenge.approved'])
  const names = [
    'load_webhook_facts',
    'fan_out_webhooks',
    'claim_webhooks',
    'find_challenges',
    'settle_webhooks',
    'other',
  ]
  const count = () => names.map((name) => world.database.statements().get(name) ?? 0)
  await webhooks.work()
  const before = count()
  await scene.signIn()
  await until('arrived', () => sink.deliveries.length === 1 && webhooks.inFlight() === 0)
  expect(count().map((now, n) => now - (before[n] ?? 0))).toEqual([1, 1, 0, 0, 1, 0])
})

test('without a subscriber a sign-in costs no statement for webhooks', async ({
  world,
  webhooks,
  scene,
}) => {
  await scene.anEndpoint(['user.unlocked'])
  await webhooks.work()
  const before = world.database.statements().get('load_webhook_facts')
  await scene.signIn()
  expect(world.database.statements().get('load_webhook_facts')).toBe(before)
})

test('a process that sends no webhooks signals to the workers that it has recorded some', async ({
  world,
  webhooks,
  scene,
  sink,
}) => {
  await scene.anEndpoint(['*'])
  await webhooks.work()
  await scene.happenElsewhere()
  expect(sink.deliveries).toEqual([])
  const signaledKeys: string[] = []
  const other = openDatabase({ url: world.url })
  signalFacts(other, { publish: (key) => void signaledKeys.push(key) })
  await other.query('raise_facts', `do $$ begin raise info 'webhook_facts'; end $$`, [])
  await other.close()
  for (const key of signaledKeys) world.signals.publish(key)
  await until('arrived', () => sink.deliveries.length === 1)
})

test('a webhook of which nothing tells is sent at the next scan, within five seconds', async ({
  world,
  webhooks,
  scene,
  sink,
}) => {
  await scene.anEndpoint(['*'])
  await webhooks.work()
  const { log } = aLog()
  const { leaseHolder, dispatch } = world.dispatcher
  const dispatcher = { leaseHolder, dispatch, inFlight: () => 0, fullLanes: () => [] }
  const callbackDispatcher = { work: async () => undefined }
  let scanCount = 0
  const dueWork = {
    // Only webhooks are due: other work would cause further scans.
    async read() {
      const everything = await world.dueWork.read()
      scanCount++
      const names = Object.keys(everything).map((name) => [name, null])
      return { ...everything, ...Object.fromEntries(names), webhooks: everything.webhooks }
    },
  }
  const parts = { ...world, dispatcher, webhookDispatcher: webhooks, callbackDispatcher, log }
  const sweeps = startSweeps({ ...parts, dueWork })
  try {
    await until('the first scan is over', () => scanCount === 1)
    await scene.happenElsewhere()
    await until('arrived', () => sink.deliveries.length === 1)
    expect(scanCount).toBe(2)
  } finally {
    await sweeps.stop()
  }
})
