import { parseArgs } from 'node:util'
import { type Flood, floods } from './flood/flood-call.ts'

export const usage = `npm run bench -- [options]

  --concurrency <n,...>  concurrent sign-ins, one level each (1,8,32,64)
  --seconds <n>          how long each level is measured, after a warm-up (10)
  --starts <n>           how many starts of the service are measured before (5)
  --platform <name>      phones that receive pushes: ios, android or mixed (ios)
  --url <origin>         measure a running service, without pushes; the default starts one. It leaves
                         a user bench-... with a phone behind for each concurrent sign-in: do not
                         measure a service in production
  --key <key>            API key for --url, with the scopes challenges:write and enrollments:write
  --json                 one line of JSON instead of the table
  --help                 this text

npm run bench -- --beside <what> and/or --aa [options]
                         two to four services by turns, and their ratios (bench/README.md)

  --beside bare          this tree next to the bare model: a sign-in at its lowest cost
  --beside <folder>      this tree next to another checkout (with npm ci done there) and the bare
                         model
  --aa                   this tree next to itself: the spread of ratios without a difference
  --mixed                sign-ins as people use it: 4 tenants, 2 phones a user, webhooks,
                         Idempotency-Keys, and a wrong number first in 5 % of them
  --concurrency <n>      concurrent sign-ins (32)
  --slices <n>           turns of each (8)
  --slice-seconds <n>    how long a turn takes (1.5)
  --json                 one line of JSON instead of the table

npm run bench -- --flood <what> [options]
                         sign-ins of one tenant, by turns quiet and while another tenant, or
                         strangers, flood the service (on Linux only)

  --flood claims         made-up enrollment codes of strangers
  --flood portal         made-up links to the portal of strangers
  --flood passcodes      wrong passcodes for another tenant's users, with its API key
  --flood polls          reads, and long polls that are dropped, of another tenant's challenges
  --connections <n>      of the flood (64)
  --rate <n>             requests a second of the flood, at most (200)
  --concurrency <n>      concurrent sign-ins (4)
  --slices <n>, --slice-seconds <n>, --json
                         as above

npm run bench -- --page [options]
                         processor time of the page of a prompt, by turns with GET /health/live (on
                         Linux only)

  --concurrency <n>      loads at a time (200)
  --slices <n>, --slice-seconds <n>, --json
                         as above

npm run bench -- --processes <n,...> [options]
                         so many processes of the service on one database, by turns, and how long a
                         poll takes to learn an answer given to another process (on Linux only)

  --redis <url>          signals by this Redis instead of PostgreSQL
  --concurrency <n>      concurrent sign-ins (16)
  --slices <n>, --slice-seconds <n>, --json
                         as above

npm run bench -- --stored <n> [options]
                         a database with so many sign-ins, beside an empty one: what a sign-in costs
                         and reads, retention, the audit chain, sizes on disk (on Linux only)

  --users <n>            who signed in, each with a phone (a fifth of --stored)
  --concurrency <n>      concurrent sign-ins (16)
  --slices <n>, --slice-seconds <n>, --json
                         as above`

export const platforms = ['ios', 'android', 'mixed'] as const
export type Platforms = (typeof platforms)[number]

export type BenchOptions = {
  readonly concurrency: readonly number[]
  readonly seconds: number
  readonly starts: number
  readonly platforms: Platforms
  /** A service that runs already; null starts one. */
  readonly service: { readonly origin: string; readonly key: string } | null
  /** A comparison instead of levels. */
  readonly beside: BesideOptions | null
  /** A flood instead of levels. */
  readonly flood: FloodOptions | null
  /** The page of a prompt instead of levels. */
  readonly page: PageOptions | null
  /** Many processes instead of levels. */
  readonly processes: ProcessesOptions | null
  /** A full database instead of levels. */
  readonly stored: StoredOptions | null
  readonly json: boolean
  readonly help: boolean
}

/** What is compared with this tree, and how. */
export type BesideOptions = {
  /** Null for nothing but this tree itself. */
  readonly against: 'bare' | { readonly checkout: string } | null
  /** This tree a second time. */
  readonly aa: boolean
  /** Sign-ins as people use the service, instead of the plain ones. */
  readonly mixed: boolean
  readonly concurrency: number
  readonly slices: number
  readonly sliceSeconds: number
}

/** What floods the service while one tenant signs in. */
export type FloodOptions = Turns & {
  readonly flood: Flood
  readonly connections: number
  readonly rate: number
}

/** How often the page of a prompt is loaded. */
export type PageOptions = Turns

/** How many processes of the service are compared. */
export type ProcessesOptions = Turns & {
  readonly counts: readonly number[]
  /** Null for signals by PostgreSQL. */
  readonly redisUrl: string | null
  /** Sign-ins that measure how long a poll takes to learn an answer. */
  readonly loneSignIns: number
}

/** What is stored before it is measured. */
export type StoredOptions = Turns & {
  readonly signIns: number
  readonly users: number
  /** Sign-ins before and after what the worker does. */
  readonly quietSeconds: number
  /** Sign-ins by which blocks are counted. */
  readonly countedLoops: number
}

type Turns = Pick<BesideOptions, 'concurrency' | 'slices' | 'sliceSeconds'>

const concurrencyMax = 1000
const secondsMax = 3600
const startsMax = 100
const slicesMax = 1000
const sliceSecondsMin = 0.1
const sliceSecondsMax = 60
const rateMax = 100_000
const processesMax = 16
const storedMax = 100_000_000

const text = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const
const optionTypes = {
  concurrency: text,
  seconds: text,
  starts: text,
  platform: text,
  url: text,
  key: text,
  beside: text,
  aa: flag,
  mixed: flag,
  slices: text,
  'slice-seconds': text,
  flood: text,
  connections: text,
  rate: text,
  page: flag,
  processes: text,
  redis: text,
  stored: text,
  users: text,
  json: flag,
  help: flag,
}
const ofLevels = ['seconds', 'starts', 'platform', 'url', 'key'] as const
const ofTurns = ['slices', 'slice-seconds'] as const
const ofFlood = ['connections', 'rate'] as const

type Values = ReturnType<typeof parseArgs<{ options: typeof optionTypes }>>['values']

/** Reads the command line. Throws with a description of the fault. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({ args: [...args], options: optionTypes })
  const beside = besideIn(values)
  const flood = floodIn(values)
  const page = values.page ? turnsIn(values, { concurrency: 200 }) : null
  const processes = processesIn(values)
  const fullDatabase = storedIn(values)
  const [turns = null, more] = [beside, flood, page, processes, fullDatabase].filter(
    (mode) => mode !== null,
  )
  if (more) throw new Error(`${modes}: one at a time`)
  rejectStrange(values, turns ? ofLevels : ofTurns, turns ? 'without' : 'with', modes)
  if (!flood) rejectStrange(values, ofFlood, 'with', '--flood')
  if (!processes) rejectStrange(values, ['redis'], 'with', '--processes')
  if (!fullDatabase) rejectStrange(values, ['users'], 'with', '--stored')
  const { json, help } = values
  return {
    concurrency: turns ? [turns.concurrency] : levelsIn(values),
    seconds: secondsIn(values),
    starts: startsIn(values),
    platforms: platformIn(values),
    service: serviceOf(values),
    ...{ beside, flood, page, processes, stored: fullDatabase, json, help },
  }
}

const modes = '--beside, --aa, --flood, --page, --processes or --stored'

function rejectStrange(
  values: Values,
  names: readonly (keyof Values)[],
  goes: 'with' | 'without',
  what: string,
): void {
  const strange = names.find((name) => values[name] !== undefined)
  if (strange) throw new Error(`--${strange} goes ${goes} ${what}`)
}

function besideIn(values: Values): BesideOptions | null {
  const { beside, aa, mixed } = values
  if (beside === undefined && !aa) {
    if (mixed) throw new Error('--mixed goes with --beside or --aa')
    return null
  }
  if (beside === '') throw new Error('--beside takes bare, or the folder of a checkout')
  return { against: againstOf(beside), aa, mixed, ...turnsIn(values, { concurrency: 32 }) }
}

function floodIn(values: Values): FloodOptions | null {
  if (values.flood === undefined) return null
  const flood = floods.find((one) => one === values.flood)
  if (!flood) throw new Error(`--flood takes one of ${floods.join(', ')}`)
  return {
    flood,
    ...turnsIn(values, { concurrency: 4 }),
    connections: wholeIn(values, 'connections', 64, concurrencyMax),
    rate: wholeIn(values, 'rate', 200, rateMax),
  }
}

function processesIn(values: Values): ProcessesOptions | null {
  if (values.processes === undefined) return null
  const counts = values.processes.split(',').map(Number)
  if (!counts.every((count) => isWhole(count, processesMax))) {
    throw new Error(`--processes takes whole numbers from 1 to ${processesMax}, with commas`)
  }
  const { redis: redisUrl = null } = values
  return { counts, ...turnsIn(values, { concurrency: 16 }), redisUrl, loneSignIns: 40 }
}

function storedIn(values: Values): StoredOptions | null {
  if (values.stored === undefined) return null
  const signIns = wholeIn(values, 'stored', 0, storedMax)
  const users = wholeIn(values, 'users', Math.ceil(signIns / 5), storedMax)
  return {
    signIns,
    users,
    ...turnsIn(values, { concurrency: 16 }),
    quietSeconds: 10,
    countedLoops: 120,
  }
}

function turnsIn(values: Values, byDefault: Pick<Turns, 'concurrency'>): Turns {
  const concurrency = Number(values.concurrency ?? byDefault.concurrency)
  if (!isWhole(concurrency, concurrencyMax)) {
    throw new Error(`--concurrency takes one whole number from 1 to ${concurrencyMax} here`)
  }
  const sliceSeconds = Number(values['slice-seconds'] ?? 1.5)
  if (!isWithin(sliceSeconds, sliceSecondsMin, sliceSecondsMax)) {
    throw new Error(`--slice-seconds takes a number from ${sliceSecondsMin} to ${sliceSecondsMax}`)
  }
  return { concurrency, slices: wholeIn(values, 'slices', 8, slicesMax), sliceSeconds }
}

function wholeIn(
  values: Values,
  name: 'slices' | 'connections' | 'rate' | 'stored' | 'users',
  byDefault: number,
  max: number,
): number {
  const value = Number(values[name] ?? byDefault)
  if (!isWhole(value, max)) throw new Error(`--${name} takes a whole number from 1 to ${max}`)
  return value
}

function againstOf(beside: string | undefined): BesideOptions['against'] {
  if (beside === undefined) return null
  return beside === 'bare' ? 'bare' : { checkout: beside }
}

function levelsIn({ concurrency = '1,8,32,64' }: Values): readonly number[] {
  const levels = concurrency.split(',').map(Number)
  if (!levels.every((level) => isWhole(level, concurrencyMax))) {
    throw new Error(`--concurrency takes whole numbers from 1 to ${concurrencyMax}, with commas`)
  }
  return levels
}

function startsIn(values: Values): number {
  const starts = Number(values.starts ?? 5)
  if (Number.isInteger(starts) && isWithin(starts, 0, startsMax)) return starts
  throw new Error(`--starts takes a whole number from 0 to ${startsMax}`)
}

function secondsIn(values: Values): number {
  const seconds = Number(values.seconds ?? 10)
  if (!isWithin(seconds, 1, secondsMax)) {
    throw new Error(`--seconds takes a number from 1 to ${secondsMax}`)
  }
  return seconds
}

function platformIn({ platform = 'ios' }: Values): Platforms {
  const knownPlatform = platforms.find((one) => one === platform)
  if (!knownPlatform) throw new Error(`--platform takes one of ${platforms.join(', ')}`)
  return knownPlatform
}

function isWithin(value: number, min: number, max: number): boolean {
  return value >= min && value <= max
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && isWithin(value, 1, max)
}

function serviceOf({ url, key }: Values): BenchOptions['service'] {
  if (url === undefined && key === undefined) return null
  if (url === undefined || key === undefined) throw new Error('--url and --key go together')
  const targetUrl = URL.parse(url)
  if (!targetUrl?.protocol.startsWith('http')) {
    throw new Error('--url takes the public origin of a service, for example http://localhost:8080')
  }
  return { origin: targetUrl.origin, key }
}
