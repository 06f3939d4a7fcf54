import type { FloodOptions } from '../options.ts'
import { percentilesOf, round } from '../percentiles.ts'
import { machineLine, type Report } from '../report.ts'
import type { FloodMeasurement, TimedSlice } from './measure-flood.ts'

const measuredLegs = ['loop', 'decision'] as const
const measuredRanks = ['p50', 'p95'] as const

/** Milliseconds, and the second as a multiple of the first. */
type Comparison = { readonly quiet: number; readonly flooded: number; readonly ratio: number }

type LegReport = Readonly<Record<(typeof measuredRanks)[number], Comparison>>

/** Processor time in milliseconds. */
type Cost = { readonly service: number; readonly database: number }

export type FloodReport = Pick<Report, 'machine'> &
  Pick<FloodOptions, 'flood' | 'connections' | 'rate' | 'concurrency' | 'sliceSeconds'> & {
    /** Complete turns: fewer than requested when it was stopped. */
    readonly turns: number
    readonly loops: { readonly quiet: number; readonly flooded: number }
    readonly errors: { readonly quiet: number; readonly flooded: number }
    /** Null where no sign-in succeeded. */
    readonly times: Readonly<Record<(typeof measuredLegs)[number], LegReport>> | null
    /** Whether all ratios are within `floodGoal` and no sign-in failed. */
    readonly isGoalMet: boolean
    /** What the flood got, by status, `dropped` (by the flood itself) and `failed`. */
    readonly counts: Readonly<Record<string, number>>
    readonly requestsPerSecond: number
    /** Of a request of the flood: all beyond what the same sign-ins cost in quiet. */
    readonly costPerRequest: Cost
    /** Of a sign-in in quiet. */
    readonly costPerLoop: Cost
    /** Of the flood itself, a request; in no other figure. */
    readonly floodMsPerRequest: number
  }

/** How much longer a sign-in may take while somebody else floods. */
const floodGoal = { p50: 2, p95: 3 } as const

/** The slices of each kind taken together. */
export function floodReportOf(
  machine: Report['machine'],
  options: FloodOptions,
  { quiet, flooded }: FloodMeasurement,
): FloodReport {
  const { flood, connections, rate, concurrency, sliceSeconds } = options
  const times = timesOf(quiet, flooded)
  const errors = { quiet: sumOf(quiet, 'errors'), flooded: sumOf(flooded, 'errors') }
  const loops = { quiet: sumOf(quiet, 'loops'), flooded: sumOf(flooded, 'loops') }
  const results = flooded.map((slice) => slice.flood)
  const counts = countsOf(results)
  const requests = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const floodMs = results.reduce((sum, { ms }) => sum + ms, 0)
  const costPerLoop = costOf(quiet, loops.quiet)
  const requestsMeanwhile = (requests / floodMs) * sumOf(flooded, 'ms')
  const costPerRequest = {
    service: perRequest(flooded, 'serviceMs', costPerLoop.service, requestsMeanwhile),
    database: perRequest(flooded, 'databaseMs', costPerLoop.database, requestsMeanwhile),
  }
  return {
    ...{ machine, flood, connections, rate, concurrency, sliceSeconds },
    turns: flooded.length,
    ...{ loops, errors, times, counts, costPerLoop, costPerRequest },
    isGoalMet: times !== null && errors.quiet + errors.flooded === 0 && isWithinGoal(times),
    requestsPerSecond: round((requests / floodMs) * 1000),
    floodMsPerRequest: round(results.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / requests),
  }
}

type Slices = readonly TimedSlice[]

function timesOf(quiet: Slices, loud: Slices): FloodReport['times'] {
  const legOf = (leg: (typeof measuredLegs)[number]): LegReport | null => {
    const samples = (slices: Slices) => slices.flatMap(({ times }) => times.map((one) => one[leg]))
    const [before, after] = [percentilesOf(samples(quiet)), percentilesOf(samples(loud))]
    if (!before || !after) return null
    const compare = (rank: (typeof measuredRanks)[number]) => ({
      quiet: before[rank],
      flooded: after[rank],
      ratio: round(after[rank] / before[rank]),
    })
    return { p50: compare('p50'), p95: compare('p95') }
  }
  const [loop, decision] = [legOf('loop'), legOf('decision')]
  return loop && decision && { loop, decision }
}

function isWithinGoal(times: NonNullable<FloodReport['times']>): boolean {
  return measuredLegs.every((leg) =>
    measuredRanks.every((rank) => times[leg][rank].ratio <= floodGoal[rank]),
  )
}

function countsOf(results: readonly { readonly counts: FloodReport['counts'] }[]) {
  const sums: Record<string, number> = {}
  for (const { counts } of results) {
    for (const [outcome, count] of Object.entries(counts)) {
      sums[outcome] = (sums[outcome] ?? 0) + count
    }
  }
  return sums
}

function costOf(slices: Slices, loops: number): Cost {
  return {
    service: round(sumOf(slices, 'serviceMs') / loops),
    database: round(sumOf(slices, 'databaseMs') / loops),
  }
}

function perRequest(
  slices: Slices,
  key: 'serviceMs' | 'databaseMs',
  ofLoop: number,
  requests: number,
): number {
  return round((sumOf(slices, key) - ofLoop * sumOf(slices, 'loops')) / requests)
}

function sumOf(slices: Slices, key: 'loops' | 'errors' | 'ms' | 'serviceMs' | 'databaseMs') {
  return slices.reduce((sum, slice) => sum + slice[key], 0)
}

/** The report for people. */
export function floodTextOf(report: FloodReport): string {
  const { machine, flood, connections, rate, concurrency, sliceSeconds, turns, times } = report
  const { costPerLoop, costPerRequest, loops, errors, counts } = report
  const outcomes = Object.entries(counts).map(([outcome, count]) => `${outcome}: ${count}`)
  return [
    machineLine(machine),
    `${concurrency} sign-ins at a time, ${turns} turns of ${sliceSeconds} s quiet and ${sliceSeconds} s flooded.`,
    `The flood: ${flood}, ${connections} connections, at most ${rate} requests/s; ` +
      `${report.requestsPerSecond.toFixed(0)} requests/s were answered (${outcomes.join(', ')}).`,
    '',
    ['ms'.padEnd(14), ...['quiet', 'flooded', 'ratio', 'goal'].map(cell)].join(''),
    ...(times
      ? measuredLegs.flatMap((leg) => legLines(leg, times[leg]))
      : ['no sign-in succeeded']),
    '',
    `Sign-ins: ${loops.quiet} quiet and ${loops.flooded} flooded; failed: ${errors.quiet} and ${errors.flooded}.`,
    'Processor time in ms, service + PostgreSQL: ' +
      `${costText(costPerLoop)} a sign-in, ${costText(costPerRequest)} a request of the flood ` +
      `(which itself took ${report.floodMsPerRequest.toFixed(2)}).`,
    report.isGoalMet ? 'Within the goal.' : 'Not within the goal.',
  ].join('\n')
}

const cell = (text: string) => text.padStart(10)

function legLines(leg: string, times: LegReport): string[] {
  return measuredRanks.map((rank) => {
    const { quiet, flooded, ratio } = times[rank]
    const cells = [quiet.toFixed(1), flooded.toFixed(1), ratio.toFixed(2), `${floodGoal[rank]}`]
    return [`${leg} ${rank}`.padEnd(14), ...cells.map(cell)].join('')
  })
}

function costText({ service, database }: Cost): string {
  return `${service.toFixed(2)} + ${database.toFixed(2)}`
}
