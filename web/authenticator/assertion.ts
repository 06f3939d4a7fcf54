// How a passkey of this browser confirms a text.

import { base64url } from 'jose'
import {
  type AssertedCredential,
  type GetAssertion,
  readAssertion,
} from '../../clients/device/src/device.ts'

/** The domain that passkeys belong to, as the service checks it: the page says which. */
export const rpId: string =
  document.querySelector<HTMLMetaElement>('meta[name="webauthn-rp-id"]')?.content ||
  location.hostname

/**
 * Asks the person for the passkey: from a click, or some browsers refuse. Throws the browser's
 * DOMException; it does not say whether the person refused or took too long.
 */
export const getAssertion: GetAssertion = async ({ credentialId, challenge }) => {
  const bytes = (text: string) => new Uint8Array(base64url.decode(text))
  const credential = await navigator.credentials.get({
    publicKey: {
      rpId,
      challenge: bytes(challenge),
      allowCredentials: [{ type: 'public-key', id: bytes(credentialId) }],
      userVerification: 'required',
    },
  })
  return readAssertion(credential as PublicKeyCredential & AssertedCredential)
}
