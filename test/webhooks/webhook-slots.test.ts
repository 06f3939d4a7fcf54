import type { ServerResponse } from 'node:http'
import { expect } from 'vitest'
import { until } from '../support/until.ts'
import { startSink } from '../support/webhook-sink.ts'
import { aSubscriber, test } from './dispatched-webhooks.ts'

test('an endpoint that hangs delays its own events, and no other', async ({
  subscriber,
  workshop,
  sink,
}) => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  await subscriber.anEndpoint(slow.url)
  await subscriber.anEndpoint()
  const dispatcher = workshop.aDispatcher('worker', 60_000)
  await subscriber.happen(300)
  dispatcher.wake()
  await until('the other has them all', () => sink.deliveries.length === 300)
  expect(slow.deliveries.length).toBeLessThanOrEqual(32)
  await slow[Symbol.asyncDispose]()
})

test('endpoints of one tenant that never answer leave slots for those of others', async ({
  subscriber,
  workshop,
  world,
  sink,
}) => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  for (let n = 0; n < 8; n++) await subscriber.anEndpoint(slow.url)
  const dispatcher = workshop.aDispatcher('worker', 60_000)
  await subscriber.happen(64)
  await dispatcher.work()
  await until('their slots are full', () => slow.deliveries.length >= 100)
  const other = await aSubscriber(world, sink.url)
  await other.anEndpoint()
  await other.happen(1)
  dispatcher.wake()
  await until('the other tenant receives its event', () => sink.deliveries.length === 1)
  await slow[Symbol.asyncDispose]()
})

test('with any number of tenants whose endpoints never answer, the next is sent immediately', async ({
  world,
  workshop,
  sink,
}) => {
  await using slow = await startSink()
  slow.answer(() => undefined)
  for (let tenant = 0; tenant < 4; tenant++) {
    const silent = await aSubscriber(world, slow.url)
    for (let n = 0; n < 8; n++) await silent.anEndpoint()
    await silent.happen(64)
  }
  const dispatcher = workshop.aDispatcher('worker', 60_000)
  await dispatcher.work()
  const other = await aSubscriber(world, sink.url)
  await other.anEndpoint()
  await other.happen(1)
  await dispatcher.work()
  await until('the next tenant receives its event', () => sink.deliveries.length === 1)
  expect(dispatcher.inFlight()).toBeGreaterThan(180)
  await slow[Symbol.asyncDispose]()
})

test('a slow endpoint gets few slots, although it succeeds in the end', async ({
  subscriber,
  sink,
  workshop,
}) => {
  await subscriber.anEndpoint()
  const responses: ServerResponse[] = []
  sink.answer((response) => void responses.push(response))
  // Any response time at all counts as slow here.
  const dispatcher = workshop.aDispatcher('worker', 60_000, 0)
  await subscriber.happen(100)
  await dispatcher.work()
  await until('it has its slots', () => responses.length === 32)
  for (const response of responses.splice(0)) response.writeHead(204).end()
  await until(
    'it has the slots of a slow one',
    () => responses.length === 4 && dispatcher.inFlight() === 4,
  )
  sink.answer((response) => void response.writeHead(204).end())
  for (const response of responses.splice(0)) response.writeHead(204).end()
  await until('it has them all', async () => (await subscriber.statuses())[0]?.n === 100)
})
