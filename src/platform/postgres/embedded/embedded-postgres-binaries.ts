import { access, cp, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { type Account, runAs } from './embedded-postgres-account.ts'

/** A folder of PostgreSQL programs that the account can run. */
export type Binaries = { readonly folder: string; readonly majorVersion: number }

const platform = process.platform === 'win32' ? 'windows' : process.platform
const packageName = `@embedded-postgres/${platform}-${process.arch}`
const otherwise = 'or set DATABASE_URL to a PostgreSQL server of your own'

/**
 * The PostgreSQL programs of the optional dependency for this platform, in their own folder if the
 * account can run them there. Otherwise (root's closed folder, or a package installed without its
 * install script, which creates the library symlinks) a complete copy in `home`, kept for the next
 * start.
 * Throws, with what to do, when there are none for this platform or they cannot run on it.
 */
export async function findBinaries(home: string, account: Account | undefined): Promise<Binaries> {
  const original = await installedFolder()
  const majorVersion = await majorVersionOf(original, account)
  if (majorVersion !== undefined) return { folder: path.join(original, 'bin'), majorVersion }
  const { version } = JSON.parse(
    await readFile(path.join(original, '..', 'package.json'), 'utf8'),
  ) as { version: string }
  const copy = path.join(home, `binaries-${version}`)
  if (!(await exists(copy))) await copyBinaries(original, copy)
  const copiedVersion = await majorVersionOf(copy, account)
  if (copiedVersion !== undefined) {
    return { folder: path.join(copy, 'bin'), majorVersion: copiedVersion }
  }
  const reason = await reasonForFailure(copy, account)
  throw new Error(
    `PostgreSQL cannot run on this system (${reason}): ${packageName} needs the usual C library, ` +
      `and ${home} must not be mounted noexec. Fix that, ${otherwise}`,
  )
}

async function installedFolder(): Promise<string> {
  try {
    const { postgres } = (await import(packageName)) as { postgres: string }
    return path.resolve(path.dirname(postgres), '..')
  } catch (cause) {
    throw new Error(
      `There is no PostgreSQL to start: the optional dependency ${packageName} is not installed. ` +
        `Run npm ci --include=optional, ${otherwise}`,
      { cause },
    )
  }
}

async function majorVersionOf(
  folder: string,
  account: Account | undefined,
): Promise<number | undefined> {
  const answer = await version(folder, account).catch(() => '')
  const major = /\(PostgreSQL\) (\d+)/.exec(answer)?.[1]
  return major === undefined ? undefined : Number(major)
}

function version(folder: string, account: Account | undefined): Promise<string> {
  return runAs(account, path.join(folder, 'bin', 'postgres'), ['--version'])
}

async function reasonForFailure(folder: string, account: Account | undefined): Promise<string> {
  return version(folder, account).catch((error: Error) => error.message)
}

/**
 * Copies into a folder next to the target and renames, so that a copy is either whole or absent,
 * also when two processes create it.
 */
async function copyBinaries(original: string, target: string): Promise<void> {
  const temporaryFolder = await mkdtemp(`${target}-`)
  const whole = path.join(temporaryFolder, 'native')
  try {
    await cp(original, whole, { recursive: true, verbatimSymlinks: true })
    await restoreSymlinks(whole)
    // Under umask 077 even the installed files are closed to others.
    if (process.platform !== 'win32') await runAs(undefined, 'chmod', ['-R', 'a+rX', whole])
    await rename(whole, target).catch(async (error: unknown) => {
      if (!(await exists(target))) throw error
    })
  } finally {
    await rm(temporaryFolder, { recursive: true, force: true })
  }
}

/**
 * The package carries its symlinks as a list, because npm archives cannot; its install script
 * creates them.
 */
async function restoreSymlinks(native: string): Promise<void> {
  const list = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(native, '..', target)
    await symlink(path.relative(path.dirname(target), source), link).catch(async (error) => {
      if (!(await exists(link))) throw error
    })
  }
}

/** Whether the path exists, for this process. */
export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
