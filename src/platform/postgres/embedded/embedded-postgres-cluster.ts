import { createHash, randomBytes } from 'node:crypto'
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Account, accountFor, canEnter, isRoot, runAs } from './embedded-postgres-account.ts'
import { type Binaries, exists, findBinaries } from './embedded-postgres-binaries.ts'

/** Everything that is needed to run one data folder. It exists whole or not at all. */
export type Cluster = {
  /** PostgreSQL's data folder, an absolute path without symlinks. */
  readonly data: string
  readonly socketFolder: string
  /**
   * Part of the socket's file name; nothing listens on TCP, except on Windows, which has no sockets
   * in folders.
   */
  readonly port: number
  readonly password: string
  readonly account: Account | undefined
  readonly binaries: Binaries
}

export const superuser = 'countersign'
const socketPort = 5432

// sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, with the closing NUL; one byte
// more is fatal.
const longestSocketPath = 103
const abandonedMs = 10 * 60_000
const rootStore = '/var/lib/countersign'

/**
 * Finds the cluster of this folder, or creates it. An interrupted attempt has no effect: the
 * cluster is created in a folder next to it and renamed into place, password and data in one step.
 * Throws, with what to do, when the folder cannot be used or its data belong to another PostgreSQL
 * version.
 */
export async function prepareCluster(
  folder: string,
  durable: boolean,
  warn: (message: string) => void,
): Promise<Cluster> {
  const home = await findHome(folder, warn)
  const place = path.join(home, 'cluster')
  const data = path.join(place, 'data')
  const account = await accountFor(data)
  if (account && !(await canEnter(account, home))) {
    throw new Error(
      `The database runs as uid ${account.uid}, which cannot enter ${home}: ` +
        'open the folders above it (chmod o+x), or run as that user',
    )
  }
  const binaries = await findBinaries(home, account)
  if (!(await exists(place))) await createCluster(home, place, account, binaries, durable)
  const password = await readPassword(place)
  await checkVersion(data, binaries)
  await removeInterruptedAttempts(home)
  const socketFolder = await socketFolderFor(home, account)
  const port = process.platform === 'win32' ? await freePort() : socketPort
  return { data, socketFolder, port, password, account, binaries }
}

/**
 * The folder itself, or, when root's database account cannot enter it, a reachable one whose path
 * is written to the file `location`, so that every later start finds the same data.
 */
async function findHome(folder: string, warn: (message: string) => void): Promise<string> {
  await mkdir(folder, { recursive: true, mode: isRoot() ? 0o711 : 0o700 })
  const home = await realpath(folder)
  const location = await readFile(path.join(home, 'location'), 'utf8').catch(() => undefined)
  if (location !== undefined) return location.trim()
  const isKeptHere = !isRoot() || (await exists(path.join(home, 'cluster')))
  if (isKeptHere || (await canEnter(await accountFor(path.join(home, 'cluster')), home)))
    return home
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 16)
  const elsewhere = path.join(rootStore, `postgres-${hash}`)
  for (const each of [rootStore, elsewhere]) {
    await mkdir(each, { recursive: true })
    await chmod(each, 0o711)
  }
  await writeFile(path.join(home, 'location'), `${elsewhere}\n`, { flush: true })
  warn(`${home} is closed to the database account: the data are in ${elsewhere}`)
  return elsewhere
}

async function createCluster(
  home: string,
  place: string,
  account: Account | undefined,
  binaries: Binaries,
  durable: boolean,
): Promise<void> {
  const fresh = await mkdtemp(path.join(home, 'new-'))
  if (account) await chmod(fresh, 0o711)
  const data = path.join(fresh, 'data')
  const password = path.join(fresh, 'password')
  await mkdir(data, { mode: 0o700 })
  await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true })
  if (account) for (const each of [data, password]) await chown(each, account.uid, account.gid)
  try {
    await runAs(account, path.join(binaries.folder, 'initdb'), [
      ...['--pgdata', data, '--username', superuser, '--pwfile', password],
      ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--locale-provider=builtin'],
      ...['--builtin-locale=C.UTF-8', '--no-instructions', ...(durable ? [] : ['--no-sync'])],
    ])
    if (account) await chown(password, process.getuid?.() ?? 0, process.getgid?.() ?? 0)
    await rename(fresh, place)
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true })
    // Another process may have been faster; its cluster is as good.
    if (await exists(place)) return
    const reason = (cause as { stderr?: string }).stderr ?? String(cause)
    const cure = reason.includes('user does not exist')
      ? ' Name that user in /etc/passwd, run as another one, or set DATABASE_URL.'
      : ''
    throw new Error(`No database could be created in ${home}: ${reason.trim()}.${cure}`, { cause })
  }
}

async function readPassword(place: string): Promise<string> {
  const file = path.join(place, 'password')
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new Error(
      `${file} cannot be read: run as the user who created the database in that folder, ` +
        'or choose another folder',
      { cause },
    )
  }
}

/**
 * Attempts of processes that died; younger ones may still be running, and clean up after
 * themselves.
 */
async function removeInterruptedAttempts(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const place = path.join(home, name)
    if (
      !name.startsWith('new-') ||
      Date.now() - (await stat(place).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs < abandonedMs
    )
      continue
    await rm(place, { recursive: true, force: true })
  }
}

async function checkVersion(data: string, binaries: Binaries): Promise<void> {
  const dataVersion = Number(await readFile(path.join(data, 'PG_VERSION'), 'utf8'))
  if (dataVersion === binaries.majorVersion) return
  throw new Error(
    `The data in ${data} were created by PostgreSQL ${dataVersion} and cannot be read by ` +
      `${binaries.majorVersion}, which is installed: ` +
      'dump them with the old release and load them with the new one',
  )
}

async function socketFolderFor(home: string, account: Account | undefined): Promise<string> {
  const own = path.join(home, 'run')
  const fits = Buffer.byteLength(path.join(own, `.s.PGSQL.${socketPort}`)) <= longestSocketPath
  const uid = account?.uid ?? process.getuid?.() ?? 0
  if (fits) return privateFolder(own, uid, account)
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 16)
  // TMPDIR may itself be long, or closed to the database account.
  const short = tmpdir().length < 60 && (await canEnter(account, tmpdir())) ? tmpdir() : '/tmp'
  return privateFolder(path.join(short, `countersign-${uid}-${hash}`), uid, account)
}

/**
 * Creates the folder, or accepts one that is ours alone: in a shared folder somebody else may have
 * put it there first.
 */
async function privateFolder(
  folder: string,
  uid: number,
  account: Account | undefined,
): Promise<string> {
  const isNew = await mkdir(folder, { mode: 0o700 }).then(
    () => true,
    () => false,
  )
  if (isNew && account) await chown(folder, account.uid, account.gid)
  const stats = await lstat(folder)
  const isPrivate = process.platform === 'win32' || (stats.uid === uid && (stats.mode & 0o77) === 0)
  if (stats.isDirectory() && isPrivate) return folder
  throw new Error(
    `${folder} is not a folder of uid ${uid} alone, so no database socket can be trusted in it: ` +
      'remove it and start again',
  )
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
