import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { filesIn, type InstalledClient, installClient, run } from '../../support/packed-client.ts'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const project = path.resolve(import.meta.dirname, '../../..')
const source = path.join(project, 'clients/typescript')

let client: InstalledClient
let home: string
let service: RunningService
let example: string

beforeAll(async () => {
  client = await installClient('typescript', '@countersign/client')
  home = client.home
  const readme = await readFile(path.join(source, 'README.md'), 'utf8')
  example = /```ts\n([\s\S]+?)```/.exec(readme)?.[1] ?? ''
  await writeFile(path.join(home, 'example.mjs'), example)
  service = await startTestService()
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await client[Symbol.asyncDispose]()
})

test('the package contains the built files, and nothing else', async () => {
  expect((await readdir(client.packageFolder)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'dist',
    'package.json',
  ])
  const sources = await filesIn(path.join(source, 'src'))
  const expectedFiles = sources.flatMap((file) =>
    ['.js', '.d.ts'].map((end) => file.replace('.ts', end)),
  )
  expect(await filesIn(path.join(client.packageFolder, 'dist'))).toEqual(expectedFiles.sort())
  const license = (place: string) => readFile(path.join(place, 'LICENSE'), 'utf8')
  expect(await license(client.packageFolder)).toBe(await license(project))
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
      decision === 'approve' ? `Signed in: ${phone.userId}` : 'Not signed in: RefusedResult',
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
