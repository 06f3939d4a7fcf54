import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { bareEnvironment, runAs } from './embedded-postgres-account.ts'
import type { Cluster } from './embedded-postgres-cluster.ts'
import { findLivePostmaster, type Postmaster } from './embedded-postgres-postmaster.ts'

/** A PostgreSQL server that answers. */
export type RunningServer = {
  readonly pid: number
  /** The socket's folder, or 127.0.0.1 on Windows. */
  readonly host: string
  readonly port: number
  /**
   * Settles when the server has ended for any reason; for one that was running already, also on
   * detaching from it.
   */
  readonly termination: Promise<void>
  /** Shuts down a server that we started; detaches from one that was running already. */
  readonly end: () => Promise<void>
}

export type ServerSettings = Readonly<Record<string, string>>
type Log = (message: string) => void

const pollMs = 10
const attachedPollMs = 250
const giveUpAfterMs = 15_000
const windows = process.platform === 'win32'

// The shell holds a pipe to us. When we end it, or die in any way (SIGKILL too), `read` returns and
// the server shuts down fast. The server itself must not hold the pipe, hence 3<&- and </dev/null.
const supervisorScript = `
exec 3<&0
"$0" "$@" </dev/null 3<&- &
server=$!
(read _ <&3; kill -INT $server) 2>/dev/null &
watch=$!
exec 3<&-
wait $server
code=$?
kill $watch 2>/dev/null
exit $code`

/**
 * Returns the server of this cluster: the one that runs already, or one that we start. Several
 * processes may do this concurrently; one starts the server, the others find it.
 * Throws, with PostgreSQL's output, when the server cannot be started.
 */
export async function serve(
  cluster: Cluster,
  settings: ServerSettings,
  log: Log,
): Promise<RunningServer> {
  const deadline = performance.now() + giveUpAfterMs
  for (;;) {
    const postmaster = await findLivePostmaster(cluster.data)
    if (postmaster?.status === 'ready') return attach(cluster, postmaster)
    if (postmaster) {
      // It starts (recovery can take minutes) or stops: either way it ends by itself.
      await delay(pollMs)
      continue
    }
    try {
      return await launch(cluster, settings, log)
    } catch (error) {
      // Lost a race, or the last backends of a killed server still hold its memory for a moment.
      const isTransient = /postmaster\.pid" already exists|shared memory block/.test(String(error))
      if (!isTransient || performance.now() > deadline) throw error
      await delay(pollMs)
    }
  }
}

function attach(cluster: Cluster, postmaster: Postmaster): RunningServer {
  const detach = new AbortController()
  const { signal } = detach
  const watch = async () => {
    while (!signal.aborted && (await findLivePostmaster(cluster.data))?.pid === postmaster.pid) {
      await delay(attachedPollMs, undefined, { ref: false, signal }).catch(() => undefined)
    }
  }
  // The caller of `end` waits for `termination`, so the watch must not sleep on.
  const end = async () => detach.abort()
  const host = windows ? '127.0.0.1' : postmaster.socketFolder
  return {
    pid: postmaster.pid,
    host,
    port: postmaster.port,
    termination: watch().catch(() => undefined),
    end,
  }
}

async function launch(
  cluster: Cluster,
  settings: ServerSettings,
  log: Log,
): Promise<RunningServer> {
  const child = spawnServer(cluster, settings)
  const lastLines = listen(child, log)
  let failure: Error | undefined
  let hasExited = false
  const termination = new Promise<void>((resolve) => {
    const settle = (error?: Error) => {
      hasExited = true
      failure ??= error
      resolve()
    }
    child.once('close', () => settle())
    child.once('error', settle)
  })
  while (!hasExited) {
    const postmaster = await findLivePostmaster(cluster.data)
    if (postmaster?.status === 'ready' && !hasExited) {
      const host = windows ? '127.0.0.1' : cluster.socketFolder
      const end = () => shutDown(cluster, child, termination)
      return { pid: postmaster.pid, host, port: cluster.port, termination: termination, end }
    }
    await delay(pollMs)
  }
  const output = lastLines.join(' / ')
  throw new Error(`PostgreSQL did not start in ${cluster.data}: ${output}`, { cause: failure })
}

/**
 * One item of a setting that is a list: a comma in a bare one begins the next (PostgreSQL,
 * SplitDirectoriesString).
 */
function quotedName(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

/**
 * Detached: Ctrl-C goes to the whole terminal group, and must not reach the database before our own
 * drain.
 */
function spawnServer(cluster: Cluster, settings: ServerSettings): ChildProcess {
  const all = {
    listen_addresses: windows ? '127.0.0.1' : '',
    unix_socket_directories: windows ? '' : quotedName(cluster.socketFolder),
    unix_socket_permissions: '0700',
    ...settings,
  }
  const program = path.join(cluster.binaries.folder, 'postgres')
  // livePostmaster knows a server by `postgres -D <data> `.
  const args = ['-D', cluster.data, '-p', String(cluster.port)]
  for (const [name, value] of Object.entries(all)) args.push('-c', `${name}=${value}`)
  const options: SpawnOptions = {
    ...cluster.account,
    cwd: '/',
    env: bareEnvironment(),
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  }
  return windows
    ? spawn(program, args, options)
    : spawn('/bin/sh', ['-c', supervisorScript, program, ...args], options)
}

/** Passes on what the server logs; the list holds its last lines. */
function listen(child: ChildProcess, log: Log): readonly string[] {
  const words: string[] = []
  if (!child.stderr) return words
  createInterface({ input: child.stderr }).on('line', (line) => {
    log(line)
    words.push(line)
    if (words.length > 20) words.shift()
  })
  return words
}

async function shutDown(
  cluster: Cluster,
  child: ChildProcess,
  termination: Promise<void>,
): Promise<void> {
  if (windows) {
    const control = path.join(cluster.binaries.folder, 'pg_ctl')
    await runAs(undefined, control, ['stop', '-m', 'fast', '-D', cluster.data]).catch(() => '')
  }
  child.stdin?.end()
  await termination
}
