import type { BenchPhone } from './bench-phone.ts'
import type { HttpConnection } from './http-connection.ts'
import { type Percentiles, percentilesOf, round } from './percentiles.ts'
import type { RelyingParty } from './relying-party.ts'
import { readTotals, type ServiceUse, useBetween } from './service-metrics.ts'
import { type legs, type SignInTimes, signIn } from './sign-in.ts'

/** A user who signs in again and again: the page and the phone. */
export type Worker = { readonly party: RelyingParty; readonly phone: BenchPhone }

/**
 * One level of the report. Null where the service reports no metrics, or where there was nothing to
 * measure.
 */
export type Run = {
  readonly concurrency: number
  readonly loopsPerSecond: number
  readonly serviceCpuMsPerLoop: number | null
  /** Of this process: the load, the phones' keys and the push simulator. */
  readonly loadCpuMsPerLoop: number
  readonly roundTripsPerLoop: number | null
  readonly errors: number
} & Readonly<Record<(typeof legs)[number], Percentiles | null>>

export type Level = {
  readonly workers: readonly Worker[]
  readonly seconds: number
  readonly metrics: HttpConnection
  readonly onError: (error: unknown) => void
  readonly stopping: AbortSignal
}

const warmUpSecondsMax = 3
/** A worker waits this long after a failure, or an outage would be measured as load. */
const pauseAfterErrorMs = 100

type Phase = 'warm-up' | 'measured' | 'over'

/** Runs all workers concurrently, and measures what ends within the time. */
export async function runLevel(level: Level): Promise<Run> {
  const { workers, seconds, metrics } = level
  const times: SignInTimes[] = []
  let errors = 0
  let phase: Phase = 'warm-up'

  const work = async ({ party, phone }: Worker): Promise<void> => {
    while (phase !== 'over') {
      try {
        const signInTimes = await signIn(party, phone)
        if (phase === 'measured') times.push(signInTimes)
      } catch (error) {
        if (phase === 'measured') errors++
        level.onError(error)
        // Requests in flight on them are lost.
        party.close()
        phone.close()
        await pause(pauseAfterErrorMs, level.stopping)
      }
    }
  }
  const working = Promise.all(workers.map(work))
  await pause(Math.min(warmUpSecondsMax, seconds) * 1000, level.stopping)
  const before = await readTotals(metrics)
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  phase = 'measured'
  await pause(seconds * 1000, level.stopping)
  const tookSeconds = (performance.now() - startedAt) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  phase = 'over'
  const after = await readTotals(metrics)
  await working
  const use = before && after && useBetween(before, after)
  return runOf(workers.length, times, { errors, tookSeconds, cpu, use })
}

type Measurement = {
  readonly errors: number
  readonly tookSeconds: number
  readonly cpu: NodeJS.CpuUsage
  readonly use: ServiceUse | null
}

function runOf(
  concurrency: number,
  times: readonly SignInTimes[],
  { errors, tookSeconds, cpu, use }: Measurement,
): Run {
  const perLoop = (amount: number) => round(amount / Math.max(1, times.length))
  const ofLeg = (leg: (typeof legs)[number]) =>
    percentilesOf(times.map((one) => one[leg]).filter((ms) => ms !== null))
  return {
    concurrency,
    loopsPerSecond: round(times.length / tookSeconds),
    loop: ofLeg('loop'),
    create: ofLeg('create'),
    push: ofLeg('push'),
    fetch: ofLeg('fetch'),
    answer: ofLeg('answer'),
    decision: ofLeg('decision'),
    serviceCpuMsPerLoop: use && perLoop(use.cpuMs),
    loadCpuMsPerLoop: perLoop((cpu.user + cpu.system) / 1000),
    roundTripsPerLoop: use && perLoop(use.roundTrips),
    errors,
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
