import { lineOf, ratioText } from '../beside-report.ts'
import type { ProcessesOptions } from '../options.ts'
import { type Percentiles, percentilesOf, round } from '../percentiles.ts'
import {
  databaseMsPerLoop,
  loopsPerSecond,
  type Ratios,
  ratiosOf,
  serviceMsPerLoop,
} from '../ratio.ts'
import { machineLine, type Report } from '../report.ts'
import type { SignInTimes } from '../sign-in.ts'
import type { CountMeasurement, ProcessesMeasurement } from './measure-processes.ts'

/** What so many processes did over all turns, and compared with the first number of them. */
type Row = {
  readonly processes: number
  readonly loops: number
  readonly loopsPerSecond: number | null
  readonly serviceMsPerLoop: number | null
  readonly databaseMsPerLoop: number | null
  readonly errors: number
  readonly ratios: Ratios | null
}

export type ProcessesReport = Pick<Report, 'machine'> &
  Pick<ProcessesOptions, 'concurrency' | 'sliceSeconds'> & {
    readonly turns: number
    readonly signals: 'NOTIFY' | 'Redis'
    readonly rows: readonly Row[]
    /** From sending an answer until the poll returns; null with one process. */
    readonly learning: { readonly inOne: Percentiles; readonly inTwo: Percentiles } | null
  }

/** How long a poll may take, as a median, to learn an answer that was given to another process. */
const learningGoalMs = 20

export function processesReportOf(
  machine: Report['machine'],
  { concurrency, sliceSeconds, redisUrl }: ProcessesOptions,
  { counts, inOne, inTwo }: ProcessesMeasurement,
): ProcessesReport {
  const [first] = counts
  const decisions = (times: readonly SignInTimes[]) =>
    percentilesOf(times.map(({ decision }) => decision))
  const [near, far] = [decisions(inOne), decisions(inTwo)]
  return {
    ...{ machine, concurrency, sliceSeconds },
    turns: first?.parts.length ?? 0,
    signals: redisUrl === null ? 'NOTIFY' : 'Redis',
    rows: counts.map((one) => rowOf(one, first)),
    learning: near && far && { inOne: near, inTwo: far },
  }
}

function rowOf(one: CountMeasurement, first: CountMeasurement | undefined): Row {
  const { count, parts } = one
  const figure = (value: number) => (Number.isFinite(value) ? round(value) : null)
  return {
    processes: count,
    loops: parts.reduce((sum, part) => sum + part.loops, 0),
    loopsPerSecond: figure(loopsPerSecond(parts)),
    serviceMsPerLoop: figure(serviceMsPerLoop(parts)),
    databaseMsPerLoop: figure(databaseMsPerLoop(parts)),
    errors: parts.reduce((sum, part) => sum + part.errors, 0),
    ratios: first === undefined || first === one ? null : ratiosOf(parts, first.parts),
  }
}

/** The report for people. */
export function processesTextOf(report: ProcessesReport): string {
  const { machine, concurrency, turns, sliceSeconds, signals, rows, learning } = report
  return [
    machineLine(machine),
    `${concurrency} sign-ins at a time, ${turns} turns of ${sliceSeconds} s each; signals by ${signals}.`,
    'Service (all processes) and PostgreSQL: processor time in ms per loop.',
    '',
    lineOf(['number', 'loops/s', 'service', 'PostgreSQL', 'errors']),
    ...rows.map((row) =>
      lineOf([
        String(row.processes),
        row.loopsPerSecond?.toFixed(1) ?? '-',
        row.serviceMsPerLoop?.toFixed(2) ?? '-',
        row.databaseMsPerLoop?.toFixed(2) ?? '-',
        String(row.errors),
      ]),
    ),
    '',
    'Ratios over all turns ± two standard errors (median, lowest to highest of single turns).',
    ...rows.flatMap(({ processes, ratios }) =>
      ratios
        ? [
            `${processes} to ${rows[0]?.processes}: processor time ` +
              `${ratioText(ratios.processorTime)}, loops/s ${ratioText(ratios.loops)}`,
          ]
        : [],
    ),
    ...(learning ? learningLines(learning) : []),
  ].join('\n')
}

function learningLines({ inOne, inTwo }: NonNullable<ProcessesReport['learning']>): string[] {
  const text = ({ p50, p95 }: Percentiles) => `${p50.toFixed(1)} ms (p95 ${p95.toFixed(1)})`
  const isWithin = inTwo.p50 <= learningGoalMs ? 'within' : 'not within'
  return [
    '',
    'From sending an answer until the poll returns, one sign-in at a time, medians:',
    `${text(inOne)} in one process, ${text(inTwo)} in two; ` +
      `${isWithin} the goal of ${learningGoalMs} ms.`,
  ]
}
