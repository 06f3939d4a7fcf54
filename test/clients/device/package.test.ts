// The device client as installed: packed, put into an empty folder, run by plain Node and in a
// browser, without a compiler or a bundler.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../../demo/chromium.ts'
import { filesIn, type InstalledClient, installClient } from '../../support/packed-client.ts'
import { notRun } from '../../support/programs.ts'
import { type RunningService, startTestService } from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const source = path.resolve('clients/device')
const executablePath = chromiumPath()

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

test('the phone of the README enrolls, shows the request and approves, in plain JavaScript', async () => {
  const example = /```js\n([\s\S]+?)```/.exec(readme)?.[1] ?? ''
  await writeFile(path.join(client.home, 'phone.mjs'), example)
  const enrollment = await openEnrollment('ada')
  const child = spawn(process.execPath, ['phone.mjs', enrollment.uri], { cwd: client.home })
  const exit = once(child, 'close')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  await until('it asks for the number', () => output.includes('Number on the enrollment page'))
  child.stdin.write(`${await numberOf(enrollment.id)}\n`)
  await until('it is a phone', () => output.includes('This is now a phone of ada.'))
  const context = { application: 'Payroll', action: 'Sign in' }
  const { json: challenge } = await service.api('POST', '/v1/challenges', { user: 'ada', context })
  await until('it asks for the next number', () => output.includes('Number on the sign-in page'))
  expect(output).toContain('"application": "Payroll"')
  child.stdin.write(`${challenge.number}\n`)
  expect((await exit)[0], output).toBe(0)
  expect(output.trimEnd().split('\n').at(-1)).toMatch(/approved$/)
  expect((await service.api('GET', `/v1/challenges/${challenge.id}`)).json.status).toBe('approved')
})

/** Serves the installed packages, and passes what begins with /device/v1 on to the service. */
async function servePackages() {
  const folders = {
    '/device/': client.packageFolder,
    '/jose/': path.join(client.home, 'node_modules/jose'),
  }
  const imports = /<script type="importmap">([\s\S]+?)<\/script>/.exec(readme)?.[1]
  const page = `<!doctype html><script type="importmap">${imports}</script>
    <script type="module">
      import * as device from '@countersign/device'
      Object.assign(globalThis, { device })
    </script>`
  const server = createServer(async (request, response) => {
    const url = request.url ?? '/'
    if (url.startsWith('/device/v1/')) {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      const { 'device-proof': proof, 'content-type': type } = request.headers
      const answer = await fetch(`${service.origin}${url}`, {
        method: request.method ?? 'GET',
        headers: {
          ...(proof && { 'device-proof': String(proof) }),
          ...(type && { 'content-type': type }),
        },
        ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
      })
      response.writeHead(answer.status, { 'content-type': 'application/json' })
      response.end(await answer.text())
      return
    }
    const [prefix, folder] = Object.entries(folders).find(([one]) => url.startsWith(one)) ?? []
    if (!prefix || !folder) {
      response.setHeader('content-type', 'text/html').end(page)
      return
    }
    response.setHeader('content-type', 'text/javascript')
    response.end(await readFile(path.join(folder, url.slice(prefix.length))))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { server, origin: `http://127.0.0.1:${port}` }
}

if (!executablePath) notRun('Chromium', 'chromium')
else
  describe('in a browser, without a bundler', () => {
    test('a page enrolls with keys that cannot leave it, and approves', async () => {
      await using stack = new AsyncDisposableStack()
      const { server, origin } = await servePackages()
      stack.defer(() => void server.close())
      const browser = await openChromium(executablePath)
      stack.defer(() => browser.close())
      const page = await browser.newPage()
      await page.goto(origin)
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
