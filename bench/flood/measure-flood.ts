import { setTimeout as delay } from 'node:timers/promises'
import { createAccount } from '../../demo/provisioning.ts'
import type { PushService } from '../../simulator/push-service.ts'
import { enrollPhone } from '../bench-phone.ts'
import type { FloodOptions } from '../options.ts'
import { findService, type ServiceProcesses } from '../process-time.ts'
import { RelyingParty } from '../relying-party.ts'
import { runSlice, type SideWorker, type Slice } from '../side.ts'
import { type SignInTimes, signIn } from '../sign-in.ts'
import { openStack } from '../target.ts'
import { type FloodSource, isOfStrangers } from './flood-call.ts'
import { openFloodProcess } from './flood-process.ts'
import type { Flooding, FloodPlan, FloodResult } from './flooding.ts'

/** A slice of sign-ins, and how long each took. */
export type TimedSlice = Slice & { readonly times: readonly SignInTimes[] }

/** The same number of slices of either kind; those of one turn have the same place. */
export type FloodMeasurement = {
  readonly quiet: readonly TimedSlice[]
  readonly flooded: readonly (TimedSlice & { readonly flood: FloodResult })[]
}

/** The service that is measured, and both tenants. */
export type FloodTarget = {
  readonly processes: ServiceProcesses
  readonly pushes: PushService | null
  /** The tenant that signs in. */
  readonly own: Pick<FloodSource, 'origin' | 'key'>
  /** The one that floods, or that strangers name. */
  readonly other: Omit<FloodSource, 'userIds' | 'challengeIds'>
  startFlooding(plan: FloodPlan): Flooding
}

/** Turns before those that count: code and caches are cold. */
const warmUpTurns = 1
/** Until a flood has reached its rate, and until what it has left behind is done. */
const settleMs = 300

/** Starts a service with two tenants and the process that floods, measures, and ends all. */
export async function measureFlood(
  options: FloodOptions,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<FloodMeasurement> {
  await using stack = await openStack()
  const processes = findService([])
  const { account, pushes, service } = stack
  const other = await createAccount(service, 'Flood')
  await using flood = openFloodProcess()
  const target = {
    processes,
    pushes,
    own: { origin: account.origin, key: account.apiKey },
    other: { origin: account.origin, tenantId: other.tenantId, key: other.apiKey },
    startFlooding: flood.start,
  }
  return await measureFloodOf(target, options, onError, stopping)
}

/** Lets one tenant sign in, by turns quiet and under a flood, which is another tenant's. */
export async function measureFloodOf(
  target: FloodTarget,
  options: FloodOptions,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<FloodMeasurement> {
  await using running = new AsyncDisposableStack()
  const times: SignInTimes[] = []
  const workers: SideWorker[] = []
  running.defer(() => {
    for (const worker of workers) worker.close()
  })
  while (workers.length < options.concurrency && !stopping.aborted) {
    workers.push(await enrollWorker(target, workers.length, times))
  }
  const plan = { ...options, source: await sourceOf(target, options, stopping) }
  const slice = async (): Promise<TimedSlice> => {
    times.length = 0
    const { sliceSeconds: seconds } = options
    const result = await runSlice({ side: target, workers, seconds, onError, stopping })
    return { ...result, times: [...times] }
  }
  const floodedSlice = async () => {
    const flooding = target.startFlooding(plan)
    await delay(settleMs)
    const timedSlice = await slice()
    const flood = await flooding.stop()
    await delay(settleMs)
    return { ...timedSlice, flood }
  }
  const quiet: TimedSlice[] = []
  const floodedSlices: (TimedSlice & { readonly flood: FloodResult })[] = []
  for (let turn = 0; turn < warmUpTurns + options.slices && !stopping.aborted; turn++) {
    const isQuietFirst = turn % 2 === 0
    const early = isQuietFirst ? await slice() : null
    const loud = await floodedSlice()
    const calm = early ?? (await slice())
    if (turn < warmUpTurns || stopping.aborted) continue
    quiet.push(calm)
    floodedSlices.push(loud)
  }
  return { quiet, flooded: floodedSlices }
}

/** A user of the tenant that signs in; the times go into `times`. */
async function enrollWorker(
  { own, pushes }: FloodTarget,
  n: number,
  times: SignInTimes[],
): Promise<SideWorker> {
  const party = new RelyingParty(own.origin, own.key)
  const phone = await enrollPhone(party, `bench-${n}`, 'apns', pushes)
  return {
    signIn: async () => {
      const signInTimes = await signIn(party, phone)
      times.push(signInTimes)
      return signInTimes
    },
    close: () => {
      party.close()
      phone.close()
    },
  }
}

/** With a user for each connection, whose phone nobody wakes. */
async function sourceOf(
  { other }: FloodTarget,
  { flood, connections }: FloodOptions,
  stopping: AbortSignal,
): Promise<FloodSource> {
  const userIds: string[] = []
  const challengeIds: string[] = []
  const party = new RelyingParty(other.origin, other.key)
  const users = isOfStrangers(flood) ? 0 : connections
  while (userIds.length < users && !stopping.aborted) {
    const phone = await enrollPhone(party, `flood-${userIds.length}`, 'apns', null)
    phone.close()
    userIds.push(phone.userId)
    if (flood === 'polls') challengeIds.push((await party.create(phone.userId)).id)
  }
  party.close()
  return { ...other, userIds, challengeIds }
}
