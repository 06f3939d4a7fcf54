import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { until } from './until.ts'

// Below the ports that a system gives to outgoing connections, to UDP sockets and to `listen(0)`:
// from 32768 on Linux, from 49152 elsewhere (RFC 6335 section 6). None of those can take one that
// was picked here and is not bound yet.
const range = { first: 20_000, count: 12_000 } as const

let index = randomInt(range.count)

/** A port of 127.0.0.1 that is free for TCP and UDP; never one that this process got recently. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < range.count; tries++) {
    index = (index + 1) % range.count
    const port = range.first + index
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) return port
  }
  throw new Error('no port is free')
}

function isFreeForTcp(port: number): Promise<boolean> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

function isFreeForUdp(port: number): Promise<boolean> {
  const probe = createSocket('udp4')
  return new Promise((resolve) => {
    probe.once('error', () => probe.close(() => resolve(false)))
    probe.bind(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

/** As the system says it, and as tinyproxy does. */
const inUse = /address already in use|could not create listening sockets/i

/** A program of the machine that listens; disposing kills it. */
export type Listener = AsyncDisposable & {
  readonly port: number
  /** What it printed so far. */
  readonly output: () => string
}

export type ListenerOptions = {
  /** What it is called when it does not start. */
  readonly name: string
  readonly program: string
  /** Writes what it reads, and returns how it is started, so that it listens on that port. */
  prepare(port: number): Promise<{
    readonly words: readonly string[]
    readonly environment?: Readonly<Record<string, string>>
  }>
  isListening(listener: Pick<Listener, 'port' | 'output'>): boolean | Promise<boolean>
  readonly pick?: () => Promise<number>
}

/**
 * Starts one on a free port, and again on another when it finds that port in use: nothing holds a
 * port from its pick until a program has bound it.
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  for (let starts = 1; ; starts++) {
    try {
      return await startOn(await (options.pick ?? freePort)(), options)
    } catch (error) {
      if (starts === 5 || !inUse.test(String(error))) throw error
    }
  }
}

async function startOn(
  port: number,
  { name, program, prepare, isListening }: ListenerOptions,
): Promise<Listener> {
  await using stack = new AsyncDisposableStack()
  const { words, environment } = await prepare(port)
  const child = spawn(program, words, { env: { PATH: process.env.PATH, ...environment } })
  const exit = exitOf(child)
  stack.defer(async () => {
    child.kill('SIGKILL')
    await exit
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      text += data
    })
  }
  const output = () => text
  let hasEnded = false
  void exit.then(() => {
    hasEnded = true
  })
  await until(
    `${name} listens`,
    () => {
      if (hasEnded) throw new Error(`${name} ended: ${text}`)
      return isListening({ port, output })
    },
    30_000,
  )
  const running = stack.move()
  return { port, output, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

const exitOf = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
