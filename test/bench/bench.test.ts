import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readOptions } from '../../bench/options.ts'

const main = path.resolve('bench/main.ts')
const setUpMs = 120_000

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'cs-bench-'))
  // The database of root's service runs as another user.
  await chmod(folder, 0o711)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function bench(...args: readonly string[]) {
  const env = { ...process.env, TMPDIR: folder }
  return promisify(execFile)(process.execPath, [main, ...args], { env, timeout: setUpMs })
}

const percentiles = {
  p50: expect.any(Number),
  p95: expect.any(Number),
  p99: expect.any(Number),
}

test(
  'a second of sign-ins succeeds, reports every leg in one line of JSON, and leaves nothing behind',
  async () => {
    const { stdout } = await bench(
      '--concurrency',
      '2',
      '--seconds',
      '1',
      '--starts',
      '1',
      '--platform',
      'mixed',
      '--json',
    )
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    const report = JSON.parse(stdout)
    expect(report.runs).toEqual([
      {
        concurrency: 2,
        loopsPerSecond: expect.any(Number),
        loop: percentiles,
        create: percentiles,
        push: percentiles,
        fetch: percentiles,
        answer: percentiles,
        decision: percentiles,
        serviceCpuMsPerLoop: expect.any(Number),
        loadCpuMsPerLoop: expect.any(Number),
        roundTripsPerLoop: expect.any(Number),
        errors: 0,
      },
    ])
    expect(report.start.cpuSeconds).toBeGreaterThan(0)
    expect(report.start.readySeconds).toBeGreaterThan(0)
    expect(report.start.megabytes).toBeGreaterThan(20)
    const [run] = report.runs
    expect(run.loopsPerSecond).toBeGreaterThan(0)
    expect(run.serviceCpuMsPerLoop).toBeGreaterThan(0)
    expect(run.loop.p50).toBeGreaterThanOrEqual(run.decision.p50)
    expect(run.decision.p99).toBeGreaterThanOrEqual(run.decision.p50)
    expect(await readdir(folder)).toEqual([])

    const { create, fetch, answer } = report.roundTrips
    expect(create.waitedFor.length).toBeLessThanOrEqual(2)
    expect(fetch.waitedFor.length).toBeLessThanOrEqual(1)
    expect(answer.waitedFor.length).toBeLessThanOrEqual(2)
  },
  setUpMs,
)

test('a fault is said in one line, without a stack, and the exit code is 1', async () => {
  const failure = await bench('--beside', 'test').catch((error: unknown) => error)
  expect(failure).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^.*no checkout.*\n$/),
  })
})

test.each([
  [['--concurrency', '0'], '--concurrency'],
  [['--concurrency', '1,x'], '--concurrency'],
  [['--seconds', '-1'], '--seconds'],
  [['--starts', '0.5'], '--starts'],
  [['--aa', '--starts', '1'], '--starts goes without'],
  [['--platform', 'web'], '--platform'],
  [['--url', 'http://localhost:8080'], '--key'],
  [['--url', 'localhost', '--key', 'k'], '--url'],
  [['--mixed'], '--mixed goes with --beside or --aa'],
  [['--flood', 'claims', '--mixed'], '--mixed goes with --beside or --aa'],
  [['--beside', ''], '--beside'],
  [['--beside', 'bare', '--concurrency', '1,2'], '--concurrency'],
  [['--beside', 'bare', '--slices', '0'], '--slices'],
  [['--aa', '--slice-seconds', '0.01'], '--slice-seconds'],
  [['--slices', '2'], '--slices goes with'],
  [['--aa', '--seconds', '3'], '--seconds goes without'],
  [['--flood', 'pings'], '--flood takes one of claims, passcodes, polls, portal'],
  [['--flood', 'claims', '--aa'], 'one at a time'],
  [['--processes', '1,0'], '--processes'],
  [['--processes', '1', '--flood', 'claims'], 'one at a time'],
  [['--aa', '--redis', 'redis://127.0.0.1'], '--redis goes with --processes'],
  [['--flood', 'claims', '--rate', '0'], '--rate'],
  [['--flood', 'claims', '--connections', '0'], '--connections'],
  [['--flood', 'claims', '--url', 'http://localhost', '--key', 'k'], '--url goes without'],
  [['--aa', '--rate', '5'], '--rate goes with --flood'],
  [['--stored', '0'], '--stored'],
  [['--stored', '5', '--users', '1.5'], '--users'],
  [['--stored', '5', '--processes', '1'], 'one at a time'],
  [['--page', '--aa'], 'one at a time'],
  [['--aa', '--users', '5'], '--users goes with --stored'],
])('a wrong command line is rejected with the option at fault: %j', (args, optionAtFault) => {
  expect(() => readOptions(args)).toThrow(optionAtFault)
})

test.each([
  [['--beside', 'bare'], { against: 'bare', aa: false, mixed: false }],
  [['--beside', '../earlier', '--mixed'], { against: { checkout: '../earlier' }, mixed: true }],
  [['--aa', '--mixed'], { against: null, aa: true, mixed: true }],
  [['--beside', '../earlier', '--aa'], { against: { checkout: '../earlier' }, aa: true }],
])('%j is a comparison of that', (args, comparison) => {
  expect(readOptions(args).beside).toMatchObject(comparison)
})
