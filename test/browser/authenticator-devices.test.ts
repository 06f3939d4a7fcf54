// What the passkey of a browser may do for the account: end devices, add them, set notifications.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { notRun } from '../support/programs.ts'
import { until } from '../support/until.ts'
import {
  confirmNumber,
  enrollWithPasskey,
  goToOffer,
  type NamedService,
  sitWithPasskeys,
  startNamedService,
} from './authenticator-passkey-seat.ts'
import { ask, openEnrollment, type Seat } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

/** Opens the screen of the account. */
async function goToAccount({ page, reads }: Pick<Seat, 'page' | 'reads'>, user: string) {
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('button', { name: user }).click()
  await reads(new RegExp(user))
}

describe.runIf(executablePath)('an authenticator with a passkey', () => {
  let service: NamedService
  let browser: Browser

  beforeAll(async () => {
    service = await startNamedService()
    browser = await openChromium(executablePath ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await service?.[Symbol.asyncDispose]()
  })

  test('removes a lost phone after it has named what that does, and with the passkey only', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, passkeys } = seat
    await enrollWithPasskey(service, seat, 'ada')
    const { client } = await service.enrollPhone('ada', 'Old phone')
    await goToAccount(seat, 'ada')
    await page.getByRole('button', { name: 'Lost or stolen' }).click()
    await page.getByText('answers on their way are refused').waitFor()
    await passkeys.verify(false)
    const remove = page.getByRole('button', { name: 'Remove it', exact: true })
    await remove.click()
    await page.getByText('The passkey was not used').waitFor()
    expect(await client.self()).toMatchObject({ status: 'active' })
    await passkeys.verify(true)
    await remove.click()
    await page.getByText('Old phone\u2069 was removed.').waitFor()
    expect(await page.getByRole('heading', { name: 'Old phone' }).count()).toBe(0)
    await expect(client.self()).rejects.toMatchObject({ code: 'device_unregistered' })
    expect(seat.complaints).toEqual([])
  })

  test('chooses how to be notified, and pauses notifications', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, passkeys } = seat
    await enrollWithPasskey(service, seat, 'bob')
    const { client } = await service.enrollPhone('bob', 'Phone')
    await goToAccount(seat, 'bob')
    await page.getByLabel('Messages of applications').selectOption('Off')
    await page.getByLabel('Sign-ins').selectOption('Off')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
    expect(await client.notificationPreferences()).toEqual({
      ...{ security: 'push', devices: 'push', sign_in: 'off', relying_party: 'off' },
    })
    await page.getByLabel('Pause all notifications').selectOption('For a day')
    await passkeys.verify(false)
    const pause = page.getByRole('button', { name: 'Pause', exact: true })
    await pause.click()
    await page.getByText('The passkey was not used').waitFor()
    expect(await client.pushPause()).toEqual({ until: null })
    await passkeys.verify(true)
    await pause.click()
    await page.getByText(/^Paused until /).waitFor()
    const { until: end } = await client.pushPause()
    expect(Math.abs(Date.parse(end ?? '') - Date.now() - 86_400_000)).toBeLessThan(60_000)
    await page.getByRole('button', { name: 'End the pause' }).click()
    await page.getByText('Not paused.').waitFor()
    expect(await client.pushPause()).toEqual({ until: null })
    expect(seat.complaints).toEqual([])
  })

  test('restores the account on a second browser, which ends the first', async () => {
    await using first = await sitWithPasskeys(browser, service)
    await enrollWithPasskey(service, first, 'cleo')
    await goToAccount(first, 'cleo')
    await first.page.getByRole('button', { name: 'Add or change a phone' }).click()
    await first.reads('Add or change a phone')
    await first.page.getByRole('button', { name: 'Show the code' }).click()
    await first.reads('Scan this with the new phone')
    await first.page.getByRole('img', { name: 'QR code' }).waitFor()
    const code = String(await first.page.locator('.code').textContent())

    await using second = await sitWithPasskeys(browser, service)
    const { page, reads } = second
    await page.goto(`${service.origin}/authenticator?tenant=${service.tenantId}`)
    await page.getByRole('button', { name: 'Type a code' }).click()
    await page.getByLabel('User name').fill('cleo')
    await page.getByLabel('Code', { exact: true }).fill(code)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('button', { name: 'Set up a passkey' }).click()
    await page.getByRole('button', { name: 'Use the passkey' }).click()
    await first.reads('Type this number on the new phone')
    const number = async () => String(await first.page.locator('.code').textContent())
    await confirmNumber(second, { number })

    await first.reads('The new phone has taken over')
    const challenge = await ask(service, 'cleo', { userVerification: 'required' })
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel('Number on the sign-in page').fill(challenge.number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    await first.page.getByRole('button', { name: 'Erase its keys' }).click()
    await first.reads('Approve sign-ins in this browser')
    await until('its passkey goes, too', async () => (await first.passkeys.passkeys()).length === 0)
    expect([...first.complaints, ...second.complaints]).toEqual([])
  })

  test('adds a phone beside it, and says when the code was of no use', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, reads } = seat
    await enrollWithPasskey(service, seat, 'dora')
    const openCode = async () => {
      await page.getByRole('button', { name: 'Add or change a phone' }).click()
      await page.getByLabel('Which device does it replace?').selectOption('None: I keep them all')
      await page.getByRole('button', { name: 'Show the code' }).click()
      await reads('Scan this with the new phone')
      return String(await page.locator('.code').textContent())
    }
    await goToAccount(seat, 'dora')
    const code = await openCode()
    await using other = await sitWithPasskeys(browser, service)
    await other.page.goto(`${service.origin}/authenticator?tenant=${service.tenantId}`)
    await other.page.getByRole('button', { name: 'Type a code' }).click()
    await other.page.getByLabel('User name').fill('dora')
    await other.page.getByLabel('Code', { exact: true }).fill(code)
    await other.page.getByRole('button', { name: 'Continue' }).click()
    await other.page.getByRole('button', { name: 'Skip', exact: true }).click()
    await reads('Type this number on the new phone')
    const number = async () => String(await page.locator('.code').textContent())
    await confirmNumber(other, { number })
    await reads('The phone is added')
    await page.getByRole('button', { name: 'Back' }).click()
    await reads(/dora/)
    const reply = page.waitForResponse((response) => response.url().endsWith('/v1/enrollments'))
    await openCode()
    const { id } = (await (await reply).json()) as { readonly id: string }
    const cancel = await service.api('POST', `/v1/enrollments/${id}/cancel`)
    expect(cancel.status).toBe(200)
    await reads('The code is not valid any more')
    expect(seat.complaints).toEqual([])
  })

  test('that is removed by another device says so, and erases its keys when it is asked to', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, reads } = seat
    await enrollWithPasskey(service, seat, 'edna')
    const phone = await service.enrollPhone('edna', 'Phone')
    const devices = await phone.client.devices()
    const own = devices.find(({ platform }) => platform === 'web')
    await phone.client.unregisterOther(String(own?.id))
    await page.getByRole('button', { name: 'What now?' }).click()
    await reads('This browser was removed')
    await page.getByRole('button', { name: 'Erase its keys' }).click()
    await reads('Approve sign-ins in this browser')
    expect(seat.complaints).toEqual([])
  })

  test('is the only one: without a passkey the account says what it cannot do, and why', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page } = seat
    const enrollment = await openEnrollment(service, 'gil')
    await goToOffer(service, seat, enrollment)
    await page.getByRole('button', { name: 'Skip', exact: true }).click()
    await confirmNumber(seat, enrollment)
    await service.enrollPhone('gil', 'Phone')
    await goToAccount(seat, 'gil')
    await page.getByText('This browser has no passkey').waitFor()
    await page.getByRole('heading', { name: 'Phone' }).waitFor()
    await page.getByText('Not paused.').waitFor()
    for (const name of ['Lost or stolen', 'Add or change a phone', 'Save', 'Pause']) {
      expect(await page.getByRole('button', { name }).count()).toBe(0)
    }
    expect(seat.complaints).toEqual([])
  })
})
