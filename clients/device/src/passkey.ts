// The verification key of a browser: a passkey (Web Authentication Level 3), which the app has made
// and used by `navigator.credentials`; here are only its data.

import { base64url, calculateJwkThumbprint } from 'jose'
import { sha256 } from './hash.ts'

/** A passkey as plain JSON, to be stored with the keys. Binary values are in base64url. */
export type Passkey = {
  /** RFC 7638 thumbprint of its public key. */
  readonly kid: string
  /** Of the credential: what `allowCredentials` names. */
  readonly id: string
  /** SubjectPublicKeyInfo. */
  readonly publicKey: string
  /** Of the registration. */
  readonly authenticatorData: string
}

/** An assertion of a passkey; binary values in base64url. */
export type PasskeyAssertion = {
  readonly id: string
  readonly authenticatorData: string
  readonly clientDataJSON: string
  readonly signature: string
}

/**
 * Has the passkey make an assertion: `navigator.credentials.get()` for this credential alone, with
 * this challenge (32 bytes in base64url) and `userVerification: "required"`. What it throws reaches
 * the caller of the method that asked.
 */
export type GetAssertion = (request: {
  readonly credentialId: string
  readonly challenge: string
}) => Promise<PasskeyAssertion>

/** A `PublicKeyCredential` of `navigator.credentials.create()`. */
export type NewCredential = {
  readonly id: string
  readonly response: {
    getPublicKey(): ArrayBuffer | null
    getAuthenticatorData(): ArrayBuffer
  }
}

/** A `PublicKeyCredential` of `navigator.credentials.get()`. */
export type AssertedCredential = {
  readonly id: string
  readonly response: {
    readonly authenticatorData: ArrayBuffer
    readonly clientDataJSON: ArrayBuffer
    readonly signature: ArrayBuffer
  }
}

/** SubjectPublicKeyInfo of P-256 (RFC 5480): 27 bytes that are always the same, then x and y. */
const spkiBytes = 91

const encode = (bytes: ArrayBuffer) => base64url.encode(new Uint8Array(bytes))

/**
 * The passkey that a browser has made. Throws unless it is ES256: ask for
 * `{type: "public-key", alg: -7}` alone.
 */
export async function readPasskey({ id, response }: NewCredential): Promise<Passkey> {
  const spki = response.getPublicKey()
  if (spki?.byteLength !== spkiBytes) throw new Error('a passkey must be an ES256 key (alg -7)')
  const point = { x: encode(spki.slice(27, 59)), y: encode(spki.slice(59)) }
  return {
    kid: await calculateJwkThumbprint({ kty: 'EC', crv: 'P-256', ...point }),
    id,
    publicKey: encode(spki),
    authenticatorData: encode(response.getAuthenticatorData()),
  }
}

/** The assertion that a browser has made. */
export function readAssertion({ id, response }: AssertedCredential): PasskeyAssertion {
  return {
    id,
    authenticatorData: encode(response.authenticatorData),
    clientDataJSON: encode(response.clientDataJSON),
    signature: encode(response.signature),
  }
}

/** An assertion over the signed part of a compact JWS. Throws when the app brought no means. */
export async function assertText(
  passkey: Pick<Passkey, 'id'>,
  jws: string,
  getAssertion: GetAssertion | undefined,
): Promise<PasskeyAssertion> {
  if (!getAssertion) throw new Error('a device with a passkey needs `getAssertion`')
  const challenge = await sha256(jws.slice(0, jws.lastIndexOf('.')))
  return getAssertion({ credentialId: passkey.id, challenge })
}
