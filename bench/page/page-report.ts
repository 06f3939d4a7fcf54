import { lineOf, ratioText } from '../beside-report.ts'
import type { PageOptions } from '../options.ts'
import { round } from '../percentiles.ts'
import { databaseMsPerLoop, type Ratios, ratiosOf, serviceMsPerLoop } from '../ratio.ts'
import { machineLine, type Report } from '../report.ts'
import type { Slice } from '../side.ts'
import type { PageMeasurement } from './measure-page.ts'

/** What one address cost. */
type Row = {
  readonly target: string
  readonly loads: number
  /** Of the service alone; null where nothing was loaded. */
  readonly serviceMs: number | null
  readonly databaseMs: number | null
  readonly errors: number
}

export type PageReport = Pick<Report, 'machine'> &
  Pick<PageOptions, 'concurrency' | 'sliceSeconds'> & {
    readonly turns: number
    readonly rows: readonly Row[]
    readonly ratios: Ratios | null
  }

const withoutBetween = (slices: readonly Slice[]) =>
  slices.map((slice) => ({ ...slice, betweenMs: 0 }))

export function pageReportOf(
  machine: Report['machine'],
  { concurrency, sliceSeconds }: PageOptions,
  measurement: PageMeasurement,
): PageReport {
  const [pages, lives] = [withoutBetween(measurement.pages), withoutBetween(measurement.lives)]
  const row = (target: string, parts: typeof pages): Row => {
    const figure = (value: number) => (Number.isFinite(value) ? value : null)
    return {
      target,
      loads: parts.reduce((sum, { loops }) => sum + loops, 0),
      serviceMs: figure(serviceMsPerLoop(parts)),
      databaseMs: figure(databaseMsPerLoop(parts)),
      errors: parts.reduce((sum, { errors }) => sum + errors, 0),
    }
  }
  return {
    ...{ machine, concurrency, sliceSeconds },
    turns: pages.length,
    rows: [row('page', pages), row('live', lives)],
    ratios: ratiosOf(pages, lives),
  }
}

/** The report for people. */
export function pageTextOf(report: PageReport): string {
  const { machine, concurrency, turns, sliceSeconds, rows, ratios } = report
  const [page, live] = rows
  const ms = (value: number | null) => (value === null ? '-' : value.toFixed(3))
  const ofService = round((page?.serviceMs ?? Number.NaN) / (live?.serviceMs ?? Number.NaN))
  return [
    machineLine(machine),
    `${concurrency} at a time, ${turns} turns of ${sliceSeconds} s each.`,
    'Service and PostgreSQL: processor time in ms a load.',
    '',
    lineOf(['', 'loads', 'service', 'PostgreSQL', 'errors']),
    ...rows.map(({ target, loads, serviceMs, databaseMs, errors }) =>
      lineOf([target, String(loads), ms(serviceMs), ms(databaseMs), String(errors)]),
    ),
    '',
    `The page costs the service ${ofService} times as much as /health/live.`,
    ...(ratios ? [`With PostgreSQL: ${ratioText(ratios.processorTime)}`] : []),
  ].join('\n')
}
