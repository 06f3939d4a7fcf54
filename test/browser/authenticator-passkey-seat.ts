// A person whose browser has a passkey's place: Chromium's virtual authenticator.

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import { freePort } from '../support/ports.ts'
import {
  createApi,
  enrollPhone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'
import { openEnrollment, type Seat, sit } from './authenticator-seat.ts'

/** A service whose authenticator has a name: passkeys belong to one, and 127.0.0.1 is none. */
export async function startNamedService() {
  const port = await freePort()
  const authenticatorOrigin = `http://localhost:${port}`
  const running = await startTestService({ port, authenticatorOrigin })
  const address = `http://127.0.0.1:${port}`
  const service: RunningService = {
    ...running,
    origin: authenticatorOrigin,
    api: createApi(address, running.key),
  }
  /** Codes name the public origin, under which nobody listens. */
  const reach: typeof fetch = (url, init) =>
    fetch(String(url).replace(running.origin, address), init)
  const enroll = (user: string, name: string) => enrollPhone(service, { user, name, fetch: reach })
  return { ...service, enrollPhone: enroll, claim: (uri: string) => claim(uri, reach) }
}

/** A phone that has scanned a code, and waits for the number. */
async function claim(uri: string, reach: typeof fetch): Promise<DeviceClient> {
  const ticket = readEnrollmentUri(uri)
  if (!ticket) throw new Error(`not an enrollment URI: ${uri}`)
  const keys = await createDeviceKeys({ verification: true })
  const versions = { model: 'M', osVersion: '1', appVersion: '1' }
  const device = { name: 'Next phone', platform: 'ios', ...versions } as const
  const app = { appId: 'com.example.ios', device }
  const account = await claimEnrollment({ ticket, keys, ...app }, { fetch: reach })
  return new DeviceClient({ account, keys, fetch: reach })
}

export type NamedService = Awaited<ReturnType<typeof startNamedService>>

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

export type SeatWithPasskeys = Awaited<ReturnType<typeof sitWithPasskeys>>

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
