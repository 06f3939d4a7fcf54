// Short real floods: that they reach what they mean to, and the report. No times are guaranteed.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Flood, floods } from '../../bench/flood/flood-call.ts'
import { openFloodProcess } from '../../bench/flood/flood-process.ts'
import { floodReportOf, floodTextOf } from '../../bench/flood/flood-report.ts'
import { startFlooding } from '../../bench/flood/flooding.ts'
import { type FloodMeasurement, measureFloodOf } from '../../bench/flood/measure-flood.ts'
import { canTellProcessTimes } from '../../bench/process-time.ts'
import { describeMachine } from '../../bench/report.ts'
import { createOtherTenant } from '../support/other-tenant.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'

const short = { concurrency: 1, slices: 1, sliceSeconds: 0.1, connections: 2, rate: 100 }

let service: RunningService
let other: Awaited<ReturnType<typeof createOtherTenant>>
beforeAll(async () => {
  service = await startTestService()
  other = await createOtherTenant(service)
})
afterAll(() => service[Symbol.asyncDispose]())

const outcomes: Readonly<Record<Flood, readonly string[]>> = {
  claims: ['404'],
  portal: ['404'],
  passcodes: ['422', '429'],
  polls: ['200', 'dropped'],
}

test.runIf(canTellProcessTimes()).each(floods)(
  'one tenant signs in by turns quiet and under a flood of %s, which the service answers',
  async (flood) => {
    const { origin } = service
    const target = {
      processes: { service: process.pid, database: process.pid },
      pushes: null,
      own: { origin, key: service.key },
      other: { origin, ...other },
      startFlooding,
    }
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    const options = { ...short, flood }
    const { signal } = new AbortController()
    const measurement = await measureFloodOf(target, options, onError, signal)
    expect(errors).toEqual([])
    const report = floodReportOf(describeMachine(), options, measurement)
    expect(report).toMatchObject({ flood, turns: 1, errors: { quiet: 0, flooded: 0 } })
    expect(Math.min(report.loops.quiet, report.loops.flooded)).toBeGreaterThan(0)
    expect(Object.keys(report.counts)).not.toEqual([])
    expect(outcomes[flood]).toEqual(expect.arrayContaining(Object.keys(report.counts)))
  },
)

test('a flood in a process of its own keeps to its rate, and counts what it gets', async () => {
  let requests = 0
  const server = createServer((_request, response) => {
    const status = requests++ % 2 === 0 ? 404 : 429
    response.writeHead(status, { 'content-length': 0 }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  await using floodProcess = openFloodProcess()
  const flooding = floodProcess.start({
    flood: 'claims',
    source: { origin: `http://127.0.0.1:${port}`, ...other, userIds: [], challengeIds: [] },
    connections: 8,
    rate: 50,
  })
  await until('it floods', () => requests >= 6)
  const { counts, ms, cpuMs } = await flooding.stop()
  expect(Object.keys(counts).toSorted()).toEqual(['404', '429'])
  const sum = Object.values(counts).reduce((total, count) => total + count, 0)
  expect(sum).toBeGreaterThanOrEqual(5)
  expect(requests).toBeLessThanOrEqual((ms / 1000 + 0.1) * 50 + 1)
  expect(cpuMs).toBeGreaterThan(0)
})

const leg = (ms: number) => ({ loop: ms, create: 1, push: null, fetch: 1, answer: 1, decision: ms })
const slice = (ms: readonly number[], serviceMs: number) => ({
  ...{ loops: ms.length, errors: 0, ms: 1000, serviceMs, databaseMs: 0, decisions: ms },
  times: ms.map(leg),
})
const measurementOf = (floodedMs: readonly number[]): FloodMeasurement => ({
  quiet: [slice([10, 10], 20)],
  flooded: [
    { ...slice(floodedMs, 120), flood: { ms: 2000, cpuMs: 50, counts: { '404': 150, '429': 50 } } },
  ],
})
const reportOf = (floodedMs: readonly number[]) =>
  floodReportOf(describeMachine(), { ...short, flood: 'claims' }, measurementOf(floodedMs))

test('the report charges the flood with what the sign-ins of the quiet do not explain', () => {
  const report = reportOf([20, 20])
  // 120 ms, less two sign-ins at 10, for the 100 requests of that second.
  expect(report.costPerRequest).toEqual({ service: 1, database: 0 })
  expect(report).toMatchObject({ requestsPerSecond: 100, floodMsPerRequest: 0.25 })
  expect(report.times?.loop.p50).toEqual({ quiet: 10, flooded: 20, ratio: 2 })
  expect(floodTextOf(report)).toMatch(/^loop p50 +10\.0 +20\.0 +2\.00 +2$/m)
})

test.each([
  [[20, 20], true],
  [[21, 21], false],
  [[20, 20, 20, 31], false],
])('sign-ins of %j ms beside 10 in quiet are within the goal: %s', (floodedMs, isGoalMet) => {
  expect(reportOf(floodedMs).isGoalMet).toBe(isGoalMet)
})
