// A new passkey of this browser, and what its manager learns about it.

import { base64url } from 'jose'
import { type NewCredential, type Passkey, readPasskey } from '../../clients/device/src/device.ts'
import { rpId } from './assertion.ts'

/**
 * Whether a passkey can be made here: `external` where only a key that is plugged in, or a phone,
 * could hold it.
 */
export type PasskeyStanding = 'possible' | 'external' | 'impossible'

/** A passkey, and the name under which its manager keeps it for this account. */
export type NewPasskey = { readonly passkey: Passkey; readonly userHandle: string }

const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes))

/** Addresses of numbers are no domain, and passkeys belong to domains. */
const isNumeric = () => /^[\d.]+$|^\[/.test(location.hostname)

export async function passkeyStanding(): Promise<PasskeyStanding> {
  if (!('PublicKeyCredential' in globalThis) || isNumeric()) return 'impossible'
  if (!('getPublicKey' in AuthenticatorAttestationResponse.prototype)) return 'impossible'
  const isHere = PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()
  return (await isHere.catch(() => false)) ? 'possible' : 'external'
}

/**
 * Has the browser make a passkey: only in a click. Its manager learns the name and nothing else
 * about the person. Throws the browser's DOMException.
 */
export async function createPasskey(name: string): Promise<NewPasskey> {
  const userHandle = random(16)
  const credential = await navigator.credentials.create({
    publicKey: {
      rp: { id: rpId, name: 'Countersign' },
      user: { id: userHandle, name, displayName: name },
      challenge: random(32),
      // ES256 alone: the service takes no other.
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      authenticatorSelection: {
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      },
      attestation: 'none',
    },
  })
  const passkey = await readPasskey(credential as PublicKeyCredential & NewCredential)
  return { passkey, userHandle: base64url.encode(userHandle) }
}

/** Of Web Authentication Level 3, where the browser has it. */
type Signals = {
  signalCurrentUserDetails?(details: {
    readonly rpId: string
    readonly userId: string
    readonly name: string
    readonly displayName: string
  }): Promise<void>
  signalUnknownCredential?(which: {
    readonly rpId: string
    readonly credentialId: string
  }): Promise<void>
}
const signals = () => PublicKeyCredential as unknown as Signals

/** Names the passkey after its account, which is not known before the code is claimed. */
export async function namePasskey({ userHandle }: NewPasskey, name: string): Promise<void> {
  const details = { rpId, userId: userHandle, name, displayName: name }
  await signals().signalCurrentUserDetails?.(details)
}

/** Tells the manager that nobody accepts the passkey any more, so that it is not offered. */
export async function dropPasskey({ id: credentialId }: Pick<Passkey, 'id'>): Promise<void> {
  await signals().signalUnknownCredential?.({ rpId, credentialId })
}
