// A short real run on two processes: that both are used, and the report. No times are guaranteed.

import { pino } from 'pino'
import { expect, test } from 'vitest'
import { enrollPhone } from '../../bench/bench-phone.ts'
import { canTellProcessTimes } from '../../bench/process-time.ts'
import {
  measureProcessesOf,
  type ProcessesMeasurement,
} from '../../bench/processes/measure-processes.ts'
import { processesReportOf, processesTextOf } from '../../bench/processes/processes-report.ts'
import { RelyingParty } from '../../bench/relying-party.ts'
import { describeMachine } from '../../bench/report.ts'
import { startService } from '../../src/service/compose.ts'
import { freePort } from '../support/ports.ts'
import { startTestService } from '../support/running-service.ts'

const options = {
  ...{ counts: [1, 2], concurrency: 2, slices: 1, sliceSeconds: 0.1 },
  ...{ redisUrl: null, loneSignIns: 3 },
}

test.runIf(canTellProcessTimes())(
  'people sign in by turns at one and at two processes, and the page of one learns the answer to the other',
  async () => {
    await using first = await startTestService()
    const port = await freePort()
    const second = await startService(
      { ...first.config, port },
      first.origin,
      pino({ level: 'silent' }),
    )
    try {
      const party = new RelyingParty(first.origin, first.key)
      const people = [
        { phone: await enrollPhone(party, 'ada', 'apns', null) },
        { phone: await enrollPhone(party, 'eve', 'apns', null) },
      ]
      party.close()
      for (const { phone } of people) phone.close()
      const target = {
        origins: [first.origin, `http://127.0.0.1:${port}`],
        key: first.key,
        processesOf: () => ({ service: process.pid, database: process.pid }),
      }
      const errors: unknown[] = []
      const onError = (error: unknown) => errors.push(error)
      const { signal } = new AbortController()
      const measurement = await measureProcessesOf(target, people, options, onError, signal)
      expect(errors).toEqual([])
      const report = processesReportOf(describeMachine(), options, measurement)
      expect(report).toMatchObject({
        ...{ turns: 1, signals: 'NOTIFY', concurrency: 2 },
        rows: [
          { processes: 1, errors: 0, ratios: null },
          { processes: 2, errors: 0, ratios: expect.any(Object) },
        ],
        learning: { inOne: expect.any(Object), inTwo: expect.any(Object) },
      })
      for (const { loops } of report.rows) expect(loops).toBeGreaterThan(0)
      expect(measurement.inTwo).toHaveLength(3)
    } finally {
      await second.stop()
    }
  },
)

const part = (loops: number, serviceMs: number) => ({
  ...{ loops, serviceMs, errors: 0, ms: 1000, databaseMs: 0, betweenMs: 0, decisions: [1] },
})
const decision = (ms: number) => ({
  ...{ loop: ms, create: 1, push: null, fetch: 1, answer: 1, decision: ms },
})

test.each([
  [20, 'within the goal'],
  [21, 'not within the goal'],
])('each number is compared with the first, and a median of %i ms is %s', (ms, verdict) => {
  const measurement: ProcessesMeasurement = {
    counts: [
      { count: 1, parts: [part(100, 200)] },
      { count: 2, parts: [part(150, 600)] },
    ],
    inOne: [decision(3)],
    inTwo: [decision(ms)],
  }
  const text = processesTextOf(processesReportOf(describeMachine(), options, measurement))
  expect(text).toMatch(/^2 to 1: processor time 2\.00 \(.*\), loops\/s 1\.50 \(/m)
  expect(text).toContain(`; ${verdict} of 20 ms.`)
})
