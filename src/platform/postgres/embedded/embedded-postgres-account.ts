import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'

/**
 * The operating-system account that PostgreSQL runs as; absent: our own. PostgreSQL refuses to run
 * as root.
 */
export type Account = { readonly uid: number; readonly gid: number }

const runFile = promisify(execFile)

/**
 * Whether this process is root (and so must run PostgreSQL as another account). Never on Windows.
 */
export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/**
 * The account for a data folder: our own unless we are root; as root the owner of the data that
 * exists already (so that data of an ordinary user stays that user's), otherwise `nobody`.
 */
export async function accountFor(dataFolder: string): Promise<Account | undefined> {
  if (!isRoot()) return undefined
  const owner = await stat(dataFolder).catch(() => undefined)
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ['nobody', 'daemon']) {
    const [, , uid, gid] = lines.find((fields) => fields[0] === name) ?? []
    // macOS gives nobody the uid -2, which spawn and chown spell differently; daemon is 1 there.
    if (Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error(
    'PostgreSQL refuses to run as root and /etc/passwd names neither nobody nor daemon: ' +
      'run as an ordinary user, or set DATABASE_URL',
  )
}

/**
 * Runs one program to its end as the account and returns its standard output. It gets no more of
 * our environment than it needs: the rest holds secrets that the other account must not see.
 */
export async function runAs(
  account: Account | undefined,
  program: string,
  args: readonly string[],
): Promise<string> {
  const options = { ...account, cwd: '/', env: bareEnvironment(), encoding: 'utf8' } as const
  return (await runFile(program, args, options)).stdout
}

/**
 * Whether the account can enter the folder, as the system itself decides: modes, ACLs and mounts
 * all count.
 */
export async function canEnter(account: Account | undefined, folder: string): Promise<boolean> {
  return runAs(account, '/bin/sh', ['-c', 'cd -- "$0"', folder]).then(
    () => true,
    () => false,
  )
}

/**
 * Removes from the environment the settings of another PostgreSQL (`PGHOST`, `PGOPTIONS`,
 * `PGSSLMODE`, ...): pg reads it at each connection, and programs do on Windows. Only for a process
 * whose database is its own.
 */
export function clearPostgresEnvironment(): void {
  for (const name of Object.keys(process.env)) {
    if (/^PG[A-Z_]+$/i.test(name)) delete process.env[name]
  }
}

/** What a PostgreSQL program needs from the environment, without our secrets. */
export function bareEnvironment(): NodeJS.ProcessEnv {
  if (process.platform === 'win32') return { ...process.env, TZ: 'UTC' }
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' }
}
