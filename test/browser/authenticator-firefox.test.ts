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
  const openApp = async () => {
    await page.open('about:blank')
    await page.open(`${service.origin}/authenticator/`)
    await shows('Requests')
  }
  const subscription = (act: string) => `navigator.serviceWorker.ready
    .then(({ pushManager }) => pushManager.getSubscription())
    .then((one) => one && ${act})`
  const subscribedKey = subscription('[...new Uint8Array(one.options.applicationServerKey)]')
  const subscribedEndpoint = subscription('one.endpoint')
  const deviceOf = async (user: string) => {
    const { items } = (await service.api('GET', '/v1/users?limit=100')).json
    const { id } = items.find((one: { displayName: string }) => one.displayName === user)
    return (await service.api('GET', `/v1/users/${id}/devices`)).json.items[0]
  }
  /** Until the service can push to the device of the user, or cannot any more. */
  const isRegistered = (user: string, isWanted = true) =>
    until(`the service has ${isWanted ? 'a' : 'no'} subscription`, async () => {
      return (await deviceOf(user)).hasPushToken === isWanted
    })
  /** A question that is pushed, though another was left unanswered just before. */
  const askByPush = async (user: string) => {
    await onServer(service.database.url, (client) => client.query('delete from initiators'))
    const challenge = await ask(service, user)
    const { reading } = challenge
    await until('the push is sent', async () => {
      const { devices } = (await reading()) as { devices: { push?: { status: string } }[] }
      return devices[0]?.push?.status === 'sent'
    })
    return challenge
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
      const { id } = await askByPush(user)
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

  test('tells the service that a push has arrived, with no page of it open', async () => {
    await page.open('about:blank')
    const { id } = await askByPush('ada')
    await until('the receipt is recorded', async () => {
      const { devices } = (await service.api('GET', `/v1/challenges/${id}`)).json
      return devices[0].receivedAt !== null
    })
    const device = await deviceOf('ada')
    await service.api('POST', `/v1/devices/${device.id}/test-push`)
    await until('the test has arrived, too', async () => {
      const report = (await service.api('GET', `/v1/devices/${device.id}/pushes`)).json
      return report.items[0].kind === 'test' && report.items[0].receivedAt !== null
    })
    await service.api('POST', `/v1/challenges/${id}/cancel`)
  })

  test('approves what was pushed with no page of it open, by a click on its notification', async () => {
    await page.open('about:blank')
    const { number, reading } = await askByPush('ada')
    await until('it is clicked', () => page.clickNotification('Sign-in request'), 20_000)
    await until('the app is opened', () => page.followNewWindow(), 20_000)
    await press('Look at it')
    await shows('Number on the sign-in page')
    await type(number)
    await press('Approve')
    await shows('You can go back to Default')
    expect((await reading()).status).toBe('approved')
  })

  test('shows its person that a test arrives', async () => {
    await openApp()
    await press('Settings')
    await press('\u2068bob\u2069 at \u2068Default\u2069')
    await press('Send a test notification')
    await shows('The test has arrived.')
  })

  test('subscribes again by itself where the key of the service is another one now', async () => {
    const operations = await openOperations(
      service.config,
      service.origin,
      pino({ level: 'silent' }),
    )
    const { publicKey } = (await operations.rotateWebPushKey()) as { publicKey: string }
    await operations.close()
    await openApp()
    await until('it has another subscription', async () => {
      const bytes = (await page.run(subscribedKey)) as number[] | null
      return bytes !== null && Buffer.from(bytes).toString('base64url') === publicKey
    })
    for (const user of ['ada', 'bob']) await isRegistered(user)
    for (const user of ['ada', 'bob']) await askByPush(user)
  })

  test('subscribes again by itself where its push service has given it up', async () => {
    const endpoint = String(await page.run(subscribedEndpoint))
    service.simulator.browsers.unsubscribe(endpoint)
    await onServer(service.database.url, (client) => client.query('delete from initiators'))
    for (const user of ['ada', 'bob']) await ask(service, user)
    for (const user of ['ada', 'bob']) await isRegistered(user, false)
    await openApp()
    for (const user of ['ada', 'bob']) await isRegistered(user)
    expect(await page.run(subscribedEndpoint)).not.toBe(endpoint)
    for (const user of ['ada', 'bob']) await askByPush(user)
  })

  test('subscribes again by itself, with no page open, where Firefox has dropped it', async () => {
    const endpoint = await page.run(subscribedEndpoint)
    const addresses = () =>
      onServer(service.database.url, async (client) => {
        const { rows } = await client.query(
          'select distinct push_token_hash from devices where push_token_hash is not null',
        )
        return rows.map((row) => row.push_token_hash.toString('hex')).join()
      })
    const before = await addresses()
    await page.open('about:blank')
    autopush.forget()
    await until('the service has another subscription', async () => {
      const after = await addresses()
      return after !== before && !after.includes(before)
    })
    for (const user of ['ada', 'bob']) await askByPush(user)
    await openApp()
    expect(await page.run(subscribedEndpoint)).not.toBe(endpoint)
  })

  test('ends pushes by a button, and leaves them off when it is opened again', async () => {
    await openApp()
    await press('Settings')
    // The service would go on pushing: nothing ends before it has heard.
    await service.restart(async () => {
      await press('Turn off notifications')
      await shows('The service cannot be reached.')
      expect(await page.run(subscribedEndpoint)).not.toBe(null)
    })
    await press('Turn off notifications')
    await shows('They are off')
    for (const user of ['ada', 'bob']) await isRegistered(user, false)
    expect(await page.run(subscribedEndpoint)).toBe(null)
    await openApp()
    await press('Settings')
    await shows('They are off')
    expect((await service.api('POST', '/v1/challenges', { user: 'ada' })).json).toMatchObject({
      deliveryMode: 'pull_only',
      suppressed: 'no_push_token',
    })
  })
})
