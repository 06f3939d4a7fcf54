import { type ServiceProcesses, timesOf } from './process-time.ts'
import type { SignInTimes } from './sign-in.ts'

/** A user who signs in again and again. */
export type SideWorker = {
  /** Rejects when any step fails; the sign-in in flight is lost then. */
  signIn(): Promise<Pick<SignInTimes, 'decision'>>
  /** Closes its connections; the next sign-in opens new ones. */
  close(): void
}

/** One of the compared services, running on this machine. */
export type Side = AsyncDisposable & {
  readonly name: string
  readonly processes: ServiceProcesses
  /** Creates a user with a phone that receives pushes. */
  enroll(): Promise<SideWorker>
  /** What must be true after all turns. Rejects when it is not. */
  check?(): Promise<void>
}

/** The results of a side in its part of a turn. */
export type Slice = {
  readonly loops: number
  readonly errors: number
  readonly ms: number
  /** Processor time meanwhile. */
  readonly serviceMs: number
  readonly databaseMs: number
  /** Of each loop: from sending the answer until the relying party has the outcome. */
  readonly decisions: readonly number[]
}

type Slicing = {
  readonly side: Pick<Side, 'processes'>
  readonly workers: readonly SideWorker[]
  readonly seconds: number
  readonly onError: (error: unknown) => void
  readonly stopping: AbortSignal
}

/** A failed sign-in takes at least this long, or an outage would be measured as load. */
const pauseAfterErrorMs = 100

/**
 * Signs in with all workers concurrently until the time is over, and finishes the sign-ins in
 * flight then.
 */
export async function runSlice(slicing: Slicing): Promise<Slice> {
  const { side, workers, seconds, onError, stopping } = slicing
  const before = timesOf(side.processes)
  const startedAt = performance.now()
  const until = startedAt + seconds * 1000
  const decisions: number[] = []
  let errors = 0
  const work = async (worker: SideWorker): Promise<void> => {
    while (performance.now() < until && !stopping.aborted) {
      try {
        const { decision } = await worker.signIn()
        decisions.push(decision)
      } catch (error) {
        errors++
        onError(error)
        worker.close()
        await new Promise((resolve) => setTimeout(resolve, pauseAfterErrorMs))
      }
    }
  }
  await Promise.all(workers.map(work))
  const ms = performance.now() - startedAt
  const after = timesOf(side.processes)
  const serviceMs = after.service - before.service
  const databaseMs = after.database - before.database
  return { loops: decisions.length, errors, ms, serviceMs, databaseMs, decisions }
}
