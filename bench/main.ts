import { enrollPhone } from './bench-phone.ts'
import { measureBeside } from './beside.ts'
import { besideReportOf, besideTextOf } from './beside-report.ts'
import { floodReportOf, floodTextOf } from './flood/flood-report.ts'
import { measureFlood } from './flood/measure-flood.ts'
import { HttpConnection } from './http-connection.ts'
import { type Run, runLevel, type Worker } from './level.ts'
import {
  type BenchOptions,
  type BesideOptions,
  type FloodOptions,
  type PageOptions,
  type ProcessesOptions,
  readOptions,
  type StoredOptions,
  usage,
} from './options.ts'
import { measurePage } from './page/measure-page.ts'
import { pageReportOf, pageTextOf } from './page/page-report.ts'
import { measureProcesses } from './processes/measure-processes.ts'
import { processesReportOf, processesTextOf } from './processes/processes-report.ts'
import { RelyingParty } from './relying-party.ts'
import { describeMachine, type Report, tableOf } from './report.ts'
import { countRoundTrips } from './round-trips.ts'
import { measureStart } from './start-cost.ts'
import { measureStored } from './stored/measure-stored.ts'
import { storedReportOf, storedTextOf } from './stored/stored-report.ts'
import { openStored } from './stored/stored-service.ts'
import { openTarget, providerOf, type Target } from './target.ts'

const errorsShown = 5

async function enrollWorkers(target: Target, options: BenchOptions): Promise<Worker[]> {
  const count = Math.max(...options.concurrency)
  const workers: Worker[] = []
  for (let index = 0; index < count; index++) {
    const party = new RelyingParty(target.origin, target.key)
    const user = `bench-${Date.now().toString(36)}-${index}`
    const provider = providerOf(options, index)
    workers.push({ party, phone: await enrollPhone(party, user, provider, target.pushes) })
  }
  return workers
}

async function measure(
  target: Target,
  options: BenchOptions,
  stopping: AbortSignal,
): Promise<Report> {
  const machine = describeMachine()
  const start = target.startedFrom && (await measureStart(target.startedFrom, options.starts))
  const metrics = new HttpConnection(target.origin)
  const workers = await enrollWorkers(target, options)
  const onError = firstErrors()
  try {
    const [first] = workers
    const roundTrips = first ? await countRoundTrips(first, metrics) : null
    const runs: Run[] = []
    for (const concurrency of options.concurrency) {
      if (stopping.aborted) break
      const level = { metrics, onError, stopping, seconds: options.seconds }
      runs.push(await runLevel({ ...level, workers: workers.slice(0, concurrency) }))
    }
    return { machine, start, roundTrips, runs }
  } finally {
    for (const { party, phone } of workers) {
      party.close()
      phone.close()
    }
    metrics.close()
  }
}

/** Prints the first few errors; the report counts all of them. */
function firstErrors(): (error: unknown) => void {
  let count = 0
  return (error) => {
    if (count++ < errorsShown) console.error(error instanceof Error ? error.message : error)
  }
}

/** Prints the measurement; true when it is complete and without errors. */
async function runLevels(options: BenchOptions, stopping: AbortSignal): Promise<boolean> {
  await using target = await openTarget(options)
  const report = await measure(target, options, stopping)
  console.log(options.json ? JSON.stringify(report) : tableOf(report))
  return report.runs.every((run) => run.errors === 0)
}

/** The same of a comparison. */
async function runBeside(
  options: BesideOptions,
  json: boolean,
  stopping: AbortSignal,
): Promise<boolean> {
  const machine = describeMachine()
  const measurement = await measureBeside(options, firstErrors(), stopping)
  const report = besideReportOf(machine, options, measurement)
  if (report.turns === 0) throw new Error('stopped before a turn was whole')
  console.log(json ? JSON.stringify(report) : besideTextOf(report))
  return report.sides.every((side) => side.loops > 0 && side.errors === 0)
}

/** The same of a flood: sign-ins must succeed; how long they take depends on the machine. */
async function runFlood(
  options: FloodOptions,
  json: boolean,
  stopping: AbortSignal,
): Promise<boolean> {
  const machine = describeMachine()
  const measurement = await measureFlood(options, firstErrors(), stopping)
  const report = floodReportOf(machine, options, measurement)
  if (report.turns === 0) throw new Error('stopped before a turn was whole')
  console.log(json ? JSON.stringify(report) : floodTextOf(report))
  return report.times !== null && report.errors.quiet + report.errors.flooded === 0
}

/** The same of the page of a prompt. */
async function runPage(
  options: PageOptions,
  json: boolean,
  stopping: AbortSignal,
): Promise<boolean> {
  const machine = describeMachine()
  const measurement = await measurePage(options, firstErrors(), stopping)
  const report = pageReportOf(machine, options, measurement)
  if (report.turns === 0) throw new Error('stopped before a turn was whole')
  console.log(json ? JSON.stringify(report) : pageTextOf(report))
  return report.rows.every((row) => row.loads > 0 && row.errors === 0)
}

/** The same of many processes. */
async function runProcesses(
  options: ProcessesOptions,
  json: boolean,
  stopping: AbortSignal,
): Promise<boolean> {
  const machine = describeMachine()
  const measurement = await measureProcesses(options, firstErrors(), stopping)
  const report = processesReportOf(machine, options, measurement)
  if (report.turns === 0) throw new Error('stopped before a turn was whole')
  console.log(json ? JSON.stringify(report) : processesTextOf(report))
  return report.rows.every((row) => row.loops > 0 && row.errors === 0)
}

/** The same of a full database. */
async function runStored(
  options: StoredOptions,
  json: boolean,
  stopping: AbortSignal,
): Promise<boolean> {
  const machine = describeMachine()
  const tell = (what: string) => console.error(`${new Date().toISOString()} ${what}`)
  const measuring = { onError: firstErrors(), stopping, tell }
  const measurement = await measureStored(options, openStored, measuring)
  const report = storedReportOf(machine, options, measurement)
  if (report.turns === 0) throw new Error('stopped before a turn was whole')
  console.log(json ? JSON.stringify(report) : storedTextOf(report))
  return report.full.errors + report.empty.errors === 0
}

/** What the command line asks for. */
function run(options: BenchOptions, stopping: AbortSignal): Promise<boolean> {
  const { beside, flood, page, processes, stored, json } = options
  if (beside) return runBeside(beside, json, stopping)
  if (page) return runPage(page, json, stopping)
  if (stored) return runStored(stored, json, stopping)
  if (processes) return runProcesses(processes, json, stopping)
  return flood ? runFlood(flood, json, stopping) : runLevels(options, stopping)
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options.help) {
    console.log(usage)
    return
  }
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stopping.abort())
  }
  const { signal } = stopping
  const isWell = await run(options, signal)
  if (!isWell || signal.aborted) process.exitCode = 1
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
