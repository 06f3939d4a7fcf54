import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildRedisSignals } from '../../src/outbound/redis-signals.ts'
import {
  buildSignalHub,
  type SignalCarrier,
  type SignalHub,
} from '../../src/outbound/signal-hub.ts'
import { type Database, openDatabase } from '../../src/persistence/database.ts'
import {
  buildNotifySignals,
  channelOf,
  notifyStatement,
} from '../../src/persistence/notify-signals.ts'
import { onServer } from '../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

let cloned: TestDatabase
let database: Database
beforeAll(async () => {
  cloned = await createTestDatabase()
  database = openDatabase({ url: cloned.url })
})
afterAll(async () => {
  await database.close()
  await cloned.drop()
})

// Longer than any test may take: whoever is not woken by a signal fails by the test's own limit.
const foreverMs = 600_000
const ignore = () => undefined

describe('in one process', () => {
  test('a signal between opening the watch and waiting is not missed', async () => {
    const hub = await buildSignalHub(null, ignore)
    const watch = hub.watch('a')
    hub.publish('a')
    await watch.next(foreverMs)
    watch.close()
  })

  test('a signal wakes the watches of its key and of no other', async () => {
    const hub = await buildSignalHub(null, ignore)
    const [a, b] = [hub.watch('a'), hub.watch('b')]
    let otherWoken = false
    void b.next(foreverMs).then(() => {
      otherWoken = true
    })
    const woken = Promise.all([a.next(foreverMs)])
    hub.publish('a')
    await woken
    expect(otherWoken).toBe(false)
    b.close()
    hub.stop()
  })

  test('stopping ends the waits that are and those that come', async () => {
    const hub = await buildSignalHub(null, ignore)
    const watch = hub.watch('a')
    const waiting = watch.next(foreverMs)
    hub.stop()
    await waiting
    expect(hub.isStopped).toBe(true)
    await hub.watch('b').next(foreverMs)
  })
})

const carriers: [name: string, make: () => SignalCarrier][] = [
  [
    'PostgreSQL',
    () =>
      buildNotifySignals(
        cloned,
        (payload) => database.query('notify', notifyStatement, [channelOf('public'), payload]),
        ignore,
      ),
  ],
]
const redisUrl = process.env.REDIS_URL
if (redisUrl)
  carriers.push([
    'Redis',
    () =>
      buildRedisSignals({ url: redisUrl, channel: 'test' }, { onFailure: ignore, onReady: ignore }),
  ])

describe.each(carriers)('over %s', (_, make) => {
  let here: SignalHub
  let there: SignalHub
  beforeAll(async () => {
    here = await buildSignalHub(make(), ignore)
    there = await buildSignalHub(make(), ignore)
  })
  afterAll(async () => {
    await here.close()
    await there.close()
  })

  test('a signal reaches the other process', async () => {
    const watch = there.watch('chl_1')
    here.publish('chl_1')
    await watch.next(foreverMs)
    watch.close()
  })

  test('more signals at once than one message can carry all arrive', async () => {
    const keys = Array.from({ length: 2_000 }, (__, n) => `chl_${String(n).padStart(26, '0')}`)
    const heard = new Set<string>()
    there.listen((key) => heard.add(key))
    for (const key of keys) here.publish(key)
    await until('all have arrived', () => keys.every((key) => heard.has(key)))
  })
})

test('a lost connection comes back, and everyone is asked to look again', async () => {
  const carrier = buildNotifySignals(cloned, async () => undefined, ignore)
  const hub = await buildSignalHub(carrier, ignore)
  const watch = hub.watch('a')
  await watch.next(1)
  await onServer(cloned.url, (client) =>
    client.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'countersign-signals' and datname = current_database()`),
  )
  await watch.next(foreverMs)
  watch.close()
  await hub.close()
})
