import { createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { ProxyTunnel, type PushProxy } from '../../../src/platform/net/proxy-tunnel.ts'
import type { PushProvider } from '../../../src/push/push.store.ts'
import { aPushTo, apnsFor, fcmFor } from '../../push/push-gateway.ts'
import { startConnectProxy, startTinyproxy, tinyproxyProgram } from '../../support/connect-proxy.ts'
import { notRun } from '../../support/programs.ts'

let simulator: Simulator
const openProviders: PushProvider[] = []
beforeAll(async () => {
  // Loaded beforehand, so that loading takes nothing of a deadline.
  await Promise.all([
    import('@parse/node-apn'),
    import('firebase-admin/app'),
    import('firebase-admin/messaging'),
  ])
  simulator = await startSimulator()
})
afterEach(async () => {
  await Promise.all(openProviders.splice(0).map((provider) => provider.drain()))
})
afterAll(() => simulator.close())

const providers = (proxy: PushProxy, deadlineMs = 5_000) => {
  const apns = apnsFor(simulator, { proxy, deadlineMs })
  const fcm = fcmFor(simulator, { proxy, deadlineMs })
  openProviders.push(apns, fcm)
  return { apns, fcm }
}
const target = ({ host, port }: { host: string; port: number }) => `${host}:${port}`

/** A server that sends this to any client that connects, and keeps the connection. */
async function startStubborn(words: string) {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => socket.destroy())
    socket.write(words)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return {
    proxy: { host: '127.0.0.1', port: address.port, credentials: null },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('through a proxy', () => {
  test('pushes reach APNs and FCM, and access tokens come through it, too', async () => {
    await using through = await startConnectProxy()
    const { apns, fcm } = providers(through.proxy)
    expect(await apns.send(aPushTo(simulator, 'apns'))).toMatchObject({ kind: 'accepted' })
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toMatchObject({ kind: 'accepted' })
    expect(new Set(through.asked)).toEqual(new Set([target(simulator.apns), target(simulator.fcm)]))
    expect(through.asked.length).toBeGreaterThanOrEqual(2)
  })

  test('pushes go on after it has broken off every connection', async () => {
    await using through = await startConnectProxy()
    const { apns, fcm } = providers(through.proxy)
    const both = () => [apns.send(aPushTo(simulator, 'apns')), fcm.send(aPushTo(simulator, 'fcm'))]
    await Promise.all(both())
    through.cut()
    const kinds = async () => (await Promise.all(both())).map(({ kind }) => kind)
    await kinds()
    expect(await kinds()).toEqual(['accepted', 'accepted'])
  })

  test('a refusal leads to a retry, and the next push gets through', async () => {
    let letsThrough = false
    await using through = await startConnectProxy(() => letsThrough)
    const { apns, fcm } = providers(through.proxy)
    expect(await apns.send(aPushTo(simulator, 'apns'))).toMatchObject({ kind: 'retry' })
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toMatchObject({ kind: 'retry' })
    letsThrough = true
    expect(await apns.send(aPushTo(simulator, 'apns'))).toMatchObject({ kind: 'accepted' })
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toMatchObject({ kind: 'accepted' })
  })

  test('a proxy that is silent costs no more than the deadline', async () => {
    await using silent = await startStubborn('')
    const { apns, fcm } = providers(silent.proxy, 300)
    expect(await apns.send(aPushTo(simulator, 'apns'))).toMatchObject({ kind: 'retry' })
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toMatchObject({ kind: 'retry' })
  })
})

describe('a tunnel', () => {
  const endOf = (tunnel: ProxyTunnel) =>
    new Promise<Error | null>((resolve) => {
      let error: Error | null = null
      tunnel.once('error', (one) => {
        error = one
      })
      tunnel.once('close', () => resolve(error))
    })

  test.each([
    ['refuses', 'HTTP/1.1 403 Forbidden\r\n\r\n', /refuses far\.example:443: status 403/],
    ['redirects', 'HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n', /status 302/],
    ['sends bytes before the far side', 'HTTP/1.1 200 OK\r\n\r\nimpostor', /status 200/],
    ['gives interim answers', 'HTTP/1.1 103 Early Hints\r\n\r\n', /status 103/],
    ['answers at endless length', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}`, /overflow/i],
    ['speaks another protocol', 'SSH-2.0-OpenSSH\r\n', /parse error/i],
  ])('ends with an error when the proxy %s', async (_, words, reason) => {
    await using stubborn = await startStubborn(words)
    const tunnel = new ProxyTunnel(stubborn.proxy, { host: 'far.example', port: 443 })
    tunnel.write('secret that must not be sent')
    expect(String(await endOf(tunnel))).toMatch(reason)
  })

  test('that is given up before it is established leaves no connection open', async () => {
    await using through = await startConnectProxy()
    const tunnel = new ProxyTunnel(through.proxy, simulator.apns)
    tunnel.destroy()
    expect(await endOf(tunnel)).toBeNull()
  })
})

if (tinyproxyProgram === undefined) {
  notRun('tinyproxy', 'tinyproxy')
} else {
  test('pushes go through a real proxy with a login, and none without it', async () => {
    await using tinyproxy = await startTinyproxy([simulator.apns.port, simulator.fcm.port])
    const { apns, fcm } = providers(tinyproxy.proxy)
    expect(await apns.send(aPushTo(simulator, 'apns'))).toMatchObject({ kind: 'accepted' })
    expect(await fcm.send(aPushTo(simulator, 'fcm'))).toMatchObject({ kind: 'accepted' })
    const otherProxy = providers({ ...tinyproxy.proxy, credentials: null })
    expect(await otherProxy.apns.send(aPushTo(simulator, 'apns'))).toMatchObject({ kind: 'retry' })
    expect(await otherProxy.fcm.send(aPushTo(simulator, 'fcm'))).toMatchObject({ kind: 'retry' })
  })
}
