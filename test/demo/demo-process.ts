import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { until } from '../support/until.ts'

/** A folder that the database's account can enter; it is removed after the test. */
export async function reachableFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'cs-demo-')))
  await chmod(folder, 0o711)
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  return folder
}

/** The demo as `npm run demo` starts it; killed after the test if it still runs. */
export function runDemo(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) {
  const { PATH, HOME, NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, ['demo/main.ts', ...args], {
    // As in test/support/service-process.ts: sources are compiled once, not at every start.
    env: { PATH, HOME, ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  let complaints = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    complaints += chunk
  })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return {
    printed: () => output,
    complaints: () => complaints,
    ended: exit,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    /** Ctrl-C at a terminal: signals the whole group. */
    interrupt: () => child.pid !== undefined && process.kill(-child.pid, 'SIGINT'),
  }
}

/** `npm run phone`, with a user who types. */
export function startPhone(...args: string[]) {
  const child = spawn(process.execPath, ['demo/terminal-phone/main.ts', ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let screen = ''
  let readTo = 0
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      screen += chunk
    })
  }
  const exit = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  return {
    ended: exit,
    /** Waits for this text after the output already read. */
    async sees(words: string) {
      await until(`the phone shows "${words}", not ${screen.slice(readTo)}`, () =>
        screen.includes(words, readTo),
      )
      readTo = screen.indexOf(words, readTo) + words.length
    },
    shown: () => screen,
    type: (text: string) => child.stdin.write(`${text}\n`),
    leave: () => child.stdin.end(),
  }
}
