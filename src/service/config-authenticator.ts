// Where the authenticator in the browser lives, and whose passkeys count.

import { createHash } from 'node:crypto'
import type { AuthenticatorSite } from '../domain/assertion.ts'
import type { Faults, Values } from './config-values.ts'

/** Null where the public origin decides. */
export type AuthenticatorConfig = {
  readonly authenticatorOrigin: string | null
  readonly webauthnRpId: string | null
}

/** True for an origin that browsers and phones may use in plain http: this machine. */
export function isPlain(origin: string): boolean {
  const { protocol, hostname } = new URL(origin)
  const isLocal =
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '127.0.0.1' ||
    hostname === '[::1]'
  return protocol === 'http:' && !isLocal
}

/**
 * Reads where the authenticator lives. The RP ID must be its host or a parent domain of it, or no
 * browser makes a passkey (Web Authentication Level 3, section 5.1.2).
 */
export function readAuthenticator(values: Values, faults: Faults): AuthenticatorConfig {
  const { AUTHENTICATOR_ORIGIN: own, WEBAUTHN_RP_ID: rpId, PUBLIC_ORIGIN: publicOrigin } = values
  if (own !== undefined && isPlain(own)) {
    faults.add('AUTHENTICATOR_ORIGIN', 'must be https; browsers have passkeys nowhere else')
  }
  const origin = own ?? publicOrigin
  if (rpId !== undefined && origin === undefined) {
    faults.add('WEBAUTHN_RP_ID', 'requires PUBLIC_ORIGIN or AUTHENTICATOR_ORIGIN')
  } else if (rpId !== undefined && origin !== undefined && !isRpIdOf(rpId, origin)) {
    faults.add('WEBAUTHN_RP_ID', 'must be the host of the authenticator or a parent domain of it')
  }
  return { authenticatorOrigin: own ?? null, webauthnRpId: rpId ?? null }
}

function isRpIdOf(rpId: string, origin: string): boolean {
  const { hostname } = new URL(origin)
  return hostname === rpId || (rpId.includes('.') && hostname.endsWith(`.${rpId}`))
}

/** The site whose assertions count. */
export function authenticatorSite(
  { authenticatorOrigin, webauthnRpId }: AuthenticatorConfig,
  publicOrigin: string,
): AuthenticatorSite & { readonly rpId: string } {
  const origin = authenticatorOrigin ?? publicOrigin
  const rpId = webauthnRpId ?? new URL(origin).hostname
  return { origin, rpId, rpIdHash: createHash('sha256').update(rpId).digest('base64url') }
}
