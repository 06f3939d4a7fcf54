import type { KeySet } from './key-set.ts'

/**
 * The secret of passcodes (RFC 6238), for when there is no network; any TOTP library can generate
 * them.
 */
export type PasscodeSecret = {
  /** Base32 (RFC 4648), without padding. As secret as the keys. */
  readonly secret: string
  readonly algorithm: 'SHA256'
  readonly digits: number
  /** Seconds. */
  readonly period: number
}

/**
 * A device's data of one enrollment, apart from its keys: plain JSON, to be stored as it is and
 * written again whenever the client reports a change. An app installation with several accounts has
 * several of these, each with keys of its own.
 */
export type DeviceAccount = {
  readonly origin: string
  readonly issuer: string
  readonly tenant: { readonly id: string; readonly name: string }
  readonly user: { readonly id: string; readonly displayName: string }
  readonly deviceId: string
  readonly status: 'unconfirmed' | 'active'
  /** Digits of the number that makes the device active; null when there is nothing to type. */
  readonly confirmationDigits: number | null
  /** Sent once, at enrollment; null where the tenant allows no passcodes. */
  readonly passcode: PasscodeSecret | null
  /** The service's keys that this device trusts. */
  readonly keySet: KeySet
  /** The service's time minus this machine's, in milliseconds. */
  readonly clockOffsetMs: number
}
