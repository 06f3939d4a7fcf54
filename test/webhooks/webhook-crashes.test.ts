import { expect } from 'vitest'
import { repetitions } from '../support/endurance.ts'
import { until } from '../support/until.ts'
import { type Sink, startSink } from '../support/webhook-sink.ts'
import { test } from './dispatched-webhooks.ts'

test('an event is sent by another process, under the same id, if the first dies before recording', async ({
  subscriber,
  workshop,
  world,
  sink,
}) => {
  await subscriber.anEndpoint()
  const first = workshop.aDispatcher('dying')
  await subscriber.happen(1)
  // The lease is taken, the send arrives, its record is lost with the process.
  const settle = world.webhookDeliveries.settle
  world.webhookDeliveries.settle = async () => {
    throw new Error('the process is gone')
  }
  await first.work()
  await until('arrived', () => sink.deliveries.length === 1 && first.inFlight() === 0)
  world.webhookDeliveries.settle = settle
  const second = workshop.aDispatcher('heir')
  await second.work()
  expect(sink.deliveries).toHaveLength(1)
  await workshop.sql(
    'lease_over',
    'update webhook_deliveries set leased_until = clock_timestamp() where tenant_id = $1',
    subscriber.principal.tenantId,
  )
  await second.work()
  await until('again', () => sink.deliveries.length === 2)
  expect(new Set(sink.deliveries.map(({ id }) => id)).size).toBe(1)
})

const count = repetitions({ usual: 1_000, nightly: 10_000 })
test(`${count.toLocaleString('en')} events, two processes, a sink killed at random: none lost, ids repeat only per event`, async ({
  subscriber,
  workshop,
}) => {
  const events = new Map<string, string>()
  let port = 0
  let target: Sink | undefined
  let duplicates = 0
  let up = true
  const listen = async () => {
    target = await startSink(port)
    port = target.port
    target.answer((response, { id, body }) => {
      const fact = body.data.activityId as string
      if (events.has(id)) duplicates++
      expect(events.get(id) ?? fact).toBe(fact)
      events.set(id, fact)
      // Now and then it dies after it has processed the event and before it answers.
      if (Math.random() < 0.01) response.destroy()
      else response.writeHead(204).end()
    })
  }
  await listen()
  await subscriber.anEndpoint(target?.url)
  await subscriber.happen(count)
  const both = [workshop.aDispatcher('one', 5_000), workshop.aDispatcher('two', 5_000)]
  let over = false
  let killCount = 0
  const killing = (async () => {
    while (!over) {
      const enough = events.size + 100 + Math.random() * 200
      await until('more arrive', () => over || events.size >= enough, 100_000)
      if (over) return
      up = false
      killCount++
      await target?.[Symbol.asyncDispose]()
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 100))
      await listen()
      up = true
    }
  })()
  const pause = () => new Promise((resolve) => setTimeout(resolve, 100))
  await until(
    'all are delivered',
    async () => {
      // Only while it listens: ten attempts are all that an event has, and days lie between them.
      if (up) await workshop.hurry()
      await Promise.all(both.map((dispatcher) => dispatcher.work()))
      await pause()
      if (events.size < count) return false
      const [row, ...others] = await subscriber.statuses()
      return others.length === 0 && row?.status === 'delivered' && row.n === count
    },
    100_000,
  )
  over = true
  await killing
  await target?.[Symbol.asyncDispose]()
  expect(new Set(events.values()).size).toBe(count)
  expect(events.size).toBe(count)
  expect(duplicates).toBeGreaterThan(0)
  expect(killCount).toBeGreaterThan(1)
}, 120_000)
