// A walk through every page of the portal and its states, in one language.

import type { Page } from 'playwright-core'
import { type Language, textsIn } from '../../src/platform/texts/texts.ts'
import type { EntranceScene } from '../portal/entrance-scene.ts'
import { phoneByTypedCode, visit } from '../portal/portal-visit.ts'

type Tour = {
  readonly scene: EntranceScene
  readonly page: Page
  readonly language: Language
  readonly user: string
  /**
   * Called at each page, with a name for it, and with what must be seen without scrolling: what the
   * person came for.
   */
  readonly look: (name: string, target?: string) => Promise<void>
}

const long = 'Supercalifragilistic'.repeat(3)
const primary = 'main button:not(.quiet):not(.danger)'
const danger = 'button.danger'

const go = async (page: Page, act: Promise<unknown>) => {
  await Promise.all([page.waitForEvent('load'), act])
}

async function seeDevices({ scene, page, language, user, look }: Tour): Promise<void> {
  const { service } = scene
  const phone = await scene.aPhone({ user, name: long })
  const lostPhone = await scene.aPhone({ user, name: 'Lost phone' })
  const { settings } = textsIn(language).portal
  const fields = [{ label: 'IBAN', value: 'NL91ABNA0417164300' }]
  const context = { application: 'Payroll', location: 'Haarlem', ip: '203.0.113.7', fields }
  await service.api('POST', '/v1/challenges', { user, context })
  const link = await service.api('POST', `/v1/users/${phone.userId}/portal-sessions`)
  await page.goto(link.json.url)
  await look('link', primary)
  await go(page, page.click('form button'))
  await look('devices', 'dl')
  await page.click(`a[href$="${lostPhone.deviceId}/settings"]`)
  await look('settings', primary)
  await go(page, page.click(`text="${settings.test}"`))
  await look('settings, after a test', primary)
  await go(page, page.click(`text="${settings.test}"`))
  await page.waitForSelector('.error')
  await look('settings, with a fault', '.error')
  await go(page, page.click(danger))
  await page.waitForSelector('[role=status]')
  await look('settings, suspended', '[role=status]')
  await page.goto(`${service.origin}/me/devices/${lostPhone.deviceId}`)
  await look('end of a device', danger)
  await go(page, page.click(danger))
  await page.waitForSelector('h2')
  await look('ended device', 'h2')
}

async function seePhones({ scene, page, user, look }: Tour): Promise<void> {
  const { service } = scene
  await page.goto(`${service.origin}/me/phones`)
  await look('phone', primary)
  await go(page, page.click(primary))
  const code = (await page.textContent('.code')) ?? ''
  await look('phone, code', 'a.button')
  await go(page, page.click('a.button'))
  await look('phone, waiting')
  const phone = await phoneByTypedCode(service, code, user)
  await page.waitForSelector('.code')
  await look('phone, number', '.code')
  await phone.confirm((await page.textContent('.code')) ?? '')
  await page.waitForSelector('[role=status]')
  await look('phone, added', '[role=status]')
}

async function seeRest({ scene, page, look }: Tour): Promise<void> {
  const { origin } = scene.service
  const open = (place: string) => page.goto(`${origin}/me/${place}`)
  await open('sign-ins')
  await look('sign-ins', '.card')
  await open('activities')
  await look('activities', '.card')
  await go(page, page.click('.card a'))
  await look('report', danger)
  await open('reported')
  await look('reported', '[role=status]')
  await open('notifications')
  await look('notifications')
  await go(page, page.click('[name=hours][value="24"]'))
  await page.waitForSelector('[role=status]')
  await look('notifications, paused', '[role=status]')
  await open('codes')
  await look('codes', primary)
  await go(page, page.click(primary))
  await page.waitForSelector('ol')
  await look('codes, new', '[role=status]')
  await page.goBack()
  await page.goto(`${origin}/me/data`)
  await look('data', 'form button')
  await go(page, page.click('form button'))
  await page.waitForSelector('[role=status]')
  await look('data, erasure', '[role=status]')
}

async function seeStepUpAndEnd({ scene, page, look }: Tour): Promise<void> {
  const { origin } = scene.service
  await scene.query(`update portal_sessions set opened_at = opened_at - interval '6 minutes'`)
  await page.goto(`${origin}/me/codes`)
  await look('first a code', primary)
  await page.fill('input[name=code]', '123456')
  await go(page, page.click(primary))
  await page.waitForSelector('.error')
  await look('first a code, wrong', '.error')
  await page.goto(`${origin}/me`)
  await go(page, page.click('form[action$="sign-out"] button'))
  await look('signed out', 'p')
  await page.goto(`${origin}/me`)
  await look('no session', 'p')
}

async function seeEntrance({ scene, page, user, look }: Tour): Promise<void> {
  const phone = await scene.aPhone({ user: `${user}.2` })
  await page.goto(scene.service.origin + scene.path)
  await look('entrance', primary)
  await page.fill('input[name=name]', phone.user)
  await go(page, page.click(primary))
  await page.waitForSelector('.code')
  await look('entrance, waiting', '.code')
  const number = (await page.textContent('.code')) ?? ''
  await phone.client.approve(await scene.questionAt(phone), number)
  await page.waitForSelector('.devices')
  await look('devices, by a device', '.note')
  await page.goto(`${scene.service.origin}/me/devices/${phone.deviceId}/settings`)
  await look('settings, by a device', danger)
  await page.goto(`${scene.service.origin}/me/codes`)
  await look('link needed', 'a')
}

async function seeNoDevice({ scene, page, user, look }: Tour): Promise<void> {
  const { service } = scene
  const { json } = await service.api('POST', '/v1/users', {
    displayName: 'Nobody yet',
    identifiers: [`${user}.3`],
  })
  await visit(service, page, json.id)
  await look('devices, none', 'nav')
}

/** Every page, one after the other. */
export async function portalTour(options: Tour): Promise<void> {
  await seeDevices(options)
  await seePhones(options)
  await seeRest(options)
  await seeStepUpAndEnd(options)
  await seeEntrance(options)
  await seeNoDevice(options)
}
