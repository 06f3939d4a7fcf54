// Every state of the page of a prompt, in both languages and schemes, on a small phone and on a
// desk: readable and usable by everybody.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { promptOutcomes } from '../../src/domain/prompt.ts'
import { textsIn } from '../../src/platform/texts/texts.ts'
import {
  confirmationIn,
  type EnrollmentScene,
  openEnrollments,
} from '../prompts/enrollment-scene.ts'
import { notRun } from '../support/programs.ts'
import { claimPhone } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { drawLogo } from './logo.ts'
import { localeOf, looker, looks } from './look.ts'
import { sitAtPrompt } from './prompt-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

const long = 'Supercalifragilistic'.repeat(3)
describe.runIf(executablePath)('every page of a prompt', () => {
  let scene: EnrollmentScene
  let browser: Browser

  beforeAll(async () => {
    scene = await openEnrollments()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await scene?.[Symbol.asyncDispose]()
  })

  /** What the pages of one run show above and below. */
  async function dress(isBranded: boolean): Promise<void> {
    const { api } = scene.service
    if (!isBranded) return void (await api('DELETE', '/v1/branding'))
    const setting = await api('PUT', '/v1/branding', {
      displayName: 'Example University',
      accent: { light: '#7a1fa2', dark: '#d7a8ff' },
      help: ['Call 1234 when you have lost your phone.', 'The desk is open from 9 to 17.'],
      logo: (await drawLogo(browser)).toString('base64'),
    })
    expect(setting.status).toBe(200)
  }

  test.each(
    looks.flatMap((kind) => [false, true].map((isBranded) => [...kind, isBranded] as const)),
  )(
    'has no fault that axe finds, fits, and shows at once what it is for: %s, %s, %s, branded %s',
    async (language, onDesk, onPhone, isBranded) => {
      await dress(isBranded)
      const clientId = await scene.ofEntra({ codesAsOtp: true }, { name: long })
      const slowClientId = await scene.ofEntra({ asksAtOnce: false })
      await using seat = await sitAtPrompt(browser, scene, { locale: localeOf(language) })
      const { page } = seat
      const texts = textsIn(language).prompt
      const face = isBranded ? 'prompt-branded' : 'prompt'
      const { look, names } = looker(page, face, [language, onDesk, onPhone])
      const change = (change: string) =>
        scene.query(`update prompts set ${change} where id = $1`, [
          new URL(page.url()).pathname.split('/')[4],
        ])

      async function lookAtEnrollment() {
        const { enroll } = texts
        const newcomer = await scene.aNewcomer()
        const { origin, tenantId } = scene.service
        await seat.arrive(scene.clientId, { claims: { oid: newcomer.oid } })
        await page.getByText(enroll.notHereOrNone).click()
        await look('waiting, first device', '[data-page]')
        await page.getByRole('link', { name: enroll.title }).click()
        await page.locator('#empty').waitFor()
        await look('first device', 'main button')
        await page.locator('main button').click()
        await page.waitForSelector('.error')
        await look('first device, refused', '.error')
        await scene.openWindow(newcomer.userId)
        const address = page.url()
        async function claim() {
          const code = (await page.locator('p.code').textContent()) ?? ''
          return claimPhone(scene.service, { origin, tenantId, code, user: newcomer.oid })
        }
        await page.locator('main button').click()
        await page.waitForSelector('.qr')
        await claim()
        await page.waitForSelector('.qr', { state: 'detached' })
        await look('first device, number', '[data-page]')
        await scene.query('update enrollments set expires_at = now() where user_id = $1', [
          newcomer.userId,
        ])
        await page.waitForSelector('.error')
        await look('first device, over', '.error')
        await page.locator('main button').click()
        await page.waitForSelector('.qr')
        await look('first device, code', '.qr')
        await page.route('**/more*', (route) => route.fulfill({ status: 204 }))
        const { client } = await claim()
        await page.waitForSelector('.qr', { state: 'detached' })
        await client.confirm(confirmationIn(await page.content()) ?? '')
        await page.getByText(enroll.done).waitFor()
        await look('first device, added', 'main button')
        await page.unroute('**/more*')
        expect(page.url()).toBe(address)
      }

      await seat.arrive(slowClientId)
      await look('ready', 'main button')
      await page.getByRole('button', { name: texts.ask }).click()
      await page.locator('.code').waitFor()
      await look('waiting, usual names', 'form[action*=cancel] button')
      const oid = scene.stranger()
      const phone = await scene.aPhone({ user: oid })
      await seat.arrive(clientId, { claims: { oid, preferred_username: long } })
      await look('waiting', '[data-page]')
      await page.getByText(texts.notHere.title).click()
      await look('waiting, other ways', '[data-page]')
      await page.getByRole('button', { name: texts.again }).click()
      await page.getByText(texts.sentAgain).waitFor()
      await look('sent again', '.note')
      await scene.questionAt(phone)
      const status = page.locator('[data-page]')
      await until('the page knows', async () => (await status.textContent()) !== texts.waiting)
      await look('the phone has it', '[data-page]')
      const address = page.url()
      await page.goto(`${new URL(address).origin}${new URL(address).pathname}/code`)
      await look('code', 'main button')
      await page.fill('input[name=code]', '12345678')
      await page.keyboard.press('Enter')
      await page.waitForSelector('.error')
      await look('code, wrong', '.error')
      await page.goto(address)
      await change('round_until = clock_timestamp()')
      await page.getByRole('button', { name: texts.askAgain }).waitFor()
      await look('time over', 'main button')
      for (const outcome of promptOutcomes) {
        const values = outcome === 'approved' ? `evidence = '{"amr": ["swk"]}'` : 'evidence = null'
        await change(
          `outcome = '${outcome}', ${values}, ended_at = clock_timestamp(), number_sealed = null,
           answered_at = ${outcome === 'approved' ? 'clock_timestamp()' : 'null'}`,
        )
        await page.goto(address)
        await look(outcome, 'main button')
      }
      await change(`answered_at = clock_timestamp() - interval '2 minutes'`)
      await page.goto(address)
      await look('answered before', 'p')
      await lookAtEnrollment()
      await seat.context.clearCookies()
      await page.goto(address)
      await look('another browser', 'p')
      expect(names).toHaveLength(25)
      expect(seat.foreignHosts()).toEqual([])
    },
    180_000,
  )
})
