// Carries out the stages of the Dockerfile in empty folders, with Node 24 and npm for a base image,
// as an ordinary user.

import { execFile, type SpawnOptions, spawn } from 'node:child_process'
import { access, chmod, cp, lstat, mkdir, readFile, realpath, symlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { type Account, accountFor } from '../src/persistence/embedded-postgres-account.ts'
import type { Stage, Step } from './dockerfile.ts'

const runFile = promisify(execFile)
const project = path.resolve(import.meta.dirname, '..')
const cacheMegabytesMax = 2_000

/**
 * The substitute for the engine: a folder that all accounts can enter, an account, and the programs
 * of the base image.
 */
export type Rehearsal = {
  readonly folder: string
  readonly account: Account | undefined
  readonly environment: Readonly<Record<string, string>>
}

/** A stage that has been built. */
export type BuiltStage = {
  readonly root: string
  readonly workdir: string
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Copies Node, npm and the build context into the folder; as root everything runs as `nobody` from
 * here on.
 */
export async function prepareRehearsal(folder: string): Promise<Rehearsal> {
  await chmod(folder, 0o711)
  const account = await accountFor(path.join(folder, 'none'))
  const programs = path.join(folder, 'bin')
  await mkdir(programs)
  await cp(process.execPath, path.join(programs, 'node'))
  const npm = path.resolve(await realpath(await programPath('npm')), '..', '..')
  await cp(npm, path.join(folder, 'npm'), { recursive: true })
  await symlink(path.join('..', 'npm', 'bin', 'npm-cli.js'), path.join(programs, 'npm'))
  const cache = path.join(folder, 'cache')
  await copyCache(path.join(await npmSetting('cache'), '_cacache'), path.join(cache, '_cacache'))
  await mkdir(path.join(folder, 'home'))
  await copyContext(path.join(folder, 'context'))
  const environment = {
    ...networkSettings(),
    PATH: `${programs}:/usr/local/bin:/usr/bin:/bin`,
    HOME: path.join(folder, 'home'),
    npm_config_cache: cache,
    npm_config_globalconfig: await npmSetting('globalconfig'),
    npm_config_registry: await npmSetting('registry'),
    npm_config_prefer_offline: 'true',
    npm_config_update_notifier: 'false',
  }
  const rehearsal = { folder, account, environment }
  await own(rehearsal, folder)
  return rehearsal
}

/**
 * A copy, because the Dockerfile empties the cache. A large one is not worth copying: then the
 * packages come from the registry.
 */
async function copyCache(cache: string, copy: string): Promise<void> {
  const megabytes = (await exists(cache)) ? await sizeInMegabytes(cache) : 0
  if (megabytes > 0 && megabytes < cacheMegabytesMax) await cp(cache, copy, { recursive: true })
}

/** The size of the folder on disk. */
export async function sizeInMegabytes(folder: string): Promise<number> {
  const { stdout } = await runFile('du', ['-sk', folder])
  return Math.round(Number.parseInt(stdout, 10) / 1024)
}

/** Without the tools of this project: anything missing in the image must fail. */
async function programPath(name: string): Promise<string> {
  const folders = (process.env.PATH ?? '')
    .split(':')
    .filter((each) => !each.includes('node_modules'))
  for (const folder of folders) {
    if (await exists(path.join(folder, name))) return path.join(folder, name)
  }
  throw new Error(`there is no ${name} in PATH`)
}

async function npmSetting(name: string): Promise<string> {
  return (await runFile('npm', ['config', 'get', name], { cwd: project })).stdout.trim()
}

function networkSettings(): Record<string, string> {
  const names = /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i
  const argsOnHost = Object.entries(process.env).filter(([name]) => names.test(name))
  return Object.fromEntries(argsOnHost.map(([name, value]) => [name, value ?? '']))
}

/**
 * The project's .dockerignore lists the included names (`!name`) and exclusions among them; only
 * that form is supported.
 */
async function copyContext(context: string): Promise<void> {
  const text = await readFile(path.join(project, '.dockerignore'), 'utf8')
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  if (lines[0] !== '*') throw new Error('.dockerignore must begin with *')
  const exceptions = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  const ignorePatterns = lines.slice(1).filter((line) => !line.startsWith('!'))
  const filter = (file: string) => !ignorePatterns.includes(path.relative(project, file))
  for (const name of exceptions) {
    await cp(path.join(project, name), path.join(context, name), { recursive: true, filter })
  }
}

/** Builds one stage. `earlier` contains the stages that it may copy from. */
export async function buildStage(
  rehearsal: Rehearsal,
  stage: Stage,
  earlier: ReadonlyMap<string, BuiltStage>,
): Promise<BuiltStage> {
  const root = path.join(rehearsal.folder, `stage-${stage.name}`)
  await mkdir(root)
  await own(rehearsal, root)
  let builtStage: BuiltStage = { root, workdir: root, environment: rehearsal.environment }
  for (const step of stage.steps) {
    if (step.kind === 'env') {
      builtStage = { ...builtStage, environment: { ...builtStage.environment, ...step.values } }
    } else if (step.kind === 'workdir') {
      builtStage = { ...builtStage, workdir: path.join(root, step.folder) }
      await mkdir(builtStage.workdir, { recursive: true })
      await own(rehearsal, builtStage.workdir)
    } else if (step.kind === 'copy') await copy(rehearsal, builtStage, step, earlier)
    else await run(rehearsal, builtStage, ['/bin/sh', '-c', step.command])
  }
  return builtStage
}

/**
 * A file goes into a folder that ends in `/`; a folder's content becomes the target, as COPY does
 * it.
 */
async function copy(
  rehearsal: Rehearsal,
  builtStage: BuiltStage,
  { from, sources, target }: Extract<Step, { kind: 'copy' }>,
  earlier: ReadonlyMap<string, BuiltStage>,
): Promise<void> {
  const origin = from === null ? path.join(rehearsal.folder, 'context') : earlier.get(from)?.root
  if (origin === undefined) throw new Error(`COPY --from=${from}: there is no such stage`)
  const place = path.resolve(builtStage.workdir, target)
  for (const source of sources) {
    const original = path.join(origin, source)
    const isFile = (await lstat(original)).isFile()
    const into = isFile && target.endsWith('/') ? path.join(place, path.basename(source)) : place
    await cp(original, into, { recursive: true })
  }
  await own(rehearsal, builtStage.workdir)
}

async function own({ account }: Rehearsal, place: string): Promise<void> {
  if (account) await runFile('chown', ['-R', `${account.uid}:${account.gid}`, place])
}

/** Starts a program in the stage, with only the stage's environment and the given one. */
export function start(
  { account }: Rehearsal,
  { workdir, environment }: BuiltStage,
  [program = '', ...args]: readonly string[],
  more: Readonly<Record<string, string>> = {},
  stdio: SpawnOptions['stdio'] = 'inherit',
) {
  return spawn(program, args, { ...account, cwd: workdir, env: { ...environment, ...more }, stdio })
}

/** Runs a program of the stage to its end. Throws unless it ends with 0. */
export async function run(
  rehearsal: Rehearsal,
  builtStage: BuiltStage,
  words: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = start(rehearsal, builtStage, words, more)
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`ended with ${code}: ${words.join(' ')}`)
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
