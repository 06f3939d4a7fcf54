import type { StoredOptions } from '../options.ts'
import { canTellProcessTimes } from '../process-time.ts'
import type { TurnPart } from '../ratio.ts'
import { runSlice } from '../side.ts'
import { type Backlog, measureBacklog } from './backlog.ts'
import { type Blocks, readBlocks } from './blocks.ts'
import { type Fill, setAutovacuum, tidyUp } from './fill.ts'
import { filledTables } from './pattern.ts'
import { prepareFill } from './prepare.ts'
import { measureRetention, type Retention } from './retention.ts'
import { readSizes, type TableSize } from './sizes.ts'
import {
  enrollPeople,
  onDatabase,
  type StoredPerson,
  type StoredService,
} from './stored-service.ts'

/** Blocks of sign-ins, one at a time (statements of their own) and all at a time (batches). */
export type BlocksOfBoth = { readonly single: Blocks; readonly together: Blocks }

export type StoredMeasurement = {
  readonly fillSeconds: number
  readonly few: BlocksOfBoth & { readonly signIns: number; readonly users: number }
  readonly many: BlocksOfBoth
  /** Turn by turn. */
  readonly full: readonly TurnPart[]
  readonly empty: readonly TurnPart[]
  readonly backlog: Backlog
  readonly retention: Retention
  readonly sizes: readonly TableSize[]
  readonly rowsOfSignIn: Fill['rowsOfSignIn']
  readonly rowsOfUser: Fill['rowsOfUser']
}

export type Measuring = {
  readonly onError: (error: unknown) => void
  readonly stopping: AbortSignal
  /** What happens, for somebody who waits. */
  readonly tell: (what: string) => void
}

/** Over how many days the sign-ins are spread: a quarter is purged when 30 are kept. */
const storedDays = 40
/** Rows that are there before anything is analysed. */
const fewMax = 10_000
/** Who signs in while the worker does something. */
const meanwhilePeople = 4
const warmUpTurns = 2

/** Opens a service, fills it and measures; then another, whose database is empty, beside it. */
export async function measureStored(
  options: StoredOptions,
  open: () => Promise<StoredService>,
  measuring: Measuring,
): Promise<StoredMeasurement> {
  if (!canTellProcessTimes()) {
    throw new Error('--stored reads processor times from /proc, which only Linux has')
  }
  await using running = new AsyncDisposableStack()
  const service = running.use(await open())
  const people = await enrollPeople(service, options.concurrency)
  running.defer(() => closeAll(people))
  return await onDatabase(service, async (client) => {
    const { onError, stopping, tell } = measuring
    const fill = await prepareFill(service, client, people)
    const alone = people.slice(0, 1)
    const blocks = async (): Promise<BlocksOfBoth> => ({
      single: await readBlocks(client, alone, options.countedLoops),
      together: await readBlocks(client, people, options.countedLoops),
    })
    const few = await fillFew(client, fill, options)
    tell(`blocks at ${few.signIns} sign-ins, never analysed`)
    const fewBlocks = { ...few, ...(await blocks()) }
    tell(`filling up to ${options.signIns} sign-ins of ${options.users} users`)
    const fillSeconds = few.seconds + (await fillRest(client, fill, options, few))
    const some = people.slice(0, meanwhilePeople)
    const { quietSeconds } = options
    tell('the audit chain catches up')
    const backlog = await measureBacklog(service, client, some, quietSeconds, onError, stopping)
    const sizes = await readSizes(client, [...filledTables, 'audit_links'])
    tell('beside an empty database')
    const sides = await measureBesideEmpty(options, { service, people }, open, measuring)
    tell('blocks at all sign-ins')
    const many = await blocks()
    tell('retention, which begins within five minutes')
    const retention = await measureRetention(service, client, some, quietSeconds, onError, stopping)
    const { rowsOfSignIn, rowsOfUser } = fill
    return {
      ...{ fillSeconds, few: fewBlocks, many, ...sides, backlog, retention, sizes },
      ...{ rowsOfSignIn, rowsOfUser },
    }
  })
}

type Client = Parameters<typeof setAutovacuum>[0]

/** The statistics stay as they are: of empty tables. */
async function fillFew(client: Client, fill: Fill, { signIns, users }: StoredOptions) {
  await setAutovacuum(client, false)
  const few = { signIns: Math.min(fewMax, signIns), users: Math.min(fewMax, users) }
  const startedAt = performance.now()
  await fill.addUsers(few.users)
  await fill.addSignIns(few.signIns, { from: storedDays, until: untilOf(few.signIns, signIns) })
  const seconds = secondsSince(startedAt)
  // Again: every connection plans for the rows that there are.
  await setAutovacuum(client, false)
  return { ...few, seconds }
}

const secondsSince = (startedAt: number) => (performance.now() - startedAt) / 1000

const untilOf = (count: number, signIns: number) => storedDays * (1 - count / signIns)

/** Returns how many seconds it took, without the vacuum after it. */
async function fillRest(
  client: Client,
  fill: Fill,
  { signIns, users }: StoredOptions,
  few: { readonly signIns: number; readonly users: number },
): Promise<number> {
  const startedAt = performance.now()
  await fill.addUsers(users - few.users)
  const from = untilOf(few.signIns, signIns)
  await fill.addSignIns(signIns - few.signIns, { from, until: 0 })
  const seconds = secondsSince(startedAt)
  await tidyUp(client)
  await setAutovacuum(client, true)
  return seconds
}

type Peopled = { readonly service: StoredService; readonly people: readonly StoredPerson[] }

/** Both sign in by turns, each with its worker running. */
async function measureBesideEmpty(
  { concurrency, slices, sliceSeconds: seconds, quietSeconds }: StoredOptions,
  full: Peopled,
  open: () => Promise<StoredService>,
  { onError, stopping }: Measuring,
): Promise<Pick<StoredMeasurement, 'full' | 'empty'>> {
  await using running = new AsyncDisposableStack()
  const service = running.use(await open())
  const people = await enrollPeople(service, concurrency)
  running.defer(() => closeAll(people))
  await service.startWorker()
  // The other one has run for minutes: its code is compiled.
  const young = { side: { processes: service.processes() }, workers: people }
  await runSlice({ ...young, seconds: quietSeconds, onError, stopping })
  const sides = [full, { service, people }].map((side) => ({ ...side, parts: [] as TurnPart[] }))
  for (let turn = 0; turn < warmUpTurns + slices && !stopping.aborted; turn++) {
    for (const { service: of, people: workers, parts } of inTurn(sides, turn)) {
      const side = { processes: of.processes() }
      const slice = await runSlice({ side, workers, seconds, onError, stopping })
      if (turn >= warmUpTurns && !stopping.aborted) parts.push({ ...slice, betweenMs: 0 })
    }
  }
  const [fullParts = [], emptyParts = []] = sides.map(({ parts }) => parts)
  return { full: fullParts, empty: emptyParts }
}

const inTurn = <T>(sides: readonly T[], turn: number) =>
  turn % 2 === 0 ? sides : sides.toReversed()

async function closeAll(people: readonly StoredPerson[]): Promise<void> {
  for (const person of people) person.close()
}
