import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type Flood, type FloodCall, type FloodSource, floodCall } from './flood-call.ts'

export type FloodPlan = {
  readonly flood: Flood
  readonly source: FloodSource
  readonly connections: number
  /** Requests a second at most, of all connections together. */
  readonly rate: number
}

/** What the flood got. */
export type FloodResult = {
  readonly ms: number
  /** Of the flood itself. */
  readonly cpuMs: number
  /** By status, `dropped` (by the flood) and `failed` (no response). */
  readonly counts: Readonly<Record<string, number>>
}

/** A flood that goes on until it is stopped. */
export type Flooding = { stop(): Promise<FloodResult> }

/** A flood that could not send for so long does not make up for more. */
const burstMs = 50
const pauseAfterFailureMs = 100

/** Sends on all connections, one request at a time each, and no more than `rate` together. */
export function startFlooding({ flood, source, connections, rate }: FloodPlan): Flooding {
  const calls = Array.from({ length: connections }, (_, n) => floodCall(flood, source, n))
  const counts: Record<string, number> = {}
  const [startedAt, cpuBefore] = [performance.now(), process.cpuUsage()]
  const turn = pacer(rate)
  const stopping = new AbortController()
  setMaxListeners(connections, stopping.signal)
  const work = async (call: FloodCall): Promise<void> => {
    while (await turn(stopping.signal)) {
      const outcome = await call.send().catch(() => 'failed')
      if (stopping.signal.aborted) return
      counts[outcome] = (counts[outcome] ?? 0) + 1
      if (outcome === 'failed') await pause(pauseAfterFailureMs, stopping.signal)
    }
  }
  const working = Promise.all(calls.map(work))
  return {
    async stop() {
      stopping.abort()
      for (const call of calls) call.close()
      await working
      const cpu = process.cpuUsage(cpuBefore)
      const cpuMs = (cpu.user + cpu.system) / 1000
      return { ms: performance.now() - startedAt, cpuMs, counts }
    },
  }
}

/** Resolves at the next free turn with true, or with false once it is stopped. */
function pacer(rate: number): (stopping: AbortSignal) => Promise<boolean> {
  const intervalMs = 1000 / rate
  let next = performance.now()
  return async (stopping) => {
    next = Math.max(next + intervalMs, performance.now() - burstMs)
    await pause(next - performance.now(), stopping)
    return !stopping.aborted
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms >= 1 && !signal.aborted) await delay(ms, undefined, { signal }).catch(() => undefined)
}
