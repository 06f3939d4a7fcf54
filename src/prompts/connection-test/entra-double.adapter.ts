// Entra as far as a test of a connection needs it, written from its documentation ("External method
// provider reference"): a hint that has expired when it is issued, and the form that brings it.

import { randomUUID } from 'node:crypto'
import { createLocalJWKSet } from 'jose/jwks/local'
import { SignJWT } from 'jose/jwt/sign'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { type EntraBinding, entraIssuer, entraRedirectUri } from '../../domain/entra.ts'
import { type HintKeys, verifyHint } from '../oidc/verify-hint.adapter.ts'
import type { EntraDouble } from './connection-test.store.ts'

const acrValues = ['possessionorinherence']
/** As its documentation shows them. */
const amrValues = [
  ...['face', 'fido', 'fpt', 'hwk', 'iris', 'otp', 'pop', 'retina', 'sc', 'sms', 'swk', 'tel'],
  'vbm',
]
const claimsAsked = {
  id_token: {
    acr: { essential: true, values: acrValues },
    amr: { essential: true, values: amrValues },
  },
}

/** The same token for another person: the signature no longer fits. */
function forgeryOf(hint: string): string {
  const [header = '', payload = '', signature = ''] = hint.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
  const others = JSON.stringify({ ...claims, oid: randomUUID() })
  return [header, Buffer.from(others).toString('base64url'), signature].join('.')
}

/**
 * A double for one test of one integration. Its key is made here, is held by what is returned
 * alone, and is never stored: after the test nothing can sign with it.
 */
export async function createEntraDouble(binding: EntraBinding): Promise<EntraDouble> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const [kid, objectId, nonce] = [randomUUID(), randomUUID(), randomUUID()]
  const subject = `connection-test-${objectId}`
  const issuer = entraIssuer(binding)
  const publicJwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', issuer }
  const keys: HintKeys = createLocalJWKSet({ keys: [publicJwk] })

  async function sign(now: Date): Promise<string> {
    const iat = Math.floor(now.getTime() / 1000)
    return new SignJWT({
      ...{ ver: '2.0', iss: issuer, aud: binding.applicationId, tid: binding.entraTenantId },
      ...{ oid: objectId, sub: subject, iat, nbf: iat, exp: iat - 1, name: 'Connection test' },
    })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
      .sign(privateKey)
  }

  return {
    ...{ subject, nonce, acrValues },
    hints: {
      verify: (hint, ofBinding) =>
        verifyHint(hint, ofBinding, async () => keys).catch(() => 'refused' as const),
    },
    async form({ clientId, isForged, now }) {
      const hint = await sign(now)
      return {
        scope: 'openid',
        response_type: 'id_token',
        response_mode: 'form_post',
        client_id: clientId,
        redirect_uri: entraRedirectUri(binding.cloud),
        ...{ nonce, state: randomUUID(), 'client-request-id': randomUUID() },
        id_token_hint: isForged ? forgeryOf(hint) : hint,
        claims: JSON.stringify(claimsAsked),
      }
    },
  }
}
