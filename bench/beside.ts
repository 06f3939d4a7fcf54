import path from 'node:path'
import { anyPort } from '../demo/free-port.ts'
import { openBare } from './bare/start.ts'
import { loadCheckout, openCheckout } from './checkout.ts'
import { loadMixedCheckout, openMixedCheckout } from './mixed/open-mixed.ts'
import type { BesideOptions } from './options.ts'
import { canTellProcessTimes, timesOf } from './process-time.ts'
import type { TurnPart } from './ratio.ts'
import { runSlice, type Side, type SideWorker, type Slice } from './side.ts'

/** A side with its results, turn by turn. */
export type Measurement = { readonly name: string; readonly parts: readonly TurnPart[] }

type Entrant = { readonly side: Side; readonly workers: SideWorker[] }

/** Turns before those that count: code and caches are cold. */
const warmUpTurns = 2

const ownRoot = path.resolve(import.meta.dirname, '..')

/** A side that does not run yet. */
export type Entry = {
  readonly name: string
  open(otherProcesses: readonly Side['processes'][]): Promise<Side>
}

/** Measures this tree and what it is compared with. */
export async function measureBeside(
  options: BesideOptions,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<readonly Measurement[]> {
  if (!canTellProcessTimes()) {
    throw new Error('--beside and --aa read processor times from /proc, which only Linux has')
  }
  return measureSides(await sidesOf(options), options, onError, stopping)
}

/**
 * Keeps all sides running, and lets them sign in by turns: other load of the machine affects all of
 * them alike, and an idle side costs the others next to nothing. Leaves nothing behind. When it is
 * stopped, the turns that were complete until then count.
 */
export async function measureSides(
  entries: readonly Entry[],
  options: Pick<BesideOptions, 'concurrency' | 'slices' | 'sliceSeconds'>,
  onError: (error: unknown) => void,
  stopping: AbortSignal,
): Promise<readonly Measurement[]> {
  await using running = new AsyncDisposableStack()
  const entrants: Entrant[] = []
  for (const entry of entries) {
    if (stopping.aborted) return []
    const side = running.use(await entry.open(entrants.map((one) => one.side.processes)))
    const workers: SideWorker[] = []
    running.defer(() => {
      for (const worker of workers) worker.close()
    })
    entrants.push({ side, workers })
    for (let user = 0; user < options.concurrency && !stopping.aborted; user++) {
      workers.push(await side.enroll())
    }
  }
  const { sliceSeconds: seconds } = options
  const run = (entrant: Entrant) => runSlice({ ...entrant, seconds, onError, stopping })
  await takeTurns(entrants, warmUpTurns, run, stopping)
  const turns = await takeTurns(entrants, options.slices, run, stopping)
  if (!stopping.aborted) for (const { side } of entrants) await side.check?.()
  return entrants.map((entrant) => ({
    name: entrant.side.name,
    parts: turns.flatMap((turn) => turn.get(entrant) ?? []),
  }))
}

/** All sides, this tree's first. Throws for an unusable checkout before anything runs. */
export async function sidesOf({
  against,
  aa,
  mixed,
}: Pick<BesideOptions, 'against' | 'aa' | 'mixed'>): Promise<readonly Entry[]> {
  const entryIn = mixed ? mixedEntryOf : entryOf
  const other = typeof against === 'object' ? against : null
  return [
    await entryIn('service', ownRoot),
    ...(other ? [await entryIn('other', other.checkout)] : []),
    ...(against ? [{ name: 'bare', open: openBareFor(mixed) }] : []),
    ...(aa ? [await entryIn('same', ownRoot)] : []),
  ]
}

function openBareFor(isMixed: boolean): Entry['open'] {
  return (otherProcesses) => openBare(otherProcesses, isMixed)
}

async function mixedEntryOf(name: string, root: string): Promise<Entry> {
  const code = await loadMixedCheckout(root)
  return {
    name,
    open: async (otherProcesses) => openMixedCheckout(name, code, await anyPort(), otherProcesses),
  }
}

async function entryOf(name: string, root: string): Promise<Entry> {
  const code = await loadCheckout(root)
  return {
    name,
    open: async (otherProcesses) => openCheckout(name, code, await anyPort(), otherProcesses),
  }
}

type WholeTurn = ReadonlyMap<Entrant, TurnPart>

/**
 * The complete turns. Every other one runs in reverse order, so that no side always follows the
 * same one.
 */
async function takeTurns(
  entrants: readonly Entrant[],
  count: number,
  run: (entrant: Entrant) => Promise<Slice>,
  stopping: AbortSignal,
): Promise<readonly WholeTurn[]> {
  const turns: WholeTurn[] = []
  while (turns.length < count) {
    const turn = await takeTurn(turns.length % 2 === 0 ? entrants : entrants.toReversed(), run)
    if (stopping.aborted) break
    turns.push(turn)
  }
  return turns
}

async function takeTurn(
  entrants: readonly Entrant[],
  run: (entrant: Entrant) => Promise<Slice>,
): Promise<WholeTurn> {
  const usedBefore = new Map(entrants.map((entrant) => [entrant, usedBy(entrant)]))
  const slices = new Map<Entrant, Slice>()
  for (const entrant of entrants) slices.set(entrant, await run(entrant))
  const parts = [...slices].map(([entrant, slice]) => {
    const usage = usedBy(entrant) - (usedBefore.get(entrant) ?? 0)
    return [entrant, { ...slice, betweenMs: usage - slice.serviceMs - slice.databaseMs }] as const
  })
  return new Map(parts)
}

function usedBy({ side }: Entrant): number {
  const { service, database } = timesOf(side.processes)
  return service + database
}
