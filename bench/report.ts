import { availableParallelism, cpus, loadavg } from 'node:os'
import type { Run } from './level.ts'
import type { Percentiles } from './percentiles.ts'
import type { RoundTrips } from './round-trips.ts'
import { legs } from './sign-in.ts'
import type { StartCost } from './start-cost.ts'

export type Report = {
  /** What else matters when two reports are compared. */
  readonly machine: {
    readonly node: string
    readonly cpu: string
    readonly cores: number
    /**
     * Processes that wanted a core in the minute before; above `cores` the machine had other load.
     */
    readonly loadBefore: number
  }
  /** Null for a service that runs elsewhere. */
  readonly start: StartCost | null
  readonly roundTrips: RoundTrips | null
  readonly runs: readonly Run[]
}

/** To be called before the load begins. */
export function describeMachine(): Report['machine'] {
  return {
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  }
}

/** The machine for people. */
export function machineLine({ node, cores, cpu, loadBefore }: Report['machine']): string {
  return `Node ${node} on ${cores} cores (${cpu}), load before ${loadBefore}`
}

const titles = ['at a time', 'loops/s', ...legs, 'service ms', 'load ms', 'trips', 'errors']

/** The report for people. */
export function tableOf({ machine, start, roundTrips, runs }: Report): string {
  const rows = [titles, ...runs.map(rowOf)]
  const widths = titles.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '),
  )
  return [
    machineLine(machine),
    ...(start ? [startLine(start)] : []),
    'Times in ms: p50/p95/p99. Service and load: processor time per loop. Trips: database round trips per loop.',
    '',
    ...lines,
    '',
    ...(roundTrips ? tripLines(roundTrips) : ['The service does not show its metrics.']),
  ].join('\n')
}

function startLine({ cpuSeconds, readySeconds, megabytes }: StartCost): string {
  const [cpu, ready] = [cpuSeconds.toFixed(2), readySeconds.toFixed(2)]
  return (
    `A start: ${cpu} s of processor time and ${megabytes} MB until ready, ` +
    `${ready} s after kill -9 (medians).`
  )
}

function rowOf(run: Run): string[] {
  const cell = (value: number | null) => (value === null ? '-' : String(value))
  return [
    String(run.concurrency),
    run.loopsPerSecond.toFixed(1),
    ...legs.map((leg) => percentilesCell(run[leg])),
    cell(run.serviceCpuMsPerLoop),
    cell(run.loadCpuMsPerLoop),
    cell(run.roundTripsPerLoop),
    String(run.errors),
  ]
}

function percentilesCell(values: Percentiles | null): string {
  return values
    ? [values.p50, values.p95, values.p99].map((ms) => ms.toFixed(ms < 10 ? 1 : 0)).join('/')
    : '-'
}

function tripLines(roundTrips: RoundTrips): string[] {
  return Object.entries(roundTrips).map(([call, { waitedFor, after }]) => {
    const later = after.length > 0 ? `; behind the answer: ${after.join(', ')}` : ''
    return `${call}: ${waitedFor.length} round trips (${waitedFor.join(', ')})${later}`
  })
}
