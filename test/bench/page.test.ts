// A short real run: that the page is the one with the number, and the report. No times are
// guaranteed.

import { expect, test } from 'vitest'
import { measurePageOf } from '../../bench/page/measure-page.ts'
import { pageReportOf, pageTextOf } from '../../bench/page/page-report.ts'
import { canTellProcessTimes } from '../../bench/process-time.ts'
import { describeMachine } from '../../bench/report.ts'
import { startTestService } from '../support/running-service.ts'

const options = { concurrency: 2, slices: 1, sliceSeconds: 0.1 }

test.runIf(canTellProcessTimes())('pages and answers of health are loaded by turns', async () => {
  await using service = await startTestService()
  const { items } = (await service.api('GET', '/v1/relying-parties')).json
  const target = {
    processes: { service: process.pid, database: process.pid },
    origin: service.origin,
    tenantId: service.tenantId,
    relyingPartyId: items[0].id,
    key: service.key,
  }
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)
  const { signal } = new AbortController()
  const measurement = await measurePageOf(target, options, onError, signal)
  expect(errors).toEqual([])
  const { rows, turns } = pageReportOf(describeMachine(), options, measurement)
  expect(turns).toBe(1)
  for (const row of rows) {
    expect(row.loads).toBeGreaterThan(0)
    expect(row.errors).toBe(0)
  }
})

test('the page is compared with the answer of health, alone and with the database', () => {
  const slice = (loops: number, serviceMs: number, databaseMs: number) => ({
    ...{ loops, serviceMs, databaseMs, errors: 0, ms: 1000, decisions: [1] },
  })
  const measurement = { pages: [slice(100, 60, 30)], lives: [slice(1000, 100, 0)] }
  const text = pageTextOf(pageReportOf(describeMachine(), options, measurement))
  expect(text).toMatch(/^page +100 +0\.600 +0\.300 +0$/m)
  expect(text).toMatch(/^live +1000 +0\.100 +0\.000 +0$/m)
  expect(text).toContain('The page costs the service 6 times as much as /health/live.')
  expect(text).toContain('With PostgreSQL: 9.00')
})

test('nothing that was loaded is no figure', () => {
  const text = pageTextOf(pageReportOf(describeMachine(), options, { pages: [], lives: [] }))
  expect(text).toMatch(/^page +0 +- +- +0$/m)
})
