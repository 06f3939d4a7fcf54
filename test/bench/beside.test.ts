// Short real runs of the comparison: that it runs, and its report. No times are guaranteed here.
// The sides of each comparison, and how they alternate: sides.test.ts.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canTellProcessTimes } from '../../bench/process-time.ts'
import { until } from '../support/until.ts'

const project = path.resolve(import.meta.dirname, '..', '..')
const runMs = 180_000

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cs-beside-'))
  // The database of root's service runs as another user.
  await chmod(folder, 0o711)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** In a process group of its own, as a shell starts it. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, ['bench/main.ts', ...args], {
    cwd: project,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const exit = once(child, 'close')
  const childExit = Promise.all([text(child.stdout), text(child.stderr), exit])
  return { child, ended: childExit.then(([stdout, stderr, [code]]) => ({ stdout, stderr, code })) }
}

const short = ['--slices', '1', '--slice-seconds', '0.1', '--concurrency', '2', '--json']

const row = (side: string) => ({
  side,
  loops: expect.any(Number),
  loopsPerSecond: expect.any(Number),
  serviceMsPerLoop: expect.any(Number),
  databaseMsPerLoop: expect.any(Number),
  betweenMsPerLoop: expect.any(Number),
  decisionP50Ms: expect.any(Number),
  decisionP99Ms: expect.any(Number),
  errors: 0,
})

const ratio = {
  overall: expect.any(Number),
  margin: null,
  median: expect.any(Number),
  min: expect.any(Number),
  max: expect.any(Number),
}
const comparison = (side: string, to: string) => ({
  side,
  to,
  ratios: { processorTime: ratio, loops: ratio, decisionP50: ratio, decisionP99: ratio },
})

/** Processes with this in their arguments. */
function processesWith(place: string): string[] {
  return globSync('/proc/[0-9]*/cmdline').filter((file) => {
    try {
      return readFileSync(file, 'utf8').includes(place)
    } catch {
      return false
    }
  })
}

const sides = ['service', 'other', 'bare']

test.runIf(canTellProcessTimes())(
  'beside a checkout each side signs in, all are compared in one line of JSON, and nothing is left behind',
  async () => {
    const { stdout, stderr, code } = await start('--beside', project, ...short).ended
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    const report = JSON.parse(stdout)
    expect(report).toEqual({
      machine: expect.any(Object),
      concurrency: 2,
      mixed: false,
      sliceSeconds: 0.1,
      turns: 1,
      sides: sides.map(row),
      ratios: sides.flatMap((side, at) => sides.slice(at + 1).map((to) => comparison(side, to))),
    })
    for (const { loops, serviceMsPerLoop, databaseMsPerLoop } of report.sides) {
      expect(Math.min(loops, serviceMsPerLoop, databaseMsPerLoop)).toBeGreaterThan(0)
    }
    expect(await readdir(folder)).toEqual([])
    expect(processesWith(folder)).toEqual([])
  },
  runMs,
)

test.runIf(canTellProcessTimes())(
  'Ctrl-C ends all sides in order and leaves nothing behind',
  async () => {
    const { child, ended } = start('--beside', 'bare', '--concurrency', '1')
    const isBareUp = () => processesWith(path.join(folder, 'countersign-bare-')).length > 0
    await until('the database of the bare model runs, so the other side does, too', isBareUp, runMs)
    interrupt(child)
    expect(await ended).toEqual({
      stdout: '',
      stderr: 'stopped before a turn was whole\n',
      code: 1,
    })
    expect(await readdir(folder)).toEqual([])
    expect(processesWith(folder)).toEqual([])
  },
  runMs,
)

/** As a terminal does: to the whole group. */
function interrupt({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGINT')
}
