// The ends of a sign-in of Entra that no phone brings about, in a real browser.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { chromiumPath } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { openForTests, sitAtPrompt } from './prompt-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('a person whom Entra sends', () => {
  const parts = openForTests(executablePath)

  test('types a recovery code, which ends it: Entra gets no answer but a refusal', async () => {
    const { scene, browser, clientId } = parts()
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, { claims: { oid: scene.stranger() } })
    await seat.page.getByText('My phone is not with me').click()
    await seat.page.getByRole('link', { name: 'Type a code' }).click()
    await seat.page.getByLabel('Code').fill('7K3Q-M9TX-2R8B-0VWD')
    await seat.page.keyboard.press('Enter')
    await seat.page.getByText('takes no recovery codes').waitFor()
    await seat.page.click('button')
    await seat.reads('Entra: error: access_denied')
    expect(seat.foreignHosts()).toEqual([])
  })

  test('reads that it could not be asked, and Entra that it may try again', async () => {
    const { scene, browser, clientId } = parts()
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, { claims: { oid: scene.stranger() } })
    const id = new URL(seat.page.url()).pathname.split('/').at(-1)
    await scene.query(
      `update prompts set outcome = 'unavailable', ended_at = clock_timestamp(),
         number_sealed = null where id = $1`,
      [id],
    )
    await seat.page.reload()
    await seat.page.click('button')
    await seat.reads('Entra: error: temporarily_unavailable')
    expect(seat.foreignHosts()).toEqual([])
  })

  test('is framed by no page, and pressed from none', async () => {
    const { scene, browser, clientId } = parts()
    await using seat = await sitAtPrompt(browser, scene)
    await seat.arrive(clientId, { claims: { oid: scene.stranger() } })
    const address = seat.page.url()
    // Of another port, which is another origin and the same site: the cookie goes along.
    const server = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end(`<iframe src="${address}"></iframe>
        <form method="post" action="${address}/cancel"><button>Win</button></form>`),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const thief = await seat.context.newPage()
    await thief.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await until('the frame is refused', () => thief.frames()[1]?.url().startsWith('chrome-error:'))
    const [answer] = await Promise.all([
      thief.waitForResponse(`${address}/cancel`),
      thief.click('button'),
    ])
    expect(answer.status()).toBe(403)
    await seat.page.reload()
    await seat.reads('Confirm it is you')
  })
})
