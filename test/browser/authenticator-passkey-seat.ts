// A person whose browser has a passkey's place: Chromium's virtual authenticator.

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { RunningService } from '../support/running-service.ts'
import { openEnrollment, type Seat, sit } from './authenticator-seat.ts'

type Place = {
  /** Whether the person passes the check of finger, face or PIN; false stands for a refusal. */
  readonly isUserVerified?: boolean
  /** Whether what is made there is copied to other devices. */
  readonly isSynced?: boolean
}

/** Gives the page a place for passkeys, where the person touches at once. */
async function placePasskeys(page: Page, { isUserVerified = true, isSynced }: Place = {}) {
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal' },
      ...{ hasResidentKey: true, hasUserVerification: true, isUserVerified },
      automaticPresenceSimulation: true,
      ...(isSynced && { defaultBackupEligibility: true, defaultBackupState: true }),
    },
  })
  return {
    verify: (isNowVerified: boolean) =>
      devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: isNowVerified }),
    passkeys: async () =>
      (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    clear: () => devtools.send('WebAuthn.clearCredentials', { authenticatorId }),
    leave: () => devtools.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }),
  }
}

/** A browser with a place for passkeys. */
export async function sitWithPasskeys(
  browser: Browser,
  service: Pick<RunningService, 'origin'>,
  { place, ...options }: BrowserContextOptions & { readonly place?: Place } = {},
) {
  const seat = await sit(browser, service, options)
  return { ...seat, passkeys: await placePasskeys(seat.page, place) }
}

/** Opens the app with the code of an enrollment, up to the offer of a passkey. */
export async function goToOffer(
  service: RunningService,
  { page, reads }: Pick<Seat, 'page' | 'reads'>,
  { uri }: { readonly uri: string },
) {
  const code = uri.split('#')[1]
  await page.goto(`${service.origin}/authenticator/#${service.tenantId}/${code}`)
  await page.getByRole('button', { name: 'Use this browser' }).click()
  await reads('Approve with your fingerprint, face or PIN?')
}

/** Types the number of the page, which is there once the code is claimed. */
export async function confirmNumber(
  { page, reads }: Pick<Seat, 'page' | 'reads'>,
  { number }: { readonly number: () => Promise<string> },
) {
  await reads('Is this you?')
  await page.getByLabel('Number').fill(await number())
  await page.getByRole('button', { name: 'Confirm' }).click()
  await reads('Requests')
}

/** Enrolls the browser with a passkey. */
export async function enrollWithPasskey(
  service: RunningService,
  seat: Pick<Seat, 'page' | 'reads'>,
  user: string,
) {
  const enrollment = await openEnrollment(service, user)
  await goToOffer(service, seat, enrollment)
  await seat.page.getByRole('button', { name: 'Set up a passkey' }).click()
  await seat.reads('Now use it once')
  await seat.page.getByRole('button', { name: 'Use the passkey' }).click()
  await confirmNumber(seat, enrollment)
}
