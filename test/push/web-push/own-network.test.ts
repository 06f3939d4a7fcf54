// A browser's endpoint leads to a push service, and never into the own network.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { buildEgressGuard } from '../../../src/platform/net/egress-guard.ts'
import type { PushProvider } from '../../../src/push/push.store.ts'
import { startConnectProxy } from '../../support/connect-proxy.ts'
import { recordingLog } from '../push-gateway.ts'
import { aPushTo, aPushToBrowser, directSender, webPushFor } from './browser-pushes.ts'

let simulator: Simulator
let provider: PushProvider
beforeAll(async () => {
  simulator = await startSimulator()
})
afterEach(async () => {
  await provider.drain()
  simulator.log.clear()
})
afterAll(() => simulator.close())

test.each([
  ['loopback', ['127.0.0.1']],
  ['loopback in IPv6', ['::1']],
  ['a private network', ['10.0.0.7']],
  ['the metadata of a cloud', ['169.254.169.254']],
  ['IPv4 inside IPv6', ['::ffff:127.0.0.1']],
  ['a public address and a private one', ['93.184.215.14', '192.168.0.1']],
  ['nothing', []],
])('a push service whose name leads to %s gets nothing', async (_name, addresses) => {
  provider = directSender({ guard: buildEgressGuard({ resolve: async () => addresses }) })
  expect(await provider.send(aPushToBrowser(simulator))).toEqual({
    kind: 'retry',
    reason: 'the name of the push service leads to an address that is not public',
    down: true,
  })
})

test('an address of the own network gets nothing, not even one that the operator lists', async () => {
  const { keys } = simulator.browsers.subscribe('a')
  provider = directSender({ hosts: ['127.0.0.1', '169.254.169.254'] })
  for (const host of ['127.0.0.1', '169.254.169.254']) {
    const message = aPushTo({ endpoint: `https://${host}/a`, keys })
    expect(await provider.send(message)).toMatchObject({ kind: 'retry' })
  }
  provider = webPushFor(simulator, { hosts: ['127.0.0.1'] })
  await provider.send(aPushTo({ endpoint: 'https://127.0.0.1/a', keys }))
  expect(simulator.log.exchanges()).toEqual([])
})

test('the endpoints of a push service under a wildcard that do not exist stop no other', async () => {
  const resolve = async (name: string) => {
    throw Object.assign(new Error(name), { code: 'ENOTFOUND' })
  }
  provider = directSender({ guard: buildEgressGuard({ resolve }) })
  const { keys } = simulator.browsers.subscribe('a')
  for (let count = 0; count < 12; count++) {
    await provider.send(aPushTo({ endpoint: 'https://nowhere.push.apple.com/a', keys }))
  }
  const other = await provider.send(aPushToBrowser(simulator, 'apple'))
  expect(other).toMatchObject({ reason: 'no reply: ENOTFOUND' })
})

test('no more than 256 origins are remembered, as devices make them up', async () => {
  const resolve = async (name: string) => {
    throw Object.assign(new Error(name), { code: 'ENOTFOUND' })
  }
  const log = recordingLog()
  provider = directSender({ guard: buildEgressGuard({ resolve }), log })
  const { keys } = simulator.browsers.subscribe('a')
  const send = (name: string) =>
    provider.send(aPushTo({ endpoint: `https://${name}.push.apple.com/a`, keys }))
  const outages = () =>
    log.lines.filter(({ message }) => message === 'push service does not answer').length
  for (let count = 0; count < 10; count++) await send('first')
  for (let count = 0; count < 255; count++) await send(`n${count}`)
  for (let count = 0; count < 10; count++) await send('first')
  expect(outages()).toBe(1)
  for (let count = 0; count < 256; count++) await send(`n${count}`)
  for (let count = 0; count < 10; count++) await send('first')
  expect(outages()).toBe(2)
})

test('a proxy connects to the name of the push service, and sees no more of it', async () => {
  await using connectProxy = await startConnectProxy()
  const { proxy } = connectProxy
  provider = webPushFor(simulator, { proxy })
  expect((await provider.send(aPushToBrowser(simulator))).kind).toBe('accepted')
  const { host, port } = simulator.webPush
  expect(connectProxy.asked).toEqual([`${host}:${port}`])
  await provider.drain()
  provider = directSender({ proxy: { ...proxy, port: 1 } })
  expect(await provider.send(aPushToBrowser(simulator))).toMatchObject({
    kind: 'retry',
    down: true,
  })
})
