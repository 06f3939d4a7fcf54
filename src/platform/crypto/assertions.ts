import { createHash, type KeyObject, verify } from 'node:crypto'
import {
  type Assertion,
  assertionBytesMax,
  type UnverifiedAssertion,
} from '../../domain/assertion.ts'
import { fromBase64url } from '../../domain/base64url.ts'
import type { PublicJwk } from '../../domain/device.ts'
import type { Signatures } from '../world.ts'
import { readJsonObject } from './strict-json.ts'

const members = ['id', 'authenticatorData', 'clientDataJSON', 'signature'] as const

function decodeAssertion(header: string): Assertion | undefined {
  const bytes = header.length <= assertionBytesMax ? fromBase64url(header) : undefined
  const object = bytes && readJsonObject(bytes)
  if (!object || Object.keys(object).length !== members.length) return undefined
  if (!members.every((name) => typeof object[name] === 'string')) return undefined
  return object as Assertion
}

function readAssertion(assertion: Assertion): UnverifiedAssertion | undefined {
  const authenticatorData = fromBase64url(assertion.authenticatorData)
  const clientBytes = fromBase64url(assertion.clientDataJSON)
  const signature = fromBase64url(assertion.signature)
  const clientData = clientBytes && readJsonObject(clientBytes)
  if (!authenticatorData || !clientBytes || !clientData || !signature) return undefined
  const clientHash = createHash('sha256').update(clientBytes).digest()
  return {
    credentialId: assertion.id,
    clientData,
    authenticatorData,
    signedBytes: Buffer.concat([authenticatorData, clientHash]),
    signature,
  }
}

/**
 * Reading and verifying assertions. Their signatures are in DER (Web Authentication Level 3,
 * section 6.5.5), unlike those of JWS.
 */
export function buildAssertions(
  publicKey: (jwk: PublicJwk) => KeyObject | undefined,
): Pick<Signatures, 'decodeAssertion' | 'readAssertion' | 'verifyAssertion'> {
  return {
    decodeAssertion,
    readAssertion,
    verifyAssertion({ signedBytes, signature }, jwk) {
      const key = publicKey(jwk)
      if (!key) return false
      return verify('sha256', signedBytes, { key, dsaEncoding: 'der' }, signature)
    },
  }
}
