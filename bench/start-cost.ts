// What a start costs: of a further process on the database of a service that runs.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { anyPort } from '../demo/free-port.ts'
import { canTellProcessTimes, timeOf } from './process-time.ts'

/** Medians of starts on an existing database, each but the first after a `kill -9`. */
export type StartCost = {
  /** User and system, from the start of the process until it is ready. */
  readonly cpuSeconds: number
  readonly readySeconds: number
  /** Resident, once it is ready. */
  readonly megabytes: number
}

/** The service whose database is used: another process of it is started. */
export type StartedFrom = { readonly dataFolder: string; readonly publicOrigin: string }

const entry = path.resolve(import.meta.dirname, '..', 'bin', 'service.js')
const readyTimeoutMs = 60_000
const lookEveryMs = 10

/**
 * Starts a further process and kills it (`kill -9`), so many times after one that does not count.
 * Null for none, and where this machine does not report times of processes.
 */
export async function measureStart(from: StartedFrom, starts: number): Promise<StartCost | null> {
  if (starts === 0 || !canTellProcessTimes()) return null
  await startOnce(from)
  const costs: StartCost[] = []
  while (costs.length < starts) costs.push(await startOnce(from))
  return {
    cpuSeconds: medianOf(costs, 'cpuSeconds'),
    readySeconds: medianOf(costs, 'readySeconds'),
    megabytes: Math.round(medianOf(costs, 'megabytes')),
  }
}

function medianOf(costs: readonly StartCost[], name: keyof StartCost): number {
  const values = costs.map((cost) => cost[name]).toSorted((a, b) => a - b)
  return values[Math.floor(values.length / 2)] ?? Number.NaN
}

async function startOnce({ dataFolder, publicOrigin }: StartedFrom): Promise<StartCost> {
  const port = await anyPort()
  const env = {
    PATH: process.env.PATH,
    PORT: String(port),
    DATA_FOLDER: dataFolder,
    PUBLIC_ORIGIN: publicOrigin,
    LOG_LEVEL: 'error',
  }
  const startedAt = performance.now()
  const child = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const exit = once(child, 'exit')
  try {
    await waitUntilReady(child, `http://localhost:${port}`)
    const pid = child.pid ?? 0
    return {
      cpuSeconds: timeOf(pid) / 1000,
      readySeconds: (performance.now() - startedAt) / 1000,
      megabytes: megabytesOf(pid),
    }
  } finally {
    child.kill('SIGKILL')
    await exit
  }
}

async function waitUntilReady(child: ChildProcess, origin: string): Promise<void> {
  const deadline = performance.now() + readyTimeoutMs
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    const answer = await fetch(`${origin}/health/ready`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    await delay(lookEveryMs)
  }
  throw new Error('a further process of the service did not become ready')
}

function megabytesOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}
