// Callers that disconnect while their requests wait for the database.

import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import { createWaitDoor, type TestDoor } from '../support/doors.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'

let service: RunningService
let door: TestDoor
let log = ''
// Two statements of a lane run, and two more may wait for locks.
const occupants = ['u1', 'u2', 'u3', 'u4']
beforeAll(async () => {
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      log += chunk
      callback()
    },
  })
  service = await startTestService({}, pino({ level: 'info' }, sink))
  door = await createWaitDoor(service)
  for (const user of [...occupants, 'left', 'right']) {
    await enrollPhone(service, { user, withPush: false })
  }
})
afterAll(() => service[Symbol.asyncDispose]())

async function laneMetric(name: string): Promise<number> {
  const text = await (await fetch(`${service.origin}/metrics`)).text()
  const line = new RegExp(`^countersign_lane_${name}{lane="create"} (\\d+)`, 'm')
  return Number(line.exec(text)?.[1] ?? 0)
}

const question = (user: string) => ({ user, number: { mode: 'service' } })
const ask = (user: string) => service.api('POST', '/v1/challenges', question(user))

test.each([
  [
    'relying party',
    'left',
    (signal: AbortSignal) =>
      fetch(`${service.origin}/v1/challenges`, {
        method: 'POST',
        headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/json' },
        body: JSON.stringify(question('left')),
        signal,
      }),
  ],
  [
    'client of a door',
    'right',
    (signal: AbortSignal) => door.ask({ username: 'right', number: '123456' }, { signal }),
  ],
] as const)(
  'a %s that disconnects while its question waits asks nobody, and leaves no place taken',
  async (_who, user, call) => {
    const dropsBefore = await laneMetric('dropped_total')
    log = ''
    await onServer(service.database.url, async (holder) => {
      await holder.query('begin; lock table initiators in exclusive mode')
      const busy: ReturnType<typeof ask>[] = []
      for (const occupant of occupants) {
        // One at a time: together they would be one batch, which does not wait for a lock.
        busy.push(ask(occupant))
        await until('it waits for its lock', async () => {
          // A transaction sees the connections of its first look.
          await holder.query('select pg_stat_clear_snapshot()')
          const { rows } = await holder.query(
            "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
          )
          return rows.length === busy.length
        })
      }
      const leaving = new AbortController()
      const end = call(leaving.signal).catch(() => 'closed')
      await until('it waits', async () => (await laneMetric('waiting')) === 1)
      leaving.abort()
      expect(await end).toBe('closed')
      await until('the service notices', () => log.includes('"status":499'))
      await holder.query('rollback')
      // On a machine that is busy they may have waited for too long.
      for (const { status } of await Promise.all(busy)) expect([201, 503]).toContain(status)
    })
    await until('it is dropped', async () => (await laneMetric('dropped_total')) > dropsBefore)
    const { json } = await service.api('GET', `/v1/challenges?user=${user}`)
    expect(json.items).toEqual([])
    expect(log).not.toContain('the caller is gone')
    expect((await ask(user)).status).toBe(201)
  },
)
