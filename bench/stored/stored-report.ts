import { ratioText } from '../beside-report.ts'
import type { StoredOptions } from '../options.ts'
import { round } from '../percentiles.ts'
import {
  databaseMsPerLoop,
  loopsPerSecond,
  type Ratio,
  ratiosOf,
  serviceMsPerLoop,
} from '../ratio.ts'
import { machineLine, type Report } from '../report.ts'
import type { Backlog } from './backlog.ts'
import type { Blocks } from './blocks.ts'
import { type DiskUse, diskUseOf } from './disk-use.ts'
import type { Meanwhile } from './meanwhile.ts'
import type { StoredMeasurement } from './measure-stored.ts'
import type { Retention } from './retention.ts'

/** How often a sign-in runs a statement, and the blocks that it reads for one item of a batch. */
type BlocksRow = {
  readonly name: string
  readonly calls: number
  readonly few: number
  readonly many: number
}

type Side = {
  readonly loopsPerSecond: number
  readonly serviceMs: number
  readonly databaseMs: number
  readonly errors: number
}

export type StoredReport = Pick<Report, 'machine'> &
  Pick<StoredOptions, 'signIns' | 'users' | 'concurrency' | 'sliceSeconds'> & {
    readonly turns: number
    readonly fillSeconds: number
    readonly few: { readonly signIns: number; readonly users: number }
    readonly full: Side
    readonly empty: Side
    /** Processor time of a loop, of the full one to the empty one; null when a turn saw no loop. */
    readonly ratio: Ratio | null
    readonly blocks: {
      readonly single: readonly BlocksRow[]
      readonly together: readonly BlocksRow[]
    }
    readonly backlog: Backlog & { readonly entriesPerSecond: number }
    readonly retention: Retention
    readonly disk: DiskUse
    readonly goals: {
      readonly cost: boolean
      readonly blocks: boolean
      readonly backlog: boolean
      readonly retention: boolean
    }
  }

/** How much more a loop may cost on a full database. */
const costGoal = 1.2
/** A level more of each index; anything that grows with the rows is beyond it at once. */
const blocksGoal = 1.5
/** How much longer a sign-in may take while the worker is busy. */
const feltGoal = { p50: 2, p95: 3 } as const
/** Statements that run for hardly any sign-in are not listed. */
const callsMin = 0.05

export function storedReportOf(
  machine: Report['machine'],
  { signIns, users, concurrency, sliceSeconds }: StoredOptions,
  measurement: StoredMeasurement,
): StoredReport {
  const { full, empty, few, many, backlog, retention, sizes } = measurement
  const ratio = ratiosOf(full, empty)?.processorTime ?? null
  const blocks = {
    single: blocksOf(few.single, many.single),
    together: blocksOf(few.together, many.together),
  }
  const isConstant = ({ few: before, many: after }: BlocksRow) => after <= before * blocksGoal
  const entriesPerSecond = Math.round(backlog.entries / backlog.seconds)
  return {
    ...{ machine, signIns, users, concurrency, sliceSeconds },
    turns: full.length,
    fillSeconds: round(measurement.fillSeconds),
    few: { signIns: few.signIns, users: few.users },
    ...{ full: sideOf(full), empty: sideOf(empty), ratio, blocks, retention },
    backlog: { ...backlog, entriesPerSecond },
    disk: diskUseOf(sizes, measurement),
    goals: {
      cost: ratio !== null && ratio.overall <= costGoal,
      blocks: [...blocks.single, ...blocks.together].every(isConstant),
      backlog: isUnfelt(backlog),
      retention: isUnfelt(retention),
    },
  }
}

function sideOf(parts: StoredMeasurement['full']): Side {
  return {
    loopsPerSecond: round(loopsPerSecond(parts)),
    serviceMs: round(serviceMsPerLoop(parts)),
    databaseMs: round(databaseMsPerLoop(parts)),
    errors: parts.reduce((sum, part) => sum + part.errors, 0),
  }
}

/** Those that ran at both times, the one that reads most first. */
function blocksOf(few: Blocks, many: Blocks): readonly BlocksRow[] {
  return [...many]
    .flatMap(([name, { calls, blocks }]) => {
      const before = few.get(name)
      if (!before || Math.min(calls, before.calls) < callsMin) return []
      return [{ name, calls: round(calls), few: round(before.blocks), many: round(blocks) }]
    })
    .toSorted((a, b) => b.many - a.many)
}

function isUnfelt({ quiet, busy, errors }: Meanwhile): boolean {
  if (errors > 0 || !quiet || !busy) return false
  return busy.p50 <= feltGoal.p50 * quiet.p50 && busy.p95 <= feltGoal.p95 * quiet.p95
}

/** The report for people. */
export function storedTextOf(report: StoredReport): string {
  const { machine, signIns, users, concurrency, turns, sliceSeconds, goals } = report
  const { full, empty, ratio } = report
  const number = (value: number) => value.toLocaleString('en')
  return [
    machineLine(machine),
    `${number(signIns)} stored sign-ins of ${number(users)} users, filled in ${report.fillSeconds.toFixed(0)} s; ` +
      `${concurrency} sign-ins at a time, ${turns} turns of ${sliceSeconds} s each.`,
    '',
    lineOf(['processor time, ms per loop', 'loops/s', 'service', 'PostgreSQL', 'errors']),
    sideLine('full', full),
    sideLine('empty', empty),
    ratio
      ? `full to empty: ${ratioText(ratio)}; ${verdict(goals.cost)} ${costGoal}`
      : 'a turn saw no loop end, so there is no ratio',
    '',
    `Blocks of an item: ${number(report.few.signIns)} sign-ins, never analysed, and all, analysed.`,
    ...blocksLines('one at a time', report.blocks.single),
    ...blocksLines(`${concurrency} at a time`, report.blocks.together),
    `${verdict(goals.blocks)} ${blocksGoal} times, which is a level more of each index`,
    '',
    ...workLines(report, number),
    '',
    ...diskLines(report.disk, number),
  ].join('\n')
}

const verdict = (isMet: boolean) => (isMet ? 'within the goal of' : 'NOT within the goal of')

function lineOf([name = '', ...cells]: readonly string[]): string {
  return [name.padEnd(28), ...cells.map((cell) => cell.padStart(12))].join('')
}

function sideLine(name: string, side: Side): string {
  const cells = [side.loopsPerSecond.toFixed(1), side.serviceMs.toFixed(2)]
  return lineOf([name, ...cells, side.databaseMs.toFixed(2), String(side.errors)])
}

function blocksLines(title: string, rows: readonly BlocksRow[]): string[] {
  return [
    lineOf([title, 'calls a loop', 'few', 'all', 'ratio']),
    ...rows.map(({ name, calls, few, many }) => {
      const cells = [calls.toFixed(2), few.toFixed(1), many.toFixed(1)]
      return lineOf([name, ...cells, few > 0 ? (many / few).toFixed(2) : '-'])
    }),
  ]
}

function workLines(
  { backlog, retention, goals }: StoredReport,
  number: (value: number) => string,
): string[] {
  return [
    lineOf(['sign-ins meanwhile, ms', 'quiet p50', 'p95', 'busy p50', 'p95', 'errors']),
    meanwhileLine('audit chain', backlog),
    meanwhileLine('retention', retention),
    `The audit chain linked ${number(backlog.entries)} entries in ${backlog.seconds.toFixed(1)} s, ` +
      `${number(backlog.entriesPerSecond)} a second; its longest statement took ` +
      `${backlog.longestStatementMs.toFixed(0)} ms; ${verdict(goals.backlog)} ` +
      `${feltGoal.p50} and ${feltGoal.p95} times.`,
    ...retention.statements.map(
      ({ name, calls, rows, longestMs }) =>
        `${name}: ${number(rows)} rows in ${number(calls)} runs, the longest ${longestMs.toFixed(0)} ms`,
    ),
    `Retention took ${retention.seconds.toFixed(1)} s; ${verdict(goals.retention)} ` +
      `${feltGoal.p50} and ${feltGoal.p95} times.`,
  ]
}

function meanwhileLine(name: string, { quiet, busy, errors }: Meanwhile): string {
  const cells = [quiet?.p50, quiet?.p95, busy?.p50, busy?.p95]
  return lineOf([name, ...cells.map((ms) => ms?.toFixed(1) ?? '-'), String(errors)])
}

function diskLines(disk: DiskUse, number: (value: number) => string): string[] {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
  return [
    lineOf(['on disk', 'rows', 'MB', 'of indexes', 'bytes a row']),
    ...disk.tables.map(({ table, rows, bytes, indexBytes }) =>
      lineOf([
        table,
        number(rows),
        megabytes(bytes),
        megabytes(indexBytes),
        (bytes / rows).toFixed(0),
      ]),
    ),
    `A sign-in takes ${(disk.bytesPerSignIn / 1000).toFixed(2)} kB, a user with a phone ` +
      `${(disk.bytesPerUser / 1000).toFixed(2)} kB.`,
    `100,000 sign-ins a day: ${megabytes(100_000 * disk.bytesPerSignIn)} MB more each day; ` +
      `${(disk.steadyBytes / 1e9).toFixed(0)} GB once retention deletes as much as arrives, and ` +
      `${(disk.foreverBytesPerYear / 1e9).toFixed(0)} GB more each year for the audit chain.`,
  ]
}
