// A walk through every screen of the authenticator and its states, in one language.

import type { Page } from 'playwright-core'
import type { LaterTexts } from '../../src/platform/texts/authenticator/later-texts.ts'
import type { AuthenticatorTexts } from '../../src/platform/texts/authenticator/texts.ts'
import type { NamedService, SeatWithPasskeys } from './authenticator-passkey-seat.ts'
import { ask, openEnrollment } from './authenticator-seat.ts'

type Tour = {
  readonly service: NamedService
  readonly seat: SeatWithPasskeys
  readonly texts: AuthenticatorTexts & LaterTexts
  readonly user: string
  /**
   * Called at each screen, with a name for it, and with what must be seen without scrolling: what
   * the person came for, all of it.
   */
  readonly look: (screen: string, target?: string) => Promise<void>
}

/** From the first start to an account. */
async function enrollOnTheWay({ service, seat, texts, user, look }: Tour): Promise<void> {
  const { page, reads, passkeys } = seat
  const app = `${service.origin}/authenticator/`
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  await page.goto(app)
  await reads(texts.welcome.title)
  await look('welcome', 'main .wide')
  await press(texts.welcome.type)
  await page.getByLabel(texts.add.tenant).fill('none')
  await page.getByLabel(texts.add.user).fill(user)
  await page.getByLabel(texts.add.code, { exact: true }).fill('short')
  await press(texts.add.go)
  await page.getByText(texts.add.tenantShape).waitFor()
  await look('type, with a fault')
  await page.getByLabel(texts.add.tenant).fill(service.tenantId)
  await page.getByLabel(texts.add.code, { exact: true }).fill('0000000000')
  await press(texts.add.go)
  await press(texts.passkey.skip)
  await page.getByText(texts.errors.enrollment_code_invalid).waitFor()
  await look('type, refused')
  await page.goto(`${app}#nothing`)
  await page.getByText(texts.add.unreadable).waitFor()
  await look('link, unreadable')
  const { uri, number } = await openEnrollment(service, user)
  await page.goto(`${app}#${service.tenantId}/${uri.split('#')[1]}`)
  await page.getByText(texts.add.fromLink).waitFor()
  await look('link', 'main button')
  await press(texts.add.useThis)
  await reads(texts.passkey.title)
  await look('passkey', 'main button')
  await passkeys.verify(false)
  await press(texts.passkey.setUp)
  await page.getByText(texts.passkey.notSetUp).waitFor()
  await look('passkey, refused', 'main button')
  await passkeys.verify(true)
  await press(texts.passkey.setUp)
  await reads(texts.passkey.useTitle)
  await look('passkey, first use', 'main button')
  await press(texts.passkey.use)
  await reads(texts.confirm.title)
  await page.getByLabel(texts.confirm.number).fill('1')
  await press(texts.confirm.go)
  await page.getByText(texts.request.length.other.replace('{count}', '6')).first().waitFor()
  await look('confirm, with a fault', 'main button')
  await page.getByLabel(texts.confirm.number).fill(await number())
  await press(texts.confirm.go)
  await reads(texts.requests.title)
  await page.getByText(texts.requests.none).waitFor()
  await look('requests, none')
}

const long = 'Wirklich sehr lange Beschreibung '.repeat(3).trim()

async function answerOnTheWay({ service, seat, texts, user, look }: Tour): Promise<void> {
  const { page, context, reads, passkeys } = seat
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  const challenge = await ask(service, user, {
    context: {
      application: 'Payroll',
      action: 'Sign in',
      location: 'Haarlem',
      ip: '203.0.113.7',
      userAgent: String(await page.evaluate('navigator.userAgent')),
      fields: [
        { label: 'IBAN', value: 'NL91ABNA0417164300' },
        { label: 'Note', value: long },
      ],
    },
  })
  await page.getByRole('button', { name: texts.requests.open }).waitFor()
  await look('requests, one', '.card .wide')
  await press(texts.requests.open)
  await page.getByText('Haarlem').waitFor()
  const wrong = challenge.number === '000000' ? '111111' : '000000'
  await page.getByLabel(texts.request.number).fill(wrong)
  await press(texts.request.approve)
  await page.getByText(texts.request.wrong.other.replace('{count}', '2')).first().waitFor()
  await look('request, with a wrong number', 'main button, input')
  await context.setOffline(true)
  await page.getByText(texts.requests.offline).waitFor()
  await look('request, offline', 'main button, input')
  await context.setOffline(false)
  await press(texts.request.notMe)
  await page.getByText(texts.report.title).waitFor()
  await look('report', 'dialog button')
  await page.keyboard.press('Escape')
  await page.getByLabel(texts.request.number).fill(challenge.number)
  await passkeys.verify(false)
  await press(texts.request.approve)
  await page.getByText(texts.passkeyErrors.NotAllowedError).waitFor()
  await look('request, passkey refused', 'main button, input')
  await passkeys.verify(true)
  await press(texts.request.approve)
  await reads(texts.ending.approved)
  await look('approved', 'main button')
  await press(texts.ending.done)
  await reads(texts.requests.title)
}

async function seeTabs({ service, seat, texts, user, look }: Tour): Promise<void> {
  const { page, reads } = seat
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  await press(texts.tabs.codes)
  await reads(texts.codes.title)
  await page.getByText(/^\d{3} \d{3}$/).waitFor()
  await look('codes', '.code')
  await press(texts.otherCodes.add)
  await page.getByLabel(texts.otherCodes.key).fill('no key')
  await press(texts.otherCodes.go)
  await page.getByText(texts.otherCodes.unreadable).waitFor()
  await look('codes, another service')
  await page.getByLabel(texts.otherCodes.key).fill('JBSWY3DPEHPK3PXP')
  await page.getByLabel(texts.otherCodes.name).fill('Example, ada@example.com')
  await press(texts.otherCodes.go)
  await page.getByText(texts.otherCodes.title).waitFor()
  await look('codes, with another service')
  await press(texts.tabs.activity)
  await page.getByText(texts.activity.types.device_added).waitFor()
  await look('activity')
  await press(texts.tabs.more)
  await reads(texts.settings.title)
  await look('settings')
  await service.enrollPhone(user, 'Phone')
  await page.getByRole('button', { name: user }).click()
  await page.getByText(texts.account.noPush).waitFor()
  await page.getByText(texts.account.notPaused).waitFor()
  await page.getByText(texts.account.mayAnswer).waitFor()
  await look('account')
  await press(texts.account.remove)
  await page.getByRole('button', { name: texts.account.removeGo, exact: true }).waitFor()
  await look('removal', 'dialog button')
  await page.keyboard.press('Escape')
  await press(texts.account.lost.button)
  await page.getByText(texts.account.lost.what.back).waitFor()
  await look('lost phone', 'dialog button')
  await page.keyboard.press('Escape')
  await press(texts.account.pause.go)
  await page.getByText(texts.account.pause.resume).waitFor()
  await press(texts.account.save)
  await page.getByText(texts.account.saved).waitFor()
  await look('account, paused and saved')
}

/** The next phone, from the choice to its end. */
async function seePhones({ service, seat, texts, look }: Tour): Promise<void> {
  const { page, reads } = seat
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  await press(texts.account.addPhone)
  await reads(texts.phone.title)
  await page.getByLabel(texts.phone.replaces).selectOption(texts.phone.none)
  await look('phone', 'main button')
  const reply = page.waitForResponse((response) => response.url().endsWith('/v1/enrollments'))
  await press(texts.phone.go)
  await reads(texts.phone.scanTitle)
  await look('phone, code', '.qr, .code')
  const { uri } = (await (await reply).json()) as { readonly uri: string }
  const phone = await service.claim(uri)
  await reads(texts.phone.numberTitle)
  await look('phone, number', '.code')
  await phone.confirm(String(await page.locator('.code').textContent()))
  await reads(texts.phone.addedTitle)
  await look('phone, added', 'main button')
  await press(texts.back)
  await page.getByText(texts.account.mayAnswer).waitFor()
}

/** Another account, without a passkey; then no network. */
async function seeWithout({ service, seat, texts, look }: Tour): Promise<void> {
  const { page, context, reads } = seat
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  const { uri, number } = await openEnrollment(service, `without.${texts.locale}`)
  await page.goto(`${service.origin}/authenticator/#${service.tenantId}/${uri.split('#')[1]}`)
  await press(texts.add.useThis)
  await press(texts.passkey.skip)
  await reads(texts.confirm.title)
  await page.getByLabel(texts.confirm.number).fill(await number())
  await press(texts.confirm.go)
  await reads(texts.requests.title)
  await press(texts.tabs.more)
  await page.getByRole('button', { name: 'without' }).click()
  await page.getByText(texts.account.noPasskey).waitFor()
  await page.getByText(texts.account.notPaused).waitFor()
  await look('account, without a passkey')
  await press(texts.back)
  await reads(texts.settings.title)
  await press(texts.tabs.requests)
  await context.setOffline(true)
  await page.getByText(texts.requests.offline).waitFor()
  await look('requests, offline', '.note, main button')
  await context.setOffline(false)
}

/** Runs with the store of the app's accounts. */
const withStore = (page: Page, act: string) =>
  page.evaluate(`new Promise((resolve) => {
    const request = indexedDB.open('countersign-authenticator')
    request.onsuccess = () => {
      const transaction = request.result.transaction('accounts', 'readwrite')
      const answer = transaction.objectStore('accounts').${act}
      transaction.oncomplete = () => resolve(answer.result)
    }
  })`)

async function seeEnds({ service, seat, texts, look }: Tour): Promise<void> {
  const { page, reads } = seat
  const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
  const [deviceId] = (await withStore(page, 'getAllKeys()')) as string[]
  const { status } = await service.api('POST', `/v1/devices/${deviceId}/unregister`, {
    reason: 'lost',
  })
  if (status >= 300) throw new Error(`unregistering answered ${status}`)
  await press(texts.requests.toEnded)
  await reads(texts.ended.title)
  await look('ended', 'main button')
  await withStore(page, 'clear()')
  await page.reload()
  await reads(texts.lost.title)
  await look('lost')
}

/** Every screen, one after the other. */
export async function tour(options: Tour): Promise<void> {
  await enrollOnTheWay(options)
  await answerOnTheWay(options)
  await seeTabs(options)
  await seePhones(options)
  await seeWithout(options)
  await seeEnds(options)
}
