// The authenticator in Firefox, from the button that turns notifications on to the notification.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openOperations } from '../../src/service/open-operations.ts'
import { serveAutopush } from '../support/autopush.ts'
import { onServer } from '../support/cluster.ts'
import { drive, type Firefox, startFirefox } from '../support/firefox.ts'
import { notRun, programOf } from '../support/programs.ts'
import { type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { ask, openEnrollment } from './authenticator-seat.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const firefox = programOf('firefox-esr', 'firefox')
if (!firefox) notRun('Firefox', 'firefox-esr', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(firefox)('the authenticator in Firefox', () => {
  let service: RunningService
  let server: Server
  let autopush: ReturnType<typeof serveAutopush>
  let browser: Firefox
  let page: Awaited<ReturnType<typeof drive>>

  beforeAll(async () => {
    service = await startTestService()
    server = createServer()
    autopush = serveAutopush(server, service.simulator)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port: pushPort } = server.address() as AddressInfo
    const options = { pushPort, address: 'about:blank', isDriven: true }
    browser = await startFirefox(firefox ?? '', options)
    page = await drive(browser.control ?? '')
  })
  afterAll(async () => {
    page?.close()
    await browser?.[Symbol.asyncDispose]()
    autopush?.close()
    await new Promise((resolve) => server.close(resolve))
    await service?.[Symbol.asyncDispose]()
  })

  const shows = (text: string) =>
    until(`it shows ${text}`, () => page.run(`document.body.innerText.includes('${text}')`), 20_000)
  const press = async (name: string) => {
    const button = `[...document.querySelectorAll('button')]
      .find((one) => one.textContent === '${name}' && !one.disabled)`
    await until(`there is ${name}`, () => page.run(`Boolean(${button})`), 20_000)
    await page.run(`${button}.click()`)
  }
  const type = (text: string) =>
    page.run(`(() => {
      const field = document.querySelector('input')
      field.value = '${text}'
      field.dispatchEvent(new InputEvent('input', { bubbles: true }))
    })()`)
  const enroll = async (user: string) => {
    const { uri, number } = await openEnrollment(service, user)
    await page.open('about:blank')
    await page.open(`${service.origin}/authenticator/#${service.tenantId}/${uri.split('#')[1]}`)
    await press('Use this browser')
    await shows('Is this you?')
    await type(await number())
    await press('Confirm')
    await shows('Nothing is waiting.')
  }
  /** A question that is pushed, though another was left unanswered just before. */
  const askByPush = async (user: string) => {
    await onServer(service.database.url, (client) => client.query('delete from initiators'))
    const { id, reading } = await ask(service, user)
    await until('the push is sent', async () => {
      const { devices } = (await reading()) as { devices: { push?: { status: string } }[] }
      return devices[0]?.push?.status === 'sent'
    })
    return id
  }
  const notifications = () =>
    page.run(`navigator.serviceWorker.ready.then(async (registration) =>
      (await registration.getNotifications()).map(({ title, body, tag }) => ({ title, body, tag })),
    )`)

  test('is woken for each of its accounts once notifications are on, and shows the newest', async () => {
    await enroll('ada')
    await until('its push connection is open', () => autopush.isOpen(), 60_000)
    await press('Settings')
    await press('Turn on notifications')
    await shows('This browser notifies you')
    // Another account, added later, has the same subscription.
    await enroll('bob')
    for (const user of ['ada', 'bob']) {
      const id = await askByPush(user)
      const notification = { title: 'Sign-in request', tag: id }
      await until('the question is shown', async () =>
        JSON.stringify(await notifications()).includes(id),
      )
      expect(await notifications()).toContainEqual(expect.objectContaining(notification))
      await service.api('POST', `/v1/challenges/${id}/cancel`)
      await until('the end is in its place', async () =>
        JSON.stringify(await notifications()).includes('This sign-in request is over.'),
      )
      const tags = (await notifications()) as { tag: string }[]
      expect(tags.filter(({ tag }) => tag === id)).toHaveLength(1)
    }
  })

  test('subscribes again where the key of the service is another one now', async () => {
    const operations = await openOperations(
      service.config,
      service.origin,
      pino({ level: 'silent' }),
    )
    const { publicKey } = (await operations.rotateWebPushKey()) as { publicKey: string }
    await operations.close()
    await press('Settings')
    await press('Turn on again')
    const key = `navigator.serviceWorker.ready
      .then(({ pushManager }) => pushManager.getSubscription())
      .then((one) => one && [...new Uint8Array(one.options.applicationServerKey)])`
    await until('it has another subscription', async () => {
      const bytes = (await page.run(key)) as number[] | null
      return bytes !== null && Buffer.from(bytes).toString('base64url') === publicKey
    })
    await shows('This browser notifies you')
    for (const user of ['ada', 'bob']) await askByPush(user)
  })
})
