// A code becomes an account of this browser.

import {
  claimEnrollment,
  createDeviceKeys,
  type DeviceKeys,
  type EnrollmentTicket,
  type Passkey,
} from '../../clients/device/src/device.ts'
import { appId, appVersion, worldIn } from './service.ts'
import { describeBrowser } from './this-browser.ts'
import { type Enrolled, mark, type StoredAccount, type Vault } from './vault.ts'

/** What a new account of this browser begins with. */
export type Beginning = {
  readonly ticket: EnrollmentTicket
  /** Of this browser, as the person names it. */
  readonly name: string
  /** Verifies the person; null where they want none, or have none. */
  readonly passkey: Passkey | null
}

async function createKeys(passkey: Passkey | null): Promise<DeviceKeys> {
  const keys = await createDeviceKeys({ verification: false })
  return passkey ? { ...keys, passkey } : keys
}

/**
 * Claims the code with new keys. They are stored first: a browser that keeps nothing (VaultError)
 * must not use up a code. With a passkey the person is asked for it once more. Throws
 * DeviceApiError as `claimEnrollment` does, and the browser's DOMException about a passkey.
 */
export async function enroll(
  { ticket, name, passkey }: Beginning,
  { vault, language }: { readonly vault: Vault; readonly language: string },
): Promise<Enrolled> {
  const keys = await createKeys(passkey)
  const claim: StoredAccount = {
    id: `claim ${keys.possession.kid}`,
    keys,
    account: null,
    appVersion,
    endedAt: null,
  }
  await vault.put(claim)
  try {
    const { browser, system } = describeBrowser(navigator.userAgent)
    const device = {
      name,
      platform: 'web',
      model: browser,
      osVersion: system,
      appVersion,
      language,
    } as const
    const account = await claimEnrollment({ ticket, keys, appId, device }, worldIn(language))
    const record = { ...claim, id: account.deviceId, account }
    await vault.replace(claim.id, record)
    mark('accounts', true)
    return record
  } catch (error) {
    await vault.remove(claim.id).catch(() => undefined)
    throw error
  }
}
