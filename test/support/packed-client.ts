import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const project = path.resolve(import.meta.dirname, '../..')
export const run = promisify(execFile)
/** The npm that runs these tests, or else the one of the machine. */
const npmScript = process.env.npm_execpath
const npm = (cwd: string, ...args: string[]) => {
  const quiet = ['--offline', '--no-audit', '--no-fund', '--loglevel=error']
  return npmScript?.endsWith('.js')
    ? run(process.execPath, [npmScript, ...args, ...quiet], { cwd })
    : run('npm', [...args, ...quiet], { cwd, shell: process.platform === 'win32' })
}

/** An otherwise empty folder in which a client is installed from its archive. */
export type InstalledClient = AsyncDisposable & {
  readonly home: string
  /** Files of the package, without those of `dist`. */
  readonly packageFolder: string
}

/**
 * Builds and packs a copy of `clients/<name>`, so that nothing is left in the project, and installs
 * it with jose into an empty folder.
 */
export async function installClient(name: string, packageName: string): Promise<InstalledClient> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'cs-client-')))
  const home = path.join(folder, 'empty')
  await mkdir(home)
  await writeFile(path.join(home, 'package.json'), '{"private": true, "type": "module"}')
  const copy = path.join(folder, 'client')
  await cp(path.join(project, 'clients', name), copy, {
    recursive: true,
    filter: (file) => !/[\\/](dist|node_modules)$/.test(file),
  })
  await symlink(path.join(project, 'node_modules'), path.join(folder, 'node_modules'), 'junction')
  await run(process.execPath, [path.join(project, 'node_modules/typescript/bin/tsc'), '-p', copy])
  const jose = path.join(project, 'node_modules/jose')
  await npm(home, 'pack', copy, jose, '--ignore-scripts', '--pack-destination', home)
  const archives = (await readdir(home)).filter((file) => file.endsWith('.tgz'))
  await npm(home, 'install', ...archives.map((file) => `./${file}`))
  return {
    home,
    packageFolder: path.join(home, 'node_modules', packageName),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Paths of all files in a folder, relative to it. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort()
}
