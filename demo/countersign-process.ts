import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const root = path.resolve(import.meta.dirname, '..')
const entry = path.join(root, 'bin', 'service.js')
const cli = path.join(root, 'bin', 'countersign.js')
const preload = pathToFileURL(path.join(import.meta.dirname, 'exit-with-parent.ts')).href

const readyTimeoutMs = 60_000
const lookEveryMs = 50
const logLinesShown = 15

/** The service under the demo's environment. */
export type Countersign = {
  readonly origin: string
  readonly pid: number | undefined
  /** Runs an operator command on the same database and returns its JSON output. */
  operate(...command: readonly string[]): Promise<unknown>
  /** Resolves when the process ends without having been stopped. */
  readonly loss: Promise<void>
  stop(): Promise<void>
}

/**
 * Starts the service as an operator would, in a process group of its own so that Ctrl-C reaches the
 * demo only, and waits until it is ready. Its log goes to a file. It ends with the demo, even when
 * the demo is killed. Throws with the end of the log.
 */
export async function startCountersign(
  environment: Readonly<Record<string, string>>,
  origin: string,
  logFile: string,
): Promise<Countersign> {
  const env = { ...inheritedEnvironment(), ...environment }
  const log = createWriteStream(logFile, { mode: 0o600 })
  await once(log, 'open')
  const child = spawn(process.execPath, ['--import', preload, entry], {
    cwd: root,
    env,
    detached: process.platform !== 'win32',
    stdio: ['pipe', log, log],
    windowsHide: true,
  })
  const exit = once(child, 'exit').then(() => log.end())
  await waitUntilReady(child, origin, logFile)
  let isWanted = true
  return {
    origin,
    pid: child.pid,
    operate: (...command) => operate(command, env),
    loss: exit.then(() => (isWanted ? undefined : new Promise<void>(() => undefined))),
    stop: async () => {
      isWanted = false
      child.stdin?.end()
      await exit
    },
  }
}

/** The environment that a process needs of this one; nothing that would configure the service. */
function inheritedEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'TMP', 'LANG', 'SystemRoot', 'USERPROFILE']
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  )
}

async function waitUntilReady(child: ChildProcess, origin: string, logFile: string) {
  const deadline = performance.now() + readyTimeoutMs
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadline) {
    const answer = await fetch(`${origin}/health/ready`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    await delay(lookEveryMs)
  }
  child.stdin?.end()
  const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-logLinesShown)
  throw new Error(`Countersign did not start. The end of ${logFile}:\n${lines.join('\n')}`)
}

async function operate(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<unknown> {
  const run = promisify(execFile)
  const args = [cli, ...command, '--json']
  return JSON.parse((await run(process.execPath, args, { cwd: root, env })).stdout) as unknown
}
