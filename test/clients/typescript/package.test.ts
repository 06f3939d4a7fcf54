// The client as installed: packed, put into an empty folder, run by plain Node, read by a compiler.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const project = path.resolve(import.meta.dirname, '../../..')
const source = path.join(project, 'clients/typescript')
const run = promisify(execFile)
/** The npm that runs these tests, or else the one of the machine. */
const npmScript = process.env.npm_execpath
const npm = (cwd: string, ...args: string[]) => {
  const quiet = ['--offline', '--no-audit', '--no-fund', '--loglevel=error']
  return npmScript?.endsWith('.js')
    ? run(process.execPath, [npmScript, ...args, ...quiet], { cwd })
    : run('npm', [...args, ...quiet], { cwd, shell: process.platform === 'win32' })
}

let folder: string
let home: string
let service: RunningService
let example: string

/** Builds and packs a copy, so that nothing is left in the project. */
async function pack(): Promise<string[]> {
  const copy = path.join(folder, 'client')
  await cp(source, copy, {
    recursive: true,
    filter: (file) => !/[\\/](dist|node_modules)$/.test(file),
  })
  await symlink(path.join(project, 'node_modules'), path.join(folder, 'node_modules'), 'junction')
  await run(process.execPath, [path.join(project, 'node_modules/typescript/bin/tsc'), '-p', copy])
  await npm(copy, 'pack', '--ignore-scripts', '--pack-destination', home)
  await npm(
    path.join(project, 'node_modules/jose'),
    'pack',
    '--ignore-scripts',
    '--pack-destination',
    home,
  )
  return (await readdir(home)).filter((file) => file.endsWith('.tgz'))
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'cs-client-')))
  home = path.join(folder, 'empty')
  await mkdir(home)
  await writeFile(path.join(home, 'package.json'), '{"private": true, "type": "module"}')
  const archives = await pack()
  await npm(home, 'install', ...archives.map((file) => `./${file}`))
  const readme = await readFile(path.join(source, 'README.md'), 'utf8')
  example = /```ts\n([\s\S]+?)```/.exec(readme)?.[1] ?? ''
  await writeFile(path.join(home, 'example.mjs'), example)
  service = await startTestService()
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('the package contains the built files, and nothing else', async () => {
  const packageFolder = path.join(home, 'node_modules/@countersign/client')
  expect((await readdir(packageFolder)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'dist',
    'package.json',
  ])
  const filesIn = async (folder: string) => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
  }
  const builtFiles = await filesIn(path.join(packageFolder, 'dist'))
  const sources = await filesIn(path.join(source, 'src'))
  const expectedFiles = sources.flatMap((file) =>
    ['.js', '.d.ts'].map((end) => file.replace('.ts', end)),
  )
  expect(builtFiles.sort()).toEqual(expectedFiles.sort())
  const license = (place: string) => readFile(path.join(place, 'LICENSE'), 'utf8')
  expect(await license(packageFolder)).toBe(await license(project))
})

/** Runs the README's example verbatim, against the real service, for this user. */
async function startExample(person: string) {
  const { items } = (await service.api('GET', '/v1/relying-parties')).json
  const child = spawn(process.execPath, ['example.mjs'], {
    cwd: home,
    env: {
      PATH: process.env.PATH,
      ORIGIN: service.origin,
      API_KEY: service.key,
      TENANT: service.tenantId,
      RELYING_PARTY: items[0].id,
      PERSON: person,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const exit = once(child, 'close').then(([code]) => code as number)
  return { ended: exit, printed: () => output }
}

test('the example of the README signs in a user whose phone approves, and none whose phone denies', async () => {
  for (const decision of ['approve', 'deny'] as const) {
    const phone = await enrollPhone(service, { user: `someone-to-${decision}` })
    const { ended, printed } = await startExample(`someone-to-${decision}`)
    const number = await until('the number is shown', () => /Type (\d+) on/.exec(printed())?.[1])
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error('nothing is pending')
    if (decision === 'approve') await phone.client.approve(request, number)
    else await phone.client.deny(request)
    expect(await ended).toBe(0)
    expect(printed()).toContain(
      decision === 'approve' ? `Signed in: ${phone.userId}` : 'Not signed in: ResultRefused',
    )
  }
})

test('a compiler reads the types, and reports a wrong call', async () => {
  await writeFile(
    path.join(home, 'calls.ts'),
    `import { CountersignClient, type Schemas, verifyWebhook } from '@countersign/client'
const client = new CountersignClient({ origin: 'https://a.example', apiKey: 'k' })
const path = { id: 'chl_1' }
export const status: Promise<Schemas['Challenge']['status']> = client
  .call('GET', '/v1/challenges/{id}', { path, query: { wait: 5 } })
  .then((challenge) => challenge.status)
export const tenant: Promise<string> = client.call('GET', '/v1/tenant').then(({ name }) => name)
export const asked = client.createChallenge({ user: { id: 'usr_1' }, number: { mode: 'caller', value: '123456' } })
export const hook = verifyWebhook('{}', new Headers(), ['whsec_'])
// @ts-expect-error no such route
client.call('GET', '/v1/nothing')
// @ts-expect-error the route does not know the method
client.call('DELETE', '/v1/tenant')
// @ts-expect-error the path is missing
client.call('GET', '/v1/challenges/{id}')
// @ts-expect-error the body is missing
client.call('POST', '/v1/challenges', {})
// @ts-expect-error a member that is misspelt
client.createChallenge({ user: 'a', bindings: 'x' })
// @ts-expect-error a query that the route does not know
client.call('GET', '/v1/challenges/{id}', { path, query: { limit: 1 } })
// @ts-expect-error a key where the operation knows none
client.call('POST', '/v1/challenges/{id}/cancel', { path, idempotencyKey: 'k' })
// @ts-expect-error a stream of events is no answer to a call
client.call('GET', '/v1/challenges/{id}/events', { path })
`,
  )
  await writeFile(path.join(home, 'example.ts'), example)
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'es2022',
  ]
  const types = ['--types', 'node', '--typeRoots', path.join(project, 'node_modules/@types')]
  const compiler = path.join(project, 'node_modules/typescript/bin/tsc')
  const compilation = await run(
    process.execPath,
    [compiler, ...options, ...types, 'calls.ts', 'example.ts'],
    { cwd: home },
  ).catch((error: { stdout: string }) => error)
  expect(compilation.stdout).toBe('')
})
