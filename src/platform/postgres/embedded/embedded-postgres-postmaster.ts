import { link, readFile, rename, rm, stat } from 'node:fs/promises'
import { createConnection, type NetConnectOpts } from 'node:net'
import path from 'node:path'
import { runAs } from './embedded-postgres-account.ts'

/** What `postmaster.pid` says about a live server. */
export type Postmaster = {
  readonly pid: number
  readonly port: number
  readonly socketFolder: string
  readonly status: 'starting' | 'ready' | 'stopping'
}

const writtenWithinMs = 2_000
const windows = process.platform === 'win32'

/**
 * The server of this data folder according to its `postmaster.pid`, if it is alive. A pid file
 * whose process is no postgres of this folder is removed: after a crash that pid may belong to any
 * process (in containers it usually does), and PostgreSQL would refuse every start.
 */
export async function findLivePostmaster(data: string): Promise<Postmaster | undefined> {
  const file = path.join(data, 'postmaster.pid')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const postmaster = parse(text)
  if (!postmaster) {
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Date.now() }))
    const isBeingWritten = Date.now() - mtimeMs < writtenWithinMs
    if (isBeingWritten) return { pid: 0, port: 0, socketFolder: '', status: 'starting' }
  } else if (await isServerOf(data, postmaster)) {
    return postmaster
  }
  await removeStale(file, text)
  return undefined
}

/**
 * PostgreSQL, src/include/utils/pidfile.h: pid, data folder, start time, port, socket folder,
 * address, memory, status.
 */
function parse(text: string): Postmaster | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const pid = Number(lines[0])
  if (lines.length < 5 || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  const word = lines[7] ?? ''
  const status = word === 'ready' || word === 'stopping' ? word : 'starting'
  return { pid, port: Number(lines[3]), socketFolder: lines[4] ?? '', status }
}

async function isServerOf(data: string, postmaster: Postmaster): Promise<boolean> {
  if (`${await commandLine(postmaster.pid)} `.includes(`postgres -D ${data} `)) return true
  // A folder may be shared with another container, whose processes we do not see but whose socket
  // answers.
  if (windows) return answers({ host: '127.0.0.1', port: postmaster.port })
  if (postmaster.socketFolder === '') return false
  return answers({ path: path.join(postmaster.socketFolder, `.s.PGSQL.${postmaster.port}`) })
}

/** Empty when there is no such process. */
async function commandLine(pid: number): Promise<string> {
  if (windows) return ''
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return text.replaceAll('\0', ' ')
  }
  const ps = runAs(undefined, 'ps', ['-ww', '-o', 'command=', '-p', String(pid)])
  return (await ps.catch(() => '')).trim()
}

function answers(address: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ ...address, timeout: 1_000 })
    const settle = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
    socket.once('timeout', () => settle(true))
  })
}

/**
 * Moves first and re-reads: the file may belong to a live server since it was checked, and is then
 * put back.
 */
async function removeStale(file: string, staleText: string): Promise<void> {
  const aside = `${file}.stale-${process.pid}`
  try {
    await rename(file, aside)
    if (startOf(await readFile(aside, 'utf8')) !== startOf(staleText)) await link(aside, file)
    await rm(aside)
  } catch (error) {
    // Another process did the same at the same time.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Pid, folder and start time identify one server; the lines after them change while it runs. */
function startOf(text: string): string {
  return text.split('\n').slice(0, 3).join('\n')
}
