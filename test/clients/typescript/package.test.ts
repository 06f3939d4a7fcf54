import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ResultExpectation, ResultTrust } from '../../../clients/typescript/src/client.ts'
import { chromiumPath } from '../../../demo/chromium.ts'
import { openPackagePage } from '../../support/package-page.ts'
import { filesIn, type InstalledClient, installClient, run } from '../../support/packed-client.ts'
import { nodeOf, notRun } from '../../support/programs.ts'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const project = path.resolve(import.meta.dirname, '../../..')
const source = path.join(project, 'clients/typescript')
const executablePath = chromiumPath()
const node20 = nodeOf(20)

let client: InstalledClient
let home: string
let service: RunningService
let readme: string
let example: string

beforeAll(async () => {
  client = await installClient('typescript', '@countersign/client')
  home = client.home
  readme = await readFile(path.join(source, 'README.md'), 'utf8')
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
async function startExample(node: string, person: string) {
  const { items } = (await service.api('GET', '/v1/relying-parties')).json
  const child = spawn(node, ['example.mjs'], {
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

async function signInByExample(node: string, people: string) {
  for (const decision of ['approve', 'deny'] as const) {
    const user = `${people}-to-${decision}`
    const phone = await enrollPhone(service, { user })
    const { ended, printed } = await startExample(node, user)
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
}

test('the example of the README signs in a user whose phone approves, and none whose phone denies', () =>
  signInByExample(process.execPath, 'someone'))

if (!node20) notRun('Node 20', 'nodejs')
else
  test('the example of the README signs in on Node 20 as well', () =>
    signInByExample(node20, 'another'))

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

/** A user has approved: the signed result, and what the session that asked knows. */
async function approvedResult() {
  const phone = await enrollPhone(service, { user: 'grace' })
  const binding = createHash('sha256').update('session').digest('base64url')
  const { json: challenge } = await service.api('POST', '/v1/challenges', {
    user: 'grace',
    context: { application: 'Payroll', action: 'Sign in' },
    binding,
  })
  const [request] = (await phone.client.pending()).requests
  if (!request) throw new Error('nothing is pending')
  await phone.client.approve(request, challenge.number)
  const { json } = await service.api('GET', `/v1/challenges/${challenge.id}`)
  const expectation = { challengeId: challenge.id as string, userId: phone.userId, binding }
  return { token: json.result as string, expectation }
}

if (!executablePath) notRun('Chromium', 'chromium')
else
  describe('in a browser, without a bundler', () => {
    let browser: Awaited<ReturnType<typeof openPackagePage>>
    beforeAll(async () => {
      browser = await openPackagePage(executablePath, {
        client,
        packageName: '@countersign/client',
        name: 'client',
        readme,
        passOn: { prefix: '/t/', origin: service.origin },
      })
    })
    afterAll(() => browser[Symbol.asyncDispose]())

    test('a page verifies a result with given keys or with those of its own site, and refuses a wrong one', async () => {
      const { items } = (await service.api('GET', '/v1/relying-parties')).json
      const issuer = `${service.origin}/t/${service.tenantId}`
      const { json: jwks } = await service.api(
        'GET',
        `/t/${service.tenantId}/.well-known/jwks.json`,
      )
      const { token, expectation } = await approvedResult()
      const outcomes = await browser.page.evaluate(verifyInPage, {
        trust: { issuer, audience: items[0].id as string },
        jwks,
        token,
        expectation,
      })
      expect(outcomes).toEqual({
        given: expectation.userId,
        fetched: expectation.userId,
        fromOtherSite: 'keys_unavailable',
        forged: 'signature_invalid',
        foreign: 'wrong_binding',
      })
    })

    test('a page that holds an API key reaches nothing: the API answers no page of another site', async () => {
      const place = { origin: service.origin, apiKey: service.key }
      const code = await browser.page.evaluate(async (options) => {
        const { client: clientPackage } = globalThis as unknown as InPage
        const call = new clientPackage.CountersignClient(options).call('GET', '/v1/tenant')
        return call.then(
          () => 'answered',
          (error) => error.code as string,
        )
      }, place)
      expect(code).toBe('unreachable')
    })
  })

type InPage = { client: typeof import('../../../clients/typescript/src/client.ts') }

/** Runs in the page, which has imported the package. */
async function verifyInPage(facts: {
  readonly trust: ResultTrust
  readonly jwks: NonNullable<ResultTrust['jwks']>
  readonly token: string
  readonly expectation: ResultExpectation
}) {
  const { ResultVerifier } = (globalThis as unknown as InPage).client
  const { trust, jwks, token, expectation } = facts
  const viaPage: typeof fetch = (url, init) => fetch(new URL(String(url)).pathname, init)
  const results = new ResultVerifier({ ...trust, jwks })
  const codeOf = (result: Promise<unknown>) =>
    result.then(
      () => 'accepted',
      (error) => error.code as string,
    )
  const forgedToken =
    token.slice(0, -20) + [...token.slice(-20, -10)].toReversed().join('') + token.slice(-10)
  return {
    given: (await results.verifyApproval(token, expectation)).sub,
    fetched: (
      await new ResultVerifier({ ...trust, fetch: viaPage }).verifyApproval(token, expectation)
    ).sub,
    fromOtherSite: await codeOf(new ResultVerifier(trust).verifyApproval(token, expectation)),
    forged: await codeOf(results.verifyApproval(forgedToken, expectation)),
    foreign: await codeOf(results.verifyApproval(token, { ...expectation, binding: 'another' })),
  }
}
