import { createServer, type Socket } from 'node:net'
import { pino } from 'pino'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { buildRedisLink } from '../../../src/platform/net/redis-link.ts'
import { buildRedisSignals, redisChannelOf } from '../../../src/platform/net/redis-signals.ts'
import { buildSignalHub, type SignalHub } from '../../../src/platform/net/signal-hub.ts'
import { openDatabase } from '../../../src/platform/postgres/database.ts'
import { openSignalCarrier } from '../../../src/service/open-world.ts'
import { createTestDatabase } from '../../support/database.ts'
import { pour } from '../../support/hostile-server.ts'
import { freePort } from '../../support/ports.ts'
import { until } from '../../support/until.ts'

/** What one connection of a fake Redis answers to a command (RESP2). */
type Answer = (socket: Socket, command: readonly string[], everyone: ReadonlySet<Socket>) => void

const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
const array = (...parts: readonly string[]) => `*${parts.length}\r\n${parts.join('')}`

const channels = new WeakMap<Socket, string>()

/** As Redis does it, as far as pub/sub goes. */
const honest: Answer = (socket, [name = '', channel = '', message = ''], everyone) => {
  if (name === 'subscribe') {
    channels.set(socket, channel)
    socket.write(array(bulk('subscribe'), bulk(channel), ':1\r\n'))
  } else if (name === 'publish') {
    const subscriber = [...everyone].filter((one) => channels.get(one) === channel)
    for (const one of subscriber) one.write(array(bulk('message'), bulk(channel), bulk(message)))
    socket.write(':1\r\n')
  } else socket.write('+OK\r\n')
}

/** Published messages go to connections that subscribed; all else is answered as `answer` says. */
async function startRedis(answer: Answer = honest, port = 0) {
  const sockets = new Set<Socket>()
  const subscribers = new Set<Socket>()
  let connectionCount = 0
  const server = createServer((socket) => {
    connectionCount += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      sockets.delete(socket)
      subscribers.delete(socket)
    })
    socket.on('data', (data) => {
      // Commands of ours arrive whole: they are short.
      for (const part of data.toString().split(/(?=^\*\d+\r\n\$)/m)) {
        const command = part.split('\r\n').filter((_, at) => at > 0 && at % 2 === 0)
        const [name = ''] = command
        if (name.toLowerCase() === 'subscribe') subscribers.add(socket)
        answer(socket, [name.toLowerCase(), ...command.slice(1)], subscribers)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `redis://127.0.0.1:${address.port}`,
    open: () => sockets.size,
    connectionCount: () => connectionCount,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const hubs: SignalHub[] = []
afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.close()))
})

/** A process's signals, and the messages about its connection. */
async function start(url: string, channel = 'countersign:signals') {
  const messages: string[] = []
  const onFailure = (error: unknown) => void messages.push(String(error))
  const carrier = buildRedisSignals(
    { url, channel },
    { onFailure, onReady: () => void messages.push('works') },
  )
  const hub = await buildSignalHub(carrier, onFailure)
  hubs.push(hub)
  return { hub, messages }
}

const foreverMs = 600_000

/** True when waits within the process end immediately. */
async function wakesItself(hub: SignalHub): Promise<boolean> {
  const watch = hub.watch('a')
  hub.publish('a')
  await watch.next(foreverMs)
  watch.close()
  return true
}

test('signals go from one process to the other', async () => {
  await using redis = await startRedis()
  const [here, there] = [await start(redis.url), await start(redis.url)]
  const watch = there.hub.watch('a')
  here.hub.publish('a')
  await watch.next(foreverMs)
  expect([here.messages, there.messages]).toEqual([['works'], ['works']])
})

test('without Redis a process starts, wakes itself, and uses Redis when it is available', async () => {
  const port = await freePort()
  const [here, there] = await Promise.all([1, 2].map(() => start(`redis://127.0.0.1:${port}`)))
  if (!here || !there) throw new Error('not started')
  expect(here.messages.length).toBeGreaterThan(0)
  expect(await wakesItself(here.hub)).toBe(true)
  const watch = there.hub.watch('b')
  await using _redis = await startRedis(honest, port)
  await until('both use it', () =>
    [here, there].every(({ messages }) => messages.includes('works')),
  )
  await watch.next(foreverMs)
  here.hub.publish('b')
  await watch.next(foreverMs)
})

test('the input from Redis is bounded between two pings, not in total', async () => {
  let pings = 0
  await using redis = await startRedis((socket, command, everyone) => {
    if (command[0] === 'ping') pings += 1
    if (command[0] === 'publish') socket.write(bulk('x'.repeat(8_000)))
    else honest(socket, command, everyone)
  })
  const messages: string[] = []
  const link = buildRedisLink({
    url: redis.url,
    pingEveryMs: 20,
    onFailure: (error) => void messages.push(String(error)),
    onReady: () => void messages.push('works'),
  })
  await until('it works', () => messages.length === 1)
  for (let round = 0; round < 4; round++) {
    const before = pings
    await Promise.all(Array.from({ length: 12 }, () => link.current()?.publish('a', 'b')))
    await until('pings were answered', () => pings >= before + 3)
  }
  expect(messages).toEqual(['works'])
  // Again where a slow machine pings in the middle of it.
  await until('it is given up', async () => {
    const burst = Array.from({ length: 200 }, () => link.current()?.publish('a', 'b'))
    await Promise.all(burst).catch(() => undefined)
    return messages.length > 1
  })
  link.close()
})

describe('a Redis that', () => {
  const silent: Answer = () => undefined
  const hostile: Readonly<Record<string, Answer>> = {
    'accepts and says nothing': silent,
    'answers without end': (socket) => {
      socket.write('$536870912\r\n')
      pour(socket, 'x')
    },
    'sends nothing but errors': (socket) => socket.write('-LOADING it takes its time\r\n'),
    'speaks another protocol': (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  }

  test.each(Object.keys(hostile))('%s keeps no process from starting or stopping', async (name) => {
    await using redis = await startRedis(hostile[name])
    const { hub, messages } = await start(redis.url)
    expect(messages.length).toBeGreaterThan(0)
    expect(messages).not.toContain('works')
    expect(await wakesItself(hub)).toBe(true)
    await hub.close()
    await until('nothing is left open', () => redis.open() === 0)
  })

  test('sends a message without end is given up, and another connection is made', async () => {
    let isHostile = true
    await using redis = await startRedis((socket, command, everyone) => {
      if (command[0] !== 'publish' || !isHostile) return honest(socket, command, everyone)
      isHostile = false
      for (const one of everyone) {
        one.write('*3\r\n$7\r\nmessage\r\n$19\r\ncountersign:signals\r\n$536870912\r\n')
        pour(one, 'x')
      }
      socket.write(':1\r\n')
    })
    const { hub, messages } = await start(redis.url)
    hub.publish('a')
    await until('it is given up', () =>
      messages.some((text) => text.includes('more than a message')),
    )
    await until('another is made', () => messages.at(-1) === 'works')
    expect(redis.connectionCount()).toBe(3)
  })

  test('falls silent once it was ready is given up, and another connection is made', async () => {
    let isSilent = false
    await using redis = await startRedis((socket, command, everyone) => {
      if (!isSilent) honest(socket, command, everyone)
    })
    const { hub, messages } = await start(redis.url)
    isSilent = true
    hub.publish('a')
    await until('it is given up', () => messages.length > 1)
    isSilent = false
    await until('another is made', () => messages.at(-1) === 'works')
  })

  test('falls silent while nothing is published is detected, too', async () => {
    let isSilent = false
    await using redis = await startRedis((socket, command, everyone) => {
      if (!isSilent) honest(socket, command, everyone)
    })
    const messages: string[] = []
    const link = buildRedisLink({
      url: redis.url,
      pingEveryMs: 20,
      onFailure: (error) => void messages.push(String(error)),
      onReady: () => void messages.push('works'),
    })
    await until('it works', () => messages.length === 1)
    isSilent = true
    await until('it is given up', () => messages.length === 2)
    link.close()
  })
})

test('installations in other schemas or databases of one Redis do not receive each other’s signals', async () => {
  await using redis = await startRedis()
  const places = [
    ['shared', 'one'],
    ['shared', 'two'],
    ['shared:two', 'one'],
    ['other', 'one'],
    ['shared', 'one'],
  ] as const
  const processes = await Promise.all(
    places.map(([database, schema]) => start(redis.url, redisChannelOf(database, schema))),
  )
  const receivedSignals: [number, string][] = []
  for (const [at, { hub }] of processes.entries())
    hub.listen((key) => receivedSignals.push([at, key]))
  for (const [at, { hub }] of processes.entries()) hub.publish(`key${at}`)
  await until('the last signal has arrived at the twin', () =>
    receivedSignals.some(([at, key]) => at === 0 && key === 'key4'),
  )
  expect(receivedSignals.filter(([at, key]) => at % 4 !== Number(key.at(-1)) % 4)).toEqual([])
})

test('the channel is named after the database, as its server names it, and the schema', async () => {
  const channels: string[] = []
  await using redis = await startRedis((socket, command, everyone) => {
    if (command[0] === 'subscribe') channels.push(command[1] ?? '')
    honest(socket, command, everyone)
  })
  const testDatabase = await createTestDatabase()
  const database = openDatabase({ url: testDatabase.url })
  onTestFinished(() => database.close().then(testDatabase.drop))
  const signalDatabase = { url: testDatabase.url, schema: 'tenants', database }
  hubs.push(
    await openSignalCarrier({ redisUrl: redis.url }, signalDatabase, pino({ enabled: false })),
  )
  const name = new URL(testDatabase.url).pathname.slice(1)
  await until('it subscribes', () => channels.length > 0)
  expect(channels).toEqual([`countersign:signals:${name}:tenants`])
})
