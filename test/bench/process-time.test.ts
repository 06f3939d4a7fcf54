import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  canTellProcessTimes,
  findService,
  type ServiceProcesses,
  timesOf,
} from '../../bench/process-time.ts'
import { until } from '../support/until.ts'

/** Uses that much processor time, then prints its process id. */
const burning = (ms: number) => `
  for (let used = 0; used < ${ms}e3; ) {
    const { user, system } = process.cpuUsage()
    used = user + system
  }
  console.log(process.pid)`

test.runIf(canTellProcessTimes())(
  'children count while they run and after they ended, and the database counts separately',
  async () => {
    const script = '"$0" -e "$1" >/dev/null; exec 3<&0; "$0" -e "$2" <&3 & wait'
    const living = `${burning(600)}; process.stdin.resume()`
    const args = ['-c', script, process.execPath, burning(150), living]
    const family = spawn('/bin/sh', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const exit = once(family, 'exit')
    try {
      const [firstOutput] = (await once(family.stdout, 'data')) as [Buffer]
      const times = timesOf({ service: family.pid ?? 0, database: Number(firstOutput) })
      expect(times.service).toBeGreaterThan(140)
      expect(times.service).toBeLessThan(500)
      expect(times.database).toBeGreaterThan(590)
    } finally {
      family.stdin.end()
      await exit
    }
  },
)

/** A service whose PostgreSQL is a shell of that name; ends with its input. */
function startPretender(server: string) {
  const script = 'exec 3<&0; "$0" -c "read _" <&3 & wait'
  return spawn('/bin/sh', ['-c', script, server], { stdio: ['pipe', 'inherit', 'inherit'] })
}

test.runIf(canTellProcessTimes())(
  'services are found with their databases, each once; one without a database is not a service',
  async () => {
    expect(() => findService([])).toThrow('no PostgreSQL')
    const folder = await mkdtemp(path.join(tmpdir(), 'cs-process-'))
    const server = path.join(folder, 'postgres')
    await symlink('/bin/sh', server)
    const pretenders = [startPretender(server), startPretender(server)]
    const exits = pretenders.map((child) => once(child, 'exit'))
    const processes: ServiceProcesses[] = []
    const findNext = () => {
      try {
        return findService(processes)
      } catch {
        return undefined
      }
    }
    try {
      for (const which of ['one', 'the other']) processes.push(await until(which, findNext))
      const pids = processes.map(({ service }) => service)
      expect(new Set(pids)).toEqual(new Set(pretenders.map(({ pid }) => pid)))
      expect(processes.every(({ service, database }) => database > 0 && database !== service)).toBe(
        true,
      )
      expect(() => findService(processes)).toThrow('no PostgreSQL')
    } finally {
      for (const child of pretenders) child.stdin.end()
      await Promise.all(exits)
      await rm(folder, { recursive: true })
    }
  },
)
