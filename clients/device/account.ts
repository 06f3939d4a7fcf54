import type { KeySet } from './key-set.ts'

/** What passcodes are made from (RFC 6238), for when there is no network; any TOTP library shows them. */
export type PasscodeSecret = {
  /** Base32 (RFC 4648), without padding. As secret as the keys. */
  readonly secret: string
  readonly algorithm: 'SHA256'
  readonly digits: number
  /** Seconds. */
  readonly period: number
}

/**
 * What a device keeps of one enrollment, beside its keys: plain JSON, to be stored as it is and written anew whenever the client
 * says that it changed. One app installation with several accounts holds several of these, each with keys of its own.
 */
export type DeviceAccount = {
  readonly origin: string
  readonly issuer: string
  readonly tenant: { readonly id: string; readonly name: string }
  readonly user: { readonly id: string; readonly displayName: string }
  readonly deviceId: string
  readonly status: 'unconfirmed' | 'active'
  /** Digits of the number that makes the device active; null when there is none to type. */
  readonly confirmationDigits: number | null
  /** Told once, at enrollment; null where the tenant allows no passcodes. */
  readonly passcode: PasscodeSecret | null
  /** The service's keys that this device believes. */
  readonly keySet: KeySet
  /** The service's time less this machine's, in milliseconds. */
  readonly clockOffsetMs: number
}
