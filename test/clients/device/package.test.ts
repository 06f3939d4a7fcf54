// The device client as installed: packed, put into an empty folder, run by plain Node and in a
// browser, without a compiler or a bundler.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath } from '../../../demo/chromium.ts'
import { openPackagePage } from '../../support/package-page.ts'
import { filesIn, type InstalledClient, installClient } from '../../support/packed-client.ts'
import { nodeOf, notRun } from '../../support/programs.ts'
import { type RunningService, startTestService } from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const source = path.resolve('clients/device')
const executablePath = chromiumPath()
const node20 = nodeOf(20)

let client: InstalledClient
let service: RunningService
let readme: string

beforeAll(async () => {
  client = await installClient('device', '@countersign/device')
  readme = await readFile(path.join(source, 'README.md'), 'utf8')
  service = await startTestService()
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await client[Symbol.asyncDispose]()
})

const openEnrollment = async (user: string) => {
  const { json } = await service.api('POST', '/v1/enrollments', { user, displayName: user })
  return json as { readonly id: string; readonly uri: string }
}
const numberOf = (id: string) =>
  until('the number is shown', async () => {
    const { json } = await service.api('GET', `/v1/enrollments/${id}`)
    return json.number as string | undefined
  })

test('the device package contains the built files, and nothing else', async () => {
  expect((await readdir(client.packageFolder)).sort()).toEqual([
    'LICENSE',
    'README.md',
    'dist',
    'package.json',
  ])
  const expectedFiles = (await filesIn(path.join(source, 'src'))).flatMap((file) =>
    ['.js', '.d.ts'].map((end) => file.replace('.ts', end)),
  )
  expect(await filesIn(path.join(client.packageFolder, 'dist'))).toEqual(expectedFiles.sort())
})

/** Runs the README's example verbatim, as a phone of a new user. */
async function useExample(node: string, user: string) {
  const example = /```js\n([\s\S]+?)```/.exec(readme)?.[1] ?? ''
  await writeFile(path.join(client.home, 'phone.mjs'), example)
  const enrollment = await openEnrollment(user)
  const child = spawn(node, ['phone.mjs', enrollment.uri], { cwd: client.home })
  const exit = once(child, 'close')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  await until('it asks for the number', () => output.includes('Number on the enrollment page'))
  child.stdin.write(`${await numberOf(enrollment.id)}\n`)
  await until('it is a phone', () => output.includes(`This is now a phone of ${user}.`))
  const context = { application: 'Payroll', action: 'Sign in' }
  const { json: challenge } = await service.api('POST', '/v1/challenges', { user, context })
  await until('it asks for the next number', () => output.includes('Number on the sign-in page'))
  expect(output).toContain('"application": "Payroll"')
  child.stdin.write(`${challenge.number}\n`)
  expect((await exit)[0], output).toBe(0)
  expect(output.trimEnd().split('\n').at(-1)).toMatch(/approved$/)
  expect((await service.api('GET', `/v1/challenges/${challenge.id}`)).json.status).toBe('approved')
}

test('the phone of the README enrolls, shows the request and approves, in plain JavaScript', () =>
  useExample(process.execPath, 'ada'))

if (!node20) notRun('Node 20', 'nodejs')
else test('the phone of the README works on Node 20 as well', () => useExample(node20, 'alan'))

if (!executablePath) notRun('Chromium', 'chromium')
else
  describe('in a browser, without a bundler', () => {
    test('a page enrolls with keys that cannot leave it, and approves', async () => {
      await using browser = await openPackagePage(executablePath, {
        client,
        packageName: '@countersign/device',
        name: 'device',
        readme,
        passOn: { prefix: '/device/v1/', origin: service.origin },
      })
      const { page } = browser
      const enrollment = await openEnrollment('grace')
      await page.evaluate(claimInPage, { uri: enrollment.uri, service: service.origin })
      const number = await numberOf(enrollment.id)
      await page.evaluate(
        (digits) => (globalThis as unknown as InPage).phone.confirm(digits),
        number,
      )
      const context = { application: 'Payroll', action: 'Sign in' }
      const challenge = await service.api('POST', '/v1/challenges', { user: 'grace', context })
      const outcome = await page.evaluate(async (digits) => {
        const { phone } = globalThis as unknown as InPage
        const [request] = (await phone.pending()).requests
        return request && (await phone.approve(request, digits))
      }, challenge.json.number)
      expect(outcome).toMatchObject({ status: 'approved' })
    })
  })

type DevicePackage = typeof import('../../../clients/device/src/device.ts')
type InPage = { device: DevicePackage; phone: InstanceType<DevicePackage['DeviceClient']> }

/** Runs in the page, which has imported the package. */
async function claimInPage(place: { readonly uri: string; readonly service: string }) {
  const { device } = globalThis as unknown as InPage
  const ticket = device.readEnrollmentUri(place.uri)
  if (!ticket) throw new Error('no ticket')
  const keys = await device.createDeviceKeys({ verification: true })
  if (keys.possession.privateKey.extractable) throw new Error('the key could leave the page')
  const viaPage: typeof fetch = (url, init) => fetch(String(url).replace(place.service, ''), init)
  const account = await device.claimEnrollment(
    {
      ticket,
      keys,
      appId: 'com.example.web',
      device: { name: 'Page', platform: 'web', model: 'Page', osVersion: '1', appVersion: '1.0.0' },
    },
    { fetch: viaPage },
  )
  Object.assign(globalThis, {
    phone: new device.DeviceClient({ account, keys, fetch: viaPage }),
  })
}
