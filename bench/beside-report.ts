import type { Measurement } from './beside.ts'
import type { BesideOptions } from './options.ts'
import { round } from './percentiles.ts'
import {
  betweenMsPerLoop,
  databaseMsPerLoop,
  decisionP50Ms,
  decisionP99Ms,
  loopsPerSecond,
  type Ratio,
  type Ratios,
  ratiosOf,
  serviceMsPerLoop,
} from './ratio.ts'
import { machineLine, type Report } from './report.ts'

/** What a side did and cost over all turns. Null where there was nothing to measure. */
type Row = {
  readonly side: string
  readonly loops: number
  readonly loopsPerSecond: number | null
  readonly serviceMsPerLoop: number | null
  readonly databaseMsPerLoop: number | null
  readonly betweenMsPerLoop: number | null
  /** From sending the answer until the relying party has the outcome. */
  readonly decisionP50Ms: number | null
  readonly decisionP99Ms: number | null
  readonly errors: number
}

type Comparison = { readonly side: string; readonly to: string; readonly ratios: Ratios | null }

export type BesideReport = Pick<Report, 'machine'> & {
  readonly concurrency: number
  readonly mixed: boolean
  readonly sliceSeconds: number
  /** Complete turns: fewer than requested when it was stopped. */
  readonly turns: number
  readonly sides: readonly Row[]
  readonly ratios: readonly Comparison[]
}

/** The measurements, each side compared with all that follow it; `same` with this tree only. */
export function besideReportOf(
  machine: Report['machine'],
  { concurrency, mixed, sliceSeconds }: BesideOptions,
  measurements: readonly Measurement[],
): BesideReport {
  const ratios = measurements.flatMap((one, index) =>
    measurements
      .slice(index + 1)
      .filter(({ name }) => index === 0 || name !== 'same')
      .map((other) => ({
        side: one.name,
        to: other.name,
        ratios: ratiosOf(one.parts, other.parts),
      })),
  )
  const turns = measurements[0]?.parts.length ?? 0
  const sides = measurements.map(rowOf)
  return { machine, concurrency, mixed, sliceSeconds, turns, sides, ratios }
}

function rowOf({ name, parts }: Measurement): Row {
  const figure = (value: number) => (Number.isFinite(value) ? round(value) : null)
  return {
    side: name,
    loops: parts.reduce((sum, part) => sum + part.loops, 0),
    loopsPerSecond: figure(loopsPerSecond(parts)),
    serviceMsPerLoop: figure(serviceMsPerLoop(parts)),
    databaseMsPerLoop: figure(databaseMsPerLoop(parts)),
    betweenMsPerLoop: figure(betweenMsPerLoop(parts)),
    decisionP50Ms: figure(decisionP50Ms(parts)),
    decisionP99Ms: figure(decisionP99Ms(parts)),
    errors: parts.reduce((sum, part) => sum + part.errors, 0),
  }
}

/** The report for people. */
export function besideTextOf(report: BesideReport): string {
  const { machine, concurrency, mixed, sliceSeconds, turns, sides, ratios } = report
  return [
    machineLine(machine),
    `${concurrency} sign-ins at a time, ${turns} turns of ${sliceSeconds} s each.`,
    ...(mixed ? [mixedLine] : []),
    'Service, PostgreSQL and between: processor time in ms per loop. Decision: ms, p50/p99.',
    '',
    lineOf(['side', 'loops/s', 'service', 'PostgreSQL', 'between', 'decision', 'errors']),
    ...sides.map((row) =>
      lineOf([
        row.side,
        row.loopsPerSecond?.toFixed(1) ?? '-',
        row.serviceMsPerLoop?.toFixed(2) ?? '-',
        row.databaseMsPerLoop?.toFixed(2) ?? '-',
        row.betweenMsPerLoop?.toFixed(2) ?? '-',
        [row.decisionP50Ms, row.decisionP99Ms].map((ms) => ms?.toFixed(1) ?? '-').join('/'),
        String(row.errors),
      ]),
    ),
    '',
    'Ratios over all turns ± two standard errors (median, lowest to highest of single turns).',
    ...ratios.flatMap(comparisonLines),
    ...(sides.some(({ side }) => side === 'same')
      ? ['Between service and same, one tree twice, what differs from 1 is noise.']
      : []),
  ].join('\n')
}

/** A line of a table. */
export function lineOf([name = '', ...cells]: readonly string[]): string {
  return [name.padEnd(8), ...cells.map((cell) => cell.padStart(12))].join('')
}

const mixedLine =
  'As people use it: 4 tenants, 2 phones a user, webhooks, Idempotency-Keys, 5 % wrong numbers.'

function comparisonLines({ side, to, ratios }: Comparison): string[] {
  if (!ratios) return [`${side} to ${to}: a turn saw no loop end, so there is no ratio`]
  const { processorTime, loops, decisionP50, decisionP99 } = ratios
  const indent = ' '.repeat(side.length + to.length + 6)
  return [
    `${side} to ${to}: processor time ${ratioText(processorTime)}, loops/s ${ratioText(loops)}`,
    `${indent}decision p50 ${ratioText(decisionP50)}, p99 ${ratioText(decisionP99)}`,
  ]
}

/** A ratio with its spread. */
export function ratioText({ overall, margin, median, min, max }: Ratio): string {
  const text = (value: number) => value.toFixed(2)
  const strays = margin === null ? '' : ` ± ${text(margin)}`
  return `${text(overall)}${strays} (${text(median)}, ${text(min)} to ${text(max)})`
}
