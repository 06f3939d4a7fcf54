// Processor time of processes as Linux reports it in /proc.

import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** A service that runs here: itself, and the PostgreSQL that it started. */
export type ServiceProcesses = {
  readonly service: number
  readonly database: number
  /** More processes of the service on that database. */
  readonly further?: readonly number[]
}

/** Milliseconds since the start, children included; the usage of PostgreSQL is not included. */
export type ProcessTimes = { readonly service: number; readonly database: number }

type Process = {
  readonly pid: number
  readonly parent: number
  readonly name: string
  /** Of children that have ended and were reaped. */
  readonly reapedMs: number
}

/** USER_HZ: what /proc counts in, on every processor that Node runs on. */
const ticksPerSecond = 100

/**
 * Whether this machine reports times of threads, in nanoseconds; those of processes are in ticks.
 */
export function canTellProcessTimes(): boolean {
  return existsSync('/proc/self/schedstat')
}

/**
 * A child of this process that has its own PostgreSQL and is not listed in `otherProcesses`. Throws
 * when there is none.
 */
export function findService(otherProcesses: readonly ServiceProcesses[]): ServiceProcesses {
  const all = processes()
  const children = all.filter(({ parent }) => parent === process.pid)
  for (const { pid } of children) {
    if (otherProcesses.some(({ service }) => service === pid)) continue
    const family = treeOf(pid, all)
    const isServer = (one: Process) => one.name === 'postgres'
    const servers = new Set(family.filter(isServer).map((one) => one.pid))
    const database = family.find((one) => isServer(one) && !servers.has(one.parent))
    if (database) return { service: pid, database: database.pid }
  }
  throw new Error('the service has no PostgreSQL of its own: its cost cannot be measured')
}

/** The usage of a service until now. */
export function timesOf({ service, database, further = [] }: ServiceProcesses): ProcessTimes {
  const all = processes()
  const ofDatabase = treeOf(database, all)
  const ofService = [service, ...further].flatMap((pid) => treeOf(pid, all))
  const others = ofService.filter((one) => !ofDatabase.includes(one))
  return { service: sumOf(others), database: sumOf(ofDatabase) }
}

/** Milliseconds of one process and its children since its start. */
export function timeOf(pid: number): number {
  return sumOf(treeOf(pid, processes()))
}

function sumOf(family: readonly Process[]): number {
  return family.reduce((sum, { pid, reapedMs }) => sum + livingMs(pid) + reapedMs, 0)
}

function treeOf(root: number, all: readonly Process[]): Process[] {
  const first = all.filter(({ pid }) => pid === root)
  const children = all.filter(({ parent }) => parent === root)
  return [...first, ...children.flatMap(({ pid }) => treeOf(pid, all))]
}

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => processIn(`/proc/${name}/stat`))
}

/** No value for a process that has ended meanwhile. */
function processIn(file: string): Process[] {
  const text = textOf(file)
  // The name is in brackets, and may contain any character.
  const end = text.lastIndexOf(')')
  if (end < 0) return []
  const start = text.indexOf('(')
  const fields = text
    .slice(end + 2)
    .split(' ')
    .map(Number)
  const [, parent = 0] = fields
  const reapedTicks = (fields[13] ?? 0) + (fields[14] ?? 0)
  const reapedMs = (reapedTicks * 1000) / ticksPerSecond
  return [{ pid: Number.parseInt(text, 10), parent, name: text.slice(start + 1, end), reapedMs }]
}

function livingMs(pid: number): number {
  return threadsOf(pid).reduce((sum, thread) => {
    const [nanoseconds = '0'] = textOf(`/proc/${pid}/task/${thread}/schedstat`).split(' ')
    return sum + Number(nanoseconds) / 1e6
  }, 0)
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
