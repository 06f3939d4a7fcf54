import { enrolPhone } from './bench-phone.ts'
import { HttpConnection } from './http-connection.ts'
import { type Run, runLevel, type Worker } from './level.ts'
import { type BenchOptions, readOptions, usage } from './options.ts'
import { RelyingParty } from './relying-party.ts'
import { describeMachine, type Report, tableOf } from './report.ts'
import { countRoundTrips } from './round-trips.ts'
import { openTarget, providerOf, type Target } from './target.ts'

const errorsShown = 5

async function enrolWorkers(target: Target, options: BenchOptions): Promise<Worker[]> {
  const count = Math.max(...options.concurrency)
  const workers: Worker[] = []
  for (let index = 0; index < count; index++) {
    const party = new RelyingParty(target.origin, target.key)
    const user = `bench-${Date.now().toString(36)}-${index}`
    const provider = providerOf(options, index)
    workers.push({ party, phone: await enrolPhone(party, user, provider, target.pushes) })
  }
  return workers
}

async function measure(
  target: Target,
  options: BenchOptions,
  stopping: AbortSignal,
): Promise<Report> {
  const machine = describeMachine()
  const metrics = new HttpConnection(target.origin)
  const workers = await enrolWorkers(target, options)
  let shown = 0
  const onError = (error: unknown) => {
    if (shown++ < errorsShown) console.error(error instanceof Error ? error.message : error)
  }
  try {
    const [first] = workers
    const roundTrips = first ? await countRoundTrips(first, metrics) : null
    const runs: Run[] = []
    for (const concurrency of options.concurrency) {
      if (stopping.aborted) break
      const level = { metrics, onError, stopping, seconds: options.seconds }
      runs.push(await runLevel({ ...level, workers: workers.slice(0, concurrency) }))
    }
    return { machine, roundTrips, runs }
  } finally {
    for (const { party, phone } of workers) {
      party.close()
      phone.close()
    }
    metrics.close()
  }
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
  await using target = await openTarget(options)
  const report = await measure(target, options, stopping.signal)
  console.log(options.json ? JSON.stringify(report) : tableOf(report))
  const isWhole = !stopping.signal.aborted && report.runs.every((run) => run.errors === 0)
  if (!isWhole) process.exitCode = 1
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
