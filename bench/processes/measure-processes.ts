import path from 'node:path'
import { type Countersign, startCountersign } from '../../demo/countersign-process.ts'
import { anyPort } from '../../demo/free-port.ts'
import { type BenchPhone, enrollPhone } from '../bench-phone.ts'
import type { ProcessesOptions } from '../options.ts'
import { findService, type ServiceProcesses } from '../process-time.ts'
import type { TurnPart } from '../ratio.ts'
import { RelyingParty } from '../relying-party.ts'
import { runSlice, type SideWorker } from '../side.ts'
import { type SignInTimes, signIn } from '../sign-in.ts'
import { openStack } from '../target.ts'

/** What so many processes did, turn by turn. */
export type CountMeasurement = { readonly count: number; readonly parts: readonly TurnPart[] }

export type ProcessesMeasurement = {
  readonly counts: readonly CountMeasurement[]
  /** Of lone sign-ins, with the poll and the answer in one process, and in two. */
  readonly inOne: readonly SignInTimes[]
  readonly inTwo: readonly SignInTimes[]
}

/** Processes of one service on one database, the one that started the database first. */
export type RunningProcesses = {
  readonly origins: readonly string[]
  readonly key: string
  /** Those of the first n. */
  processesOf(count: number): ServiceProcesses
}

type PersonWorker = Omit<SideWorker, 'signIn'> & { readonly signIn: () => Promise<SignInTimes> }

/** A user, whose page and phone connect to any of the processes. */
type Person = { readonly phone: BenchPhone }

/** Turns before those that count: the code of each process is cold, and it has its share only. */
const warmUpTurns = 3

/** Starts as many processes as are asked for at most, measures, and ends them. */
export async function measureProcesses(
  options: ProcessesOptions,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<ProcessesMeasurement> {
  const { redisUrl } = options
  await using running = new AsyncDisposableStack()
  const stack = running.use(await openStack(redisUrl === null ? {} : { REDIS_URL: redisUrl }))
  const first = findService([])
  const { account, environment, dataFolder, pushes } = stack
  const further: Pick<Countersign, 'origin' | 'pid'>[] = []
  while (further.length + 1 < Math.max(...options.counts) && !stopping.aborted) {
    const port = await anyPort()
    const origin = `http://localhost:${port}`
    const own = { PORT: String(port), PUBLIC_ORIGIN: account.origin, STOP_DELAY_SECONDS: '0' }
    const log = path.join(dataFolder, `further-${port}.log`)
    const service = await startCountersign({ ...environment, ...own }, origin, log)
    running.defer(service.stop)
    further.push(service)
  }
  const target: RunningProcesses = {
    origins: [account.origin, ...further.map(({ origin }) => origin)],
    key: account.apiKey,
    processesOf: (count) => ({
      ...first,
      further: further.slice(0, count - 1).flatMap(({ pid }) => pid ?? []),
    }),
  }
  const people: Person[] = []
  const party = new RelyingParty(account.origin, account.apiKey)
  while (people.length < options.concurrency && !stopping.aborted) {
    const phone = await enrollPhone(party, `bench-${people.length}`, 'apns', pushes)
    phone.close()
    people.push({ phone })
  }
  party.close()
  return await measureProcessesOf(target, people, options, onError, stopping)
}

/** Lets the people sign in by turns at each number of processes, and then one of them alone. */
export async function measureProcessesOf(
  target: RunningProcesses,
  people: readonly Person[],
  { counts, slices, sliceSeconds: seconds, loneSignIns }: ProcessesOptions,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<ProcessesMeasurement> {
  using running = new DisposableStack()
  const sides = counts.map((count) => ({
    count,
    side: { processes: target.processesOf(count) },
    parts: [] as TurnPart[],
    workers: people.map((person, n) => {
      const worker = workerOf(target, person, n % count, (n + 1) % count)
      running.defer(worker.close)
      return worker
    }),
  }))
  for (let turn = 0; turn < warmUpTurns + slices && !stopping.aborted; turn++) {
    for (const { side, workers, parts } of turn % 2 === 0 ? sides : sides.toReversed()) {
      const slice = await runSlice({ side, workers, seconds, onError, stopping })
      if (turn >= warmUpTurns && !stopping.aborted) parts.push({ ...slice, betweenMs: 0 })
    }
  }
  const [person] = people
  const lone = { inOne: [] as SignInTimes[], inTwo: [] as SignInTimes[] }
  const canTell = person !== undefined && target.origins.length > 1 && !stopping.aborted
  if (canTell) await signInAlone(target, person, loneSignIns, lone)
  return { counts: sides.map(({ count, parts }) => ({ count, parts })), ...lone }
}

/** One after the other: nobody waits for anything but the signal. */
async function signInAlone(
  target: RunningProcesses,
  person: Person,
  count: number,
  { inOne, inTwo }: { readonly inOne: SignInTimes[]; readonly inTwo: SignInTimes[] },
): Promise<void> {
  using running = new DisposableStack()
  const [near, far] = [workerOf(target, person, 0, 0), workerOf(target, person, 0, 1)]
  running.defer(near.close)
  running.defer(far.close)
  while (inTwo.length < count) {
    inOne.push(await near.signIn())
    inTwo.push(await far.signIn())
  }
}

/** A sign-in whose page asks one process, and whose phone asks another. */
function workerOf(
  { origins, key }: RunningProcesses,
  person: Person,
  pageAt: number,
  phoneAt: number,
): PersonWorker {
  const party = new RelyingParty(origins[pageAt] ?? '', key)
  const phone = person.phone.through(origins[phoneAt] ?? '')
  return {
    signIn: () => signIn(party, phone),
    close: () => {
      party.close()
      phone.close()
    },
  }
}
