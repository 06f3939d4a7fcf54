import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { environmentOf, killProcess, start } from '../support/killable-service.ts'
import { freePort } from '../support/ports.ts'
import {
  challengeOf,
  createApi,
  enrollPhone,
  startTestSimulator,
} from '../support/running-service.ts'
import { startHere } from '../support/service-start.ts'
import { until } from '../support/until.ts'
import { startSink } from '../support/webhook-sink.ts'

test('kill -9 between commit and push loses no push: the next process sends it', async () => {
  await using stack = new AsyncDisposableStack()
  const simulator = await startTestSimulator()
  stack.defer(() => simulator.close())
  const database = stack.use(await createTestDatabase())
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-crash-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const port = await freePort()
  const environment = await environmentOf(simulator, database.url, port, folder)

  const first = await start(environment)
  stack.defer(() => killProcess(first.child))
  const key = /cs_[0-9a-z]{26}_[\w-]{43}/.exec(first.output())?.[0] ?? ''
  const api = createApi(`http://127.0.0.1:${port}`, key)
  const phone = await enrollPhone({ api, simulator })

  // APNs accepts the connection and stays silent: the push is committed, in flight, and not
  // delivered.
  simulator.faults.add({ provider: 'apns', kind: 'silent_connection', times: 'always' })
  const creation = await api('POST', '/v1/challenges', { user: 'alice' })
  expect(creation.status).toBe(201)
  await killProcess(first.child)
  expect(phone.pushes).toEqual([])

  simulator.faults.clear()
  expect(stack.use(await startHere(environment)).stderr).toBe('')
  // Sooner than the lease would end: its holder is gone.
  const push = await until('the push arrives after all', () => phone.pushes[0])
  expect(challengeOf(push)).toBe(creation.json.id)

  const { requests } = await phone.client.pending()
  const [request] = requests
  if (!request) throw new Error('the challenge is gone')
  await phone.client.approve(request, creation.json.number)
  const read = await api('GET', `/v1/challenges/${creation.json.id}`)
  expect(read.json).toMatchObject({
    status: 'approved',
    devices: [{ push: { status: 'sent', attempts: 2 } }],
  })
})

test('kill -9 of a process that has leased a push and a webhook: another one sends both immediately', async () => {
  await using stack = new AsyncDisposableStack()
  const simulator = await startTestSimulator()
  stack.defer(() => simulator.close())
  const database = stack.use(await createTestDatabase())
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-crash-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const sink = stack.use(await startSink())
  const port = await freePort()
  const environment = {
    ...(await environmentOf(simulator, database.url, port, folder)),
    WEBHOOK_NETWORKS: '127.0.0.0/8',
    WEBHOOK_HTTP_HOSTS: '127.0.0.1',
  }

  const first = await start(environment)
  stack.defer(() => killProcess(first.child))
  const key = /cs_[0-9a-z]{26}_[\w-]{43}/.exec(first.output())?.[0] ?? ''
  const api = createApi(`http://127.0.0.1:${port}`, key)
  const phone = await enrollPhone({ api, simulator })
  sink.answer(() => undefined)
  const endpoint = { url: sink.url, events: ['challenge.created'] }
  expect((await api('POST', '/v1/webhook-endpoints', endpoint)).status).toBe(201)
  simulator.faults.add({ provider: 'apns', kind: 'silent_connection', times: 'always' })
  const creation = await api('POST', '/v1/challenges', { user: 'alice' })
  expect(creation.status).toBe(201)
  await until('the webhook is in flight', () => sink.deliveries.length === 1)

  expect(stack.use(await startHere({ ...environment, ROLE: 'worker' })).stderr).toBe('')
  simulator.faults.clear()
  sink.answer((response) => response.writeHead(204).end())
  await killProcess(first.child)
  // Sooner than the leases end, which are 15 and 30 s.
  await until('the push arrives', () => phone.pushes[0], 5_000)
  await until('the webhook arrives again', () => sink.deliveries.length === 2, 5_000)
  expect(new Set(sink.deliveries.map(({ id }) => id)).size).toBe(1)
})
