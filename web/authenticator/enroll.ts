// A code becomes an account of this browser.

import {
  claimEnrollment,
  createDeviceKeys,
  type DeviceKeys,
  type EnrollmentTicket,
} from '../../clients/device/src/device.ts'
import { appId, appVersion, worldIn } from './service.ts'
import { describeBrowser } from './this-browser.ts'
import { type Enrolled, mark, type StoredAccount, type Vault } from './vault.ts'

/** The keys of a new device. A passkey, which verifies the person, would be asked for here. */
function createKeys(): Promise<DeviceKeys> {
  return createDeviceKeys({ verification: false })
}

/**
 * Claims the code with new keys. They are stored first: a browser that keeps nothing (VaultError)
 * must not use up a code. Throws DeviceApiError as `claimEnrollment` does.
 */
export async function enroll(
  ticket: EnrollmentTicket,
  { vault, language, name }: { vault: Vault; language: string; name: string },
): Promise<Enrolled> {
  const keys = await createKeys()
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
