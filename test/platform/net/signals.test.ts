import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildRedisSignals } from '../../../src/platform/net/redis-signals.ts'
import {
  buildSignalHub,
  type SignalCarrier,
  type SignalHub,
} from '../../../src/platform/net/signal-hub.ts'
import { type Database, openDatabase } from '../../../src/platform/postgres/database.ts'
import {
  buildNotifySignals,
  channelOf,
  notifyStatement,
} from '../../../src/platform/postgres/notify-signals.ts'
import { onServer } from '../../support/cluster.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { until } from '../../support/until.ts'

let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase()
  database = openDatabase({ url: testDatabase.url })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

// Longer than any test may take: a wait without a signal fails by the test's own limit.
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

  test('stopping ends current and later waits', async () => {
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
        testDatabase,
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

describe.each(carriers)('over %s', (_, build) => {
  let here: SignalHub
  let there: SignalHub
  beforeAll(async () => {
    here = await buildSignalHub(build(), ignore)
    there = await buildSignalHub(build(), ignore)
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

  test('more concurrent signals than one message can carry all arrive', async () => {
    const keys = Array.from({ length: 2_000 }, (__, n) => `chl_${String(n).padStart(26, '0')}`)
    const receivedKeys = new Set<string>()
    there.listen((key) => receivedKeys.add(key))
    for (const key of keys) here.publish(key)
    await until('all have arrived', () => keys.every((key) => receivedKeys.has(key)))
  })
})

/** A process's view of the others, and what its hub tells it. */
function othersOf(isAlone: boolean) {
  const view = { isAlone, notices: 0 }
  return {
    view,
    isAlone: () => view.isAlone,
    noticeOthers() {
      view.isAlone = false
      view.notices++
    },
  }
}

describe.each(carriers)('a process that is alone, over %s', (_, build) => {
  /** The sends of the first process, and what a second one does after its start. */
  async function open() {
    const sends: (readonly string[])[] = []
    const carrier = build()
    const others = othersOf(true)
    const counting = {
      ...carrier,
      send: (keys: readonly string[]) => {
        sends.push(keys)
        return carrier.send(keys)
      },
    }
    const hub = await buildSignalHub(counting, ignore, others)
    return { hub, sends, others }
  }

  test('sends nothing, and wakes its own watches', async () => {
    const { hub, sends, others } = await open()
    const watch = hub.watch('a')
    hub.publish('a')
    await watch.next(foreverMs)
    watch.close()
    await hub.close()
    expect(sends).toEqual([])
    expect(others.view.notices).toBe(0)
  })

  test('learns of another by its start, and then signals to it', async () => {
    const { hub, sends, others } = await open()
    const secondHub = await buildSignalHub(build(), ignore, othersOf(false))
    await until('the other is noticed', () => others.view.notices > 0)
    const watch = secondHub.watch('b')
    hub.publish('b')
    await watch.next(foreverMs)
    watch.close()
    expect(sends.length).toBe(1)
    let times = 0
    hub.listen((key) => {
      if (key === 'c') times++
    })
    hub.publish('c')
    await until('what it sent has come back', () => times === 2)
    expect(others.view.notices).toBe(1)
    await Promise.all([hub.close(), secondHub.close()])
  })
})

test('a lost connection is restored, and every watch is woken to re-read', async () => {
  const carrier = buildNotifySignals(testDatabase, async () => undefined, ignore)
  const hub = await buildSignalHub(carrier, ignore)
  const watch = hub.watch('a')
  await watch.next(1)
  await onServer(testDatabase.url, (client) =>
    client.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'countersign-signals' and datname = current_database()`),
  )
  await watch.next(foreverMs)
  watch.close()
  await hub.close()
})
