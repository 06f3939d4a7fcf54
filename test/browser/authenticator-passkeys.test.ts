// The passkey of the authenticator in Chromium, against the real service.

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
import { ask, openEnrollment } from './authenticator-seat.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

describe.runIf(executablePath)('the authenticator with a passkey', () => {
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

  test('enrolls with it, and approves what requires that the person was verified', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, reads, passkeys } = seat
    await enrollWithPasskey(service, seat, 'ada')
    const [passkey] = await passkeys.passkeys()
    expect(passkey).toMatchObject({ rpId: 'localhost', isResidentCredential: true, signCount: 2 })
    const challenge = await ask(service, 'ada', { userVerification: 'required' })
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel('Number on the sign-in page').fill(challenge.number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    const evidence = await service.api('GET', `/v1/challenges/${challenge.id}/evidence`)
    const credentialId = String(passkey?.credentialId)
    const id = Buffer.from(credentialId, 'base64').toString('base64url')
    expect(evidence.json.passkey).toMatchObject({ assertion: { id } })
    expect(seat.complaints).toEqual([])
  })

  test('asks for it also where verification is preferred only, and never to deny', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, reads, passkeys } = seat
    await enrollWithPasskey(service, seat, 'bob')
    const uses = async () => (await passkeys.passkeys())[0]?.signCount
    const first = await ask(service, 'bob')
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel('Number on the sign-in page').fill(first.number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    expect(await uses()).toBe(3)
    await page.getByRole('button', { name: 'Done' }).click()
    const other = await ask(service, 'bob', { userVerification: 'required' })
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByRole('button', { name: 'Deny' }).click()
    await reads('Denied')
    expect((await other.reading()).status).toBe('denied')
    expect(await uses()).toBe(3)
  })

  test('that is refused when it approves says so, keeps the question open, and costs no try', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, reads, passkeys } = seat
    await enrollWithPasskey(service, seat, 'cleo')
    const { number, reading } = await ask(service, 'cleo', { userVerification: 'required' })
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel('Number on the sign-in page').fill(number)
    await passkeys.verify(false)
    const approve = page.getByRole('button', { name: 'Approve' })
    for (const _ of [1, 2, 3, 4]) {
      await approve.click()
      await page.getByText('The passkey was not used').waitFor()
    }
    expect(await reading()).toMatchObject({ status: 'pending' })
    await passkeys.verify(true)
    await approve.click()
    await reads('Approved')
    expect((await reading()).status).toBe('approved')
  })

  test('is offered with a way without it, which denies and approves what needs no more', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, reads, passkeys } = seat
    const enrollment = await openEnrollment(service, 'dora')
    await goToOffer(service, seat, enrollment)
    await page.getByRole('button', { name: 'Skip', exact: true }).click()
    await confirmNumber(seat, enrollment)
    expect(await passkeys.passkeys()).toEqual([])
    const { number, reading } = await ask(service, 'dora')
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByLabel('Number on the sign-in page').fill(number)
    await page.getByRole('button', { name: 'Approve' }).click()
    await reads('Approved')
    expect((await reading()).status).toBe('approved')
  })

  test('that is refused when it is made can be made again, without another code', async () => {
    await using seat = await sitWithPasskeys(browser, service, { place: { isUserVerified: false } })
    const { page, reads, passkeys } = seat
    const enrollment = await openEnrollment(service, 'edna')
    await goToOffer(service, seat, enrollment)
    const setUp = page.getByRole('button', { name: 'Set up a passkey' })
    await setUp.click()
    await page.getByText('No passkey was set up').waitFor()
    await passkeys.verify(true)
    await setUp.click()
    await reads('Now use it once')
    await passkeys.verify(false)
    const use = page.getByRole('button', { name: 'Use the passkey' })
    await use.click()
    await page.getByText('The passkey was not used').waitFor()
    await passkeys.verify(true)
    await use.click()
    await confirmNumber(seat, enrollment)
  })

  test('that the organisation does not take because it is copied leaves the code as good as before', async () => {
    const policy = await service.api('PATCH', '/v1/policy', { syncedPasskeys: 'refused' })
    expect(policy.status).toBe(200)
    await using seat = await sitWithPasskeys(browser, service, { place: { isSynced: true } })
    const { page, reads } = seat
    const enrollment = await openEnrollment(service, 'fay')
    await goToOffer(service, seat, enrollment)
    await page.getByRole('button', { name: 'Set up a passkey' }).click()
    await reads('Now use it once')
    await page.getByRole('button', { name: 'Use the passkey' }).click()
    await page.getByText('does not accept passkeys that are copied').waitFor()
    await page.getByRole('button', { name: 'Skip', exact: true }).click()
    await confirmNumber(seat, enrollment)
  })
  test('that was made and then not wanted is taken back, and one in use is named after its account', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page, reads, passkeys } = seat
    const enrollment = await openEnrollment(service, 'gil')
    await goToOffer(service, seat, enrollment)
    await page.getByRole('button', { name: 'Set up a passkey' }).click()
    await reads('Now use it once')
    const [passkey] = await passkeys.passkeys()
    // Its manager knows no more of the person than the name that they gave the browser.
    expect(passkey).toMatchObject({ userName: 'Chrome, Linux', userDisplayName: 'Chrome, Linux' })
    await page.getByRole('button', { name: 'Go on without a passkey' }).click()
    await confirmNumber(seat, enrollment)
    await until('it is taken back', async () => (await passkeys.passkeys()).length === 0)
    await enrollWithPasskey(service, seat, 'hal')
    await until('it has the name of the account', async () => {
      const [passkey] = await passkeys.passkeys()
      return passkey?.userName === 'hal (Default)'
    })
  })

  test('does not work on a page that names another domain, says so, and leaves a way', async () => {
    await using seat = await sitWithPasskeys(browser, service)
    const { page } = seat
    await page.route(/\/authenticator\/$/, async (route) => {
      const response = await route.fetch()
      const meta = /(<meta name="webauthn-rp-id" content=")/
      const body = (await response.text()).replace(meta, '$1evil.example')
      await route.fulfill({ response, body })
    })
    const enrollment = await openEnrollment(service, 'ira')
    await goToOffer(service, seat, enrollment)
    await page.getByRole('button', { name: 'Set up a passkey' }).click()
    await page.getByText('belong to another address than this page').waitFor()
    await page.getByRole('button', { name: 'Skip', exact: true }).click()
    await confirmNumber(seat, enrollment)
  })
})
