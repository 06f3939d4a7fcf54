// The demo behind a proxy, as a phone of one's own needs it; the phone is one in the terminal.

import { once } from 'node:events'
import { createServer } from 'node:http'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { anyPort, anyPorts } from '../../demo/free-port.ts'
import { passOn } from '../../demo/reverse-proxy.ts'
import { startDemo } from '../../demo/running-demo.ts'
import { reachableFolder, startPhone } from './demo-process.ts'
import { openBrowser } from './sign-in-calls.ts'

test('a phone that reaches the service through a proxy signs in there, and is pushed to; only then the portal opens', async () => {
  const ports = await anyPorts()
  const publicOrigin = `http://localhost:${await anyPort()}`
  const proxy = createServer((request, response) =>
    passOn(request, response, `http://localhost:${ports.service}`, request.url ?? '/'),
  )
  proxy.listen(Number(new URL(publicOrigin).port))
  await once(proxy, 'listening')
  onTestFinished(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  const folder = await reachableFolder()
  const demo = await startDemo(folder, ports, { publicOrigin })
  onTestFinished(() => demo.stop())
  expect(new URL(demo.authenticatorUrl).origin).toBe(publicOrigin)

  const browser = openBrowser(demo.pagesUrl)
  await browser.send('', { user: 'Ada', password: 'any' })
  const { uri } = await browser.see('enroll')
  expect(new URL(uri).origin).toBe(publicOrigin)
  const file = path.join(folder, 'phone.json')
  const phone = startPhone('--uri', uri, '--simulator', demo.controlUrl, '--file', file)
  const { number } = await browser.see('enroll', ({ status }) => status === 'claimed')
  phone.type(number ?? '')
  const challenge = await browser.see('approve', ({ phones }) => phones[0]?.stage === 'opened')
  // A password alone opens no portal.
  expect(await browser.portal()).toBe('/')
  phone.type(challenge.number)
  const { proof } = await browser.see('signed_in')
  expect(await browser.portal()).toMatch(`${publicOrigin}/t/`)
  expect(proof.claims).toMatchObject({
    cid: challenge.id,
    iss: expect.stringContaining(`${publicOrigin}/t/`),
  })
  const [push] = demo.stack.simulator.log.acceptedPushes()
  expect(push).toMatchObject({ provider: 'fcm', data: { cid: challenge.id } })
})
