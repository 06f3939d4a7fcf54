import { spawn } from 'node:child_process'
import path from 'node:path'
import { until } from './until.ts'

const project = path.resolve(import.meta.dirname, '..', '..')

type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null }

/** A program of this project in a process of its own; disposing kills it. */
export type Program = AsyncDisposable & {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exit: Promise<Exit>
  readonly hasEnded: () => boolean
  readonly kill: (signal: NodeJS.Signals) => void
}

/**
 * Runs `node <file> ...args` with only PATH and the given variables in its environment, and the
 * input if there is one. By default it logs errors only and stops without a delay.
 */
export function startProgram(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  input?: string,
): Program {
  const { NODE_COMPILE_CACHE } = process.env
  const child = spawn(process.execPath, words, {
    cwd: project,
    env: {
      PATH: process.env.PATH,
      // Set by test/support/global-setup.ts: sources are compiled once, not at every start.
      ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }),
      LOG_LEVEL: 'error',
      STOP_DELAY_SECONDS: '0',
      ...environment,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(input)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  let hasExited = false
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      hasExited = true
      resolve({ code, signal })
    })
  })
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
    hasEnded: () => hasExited,
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exit
    },
  }
}

/**
 * A service that listens, by its process's output; fails with the output when the process ends
 * instead.
 */
export async function startServiceProcess(
  environment: Readonly<Record<string, string>>,
): Promise<Program & { readonly origin: string }> {
  const program = startProgram(['src/main.ts'], environment)
  let over = false
  void program.exit.then(() => {
    over = true
  })
  const origin = await until(
    'the service listens',
    () => {
      if (over) throw new Error(`${program.stdout()}${program.stderr()}`)
      return /listens on (\S+)/.exec(program.stdout())?.[1]
    },
    60_000,
  )
  return { ...program, origin }
}
