// A hint verified with a set of keys that is handed in: which keys count is never decided here.

import type { CompactVerifyGetKey, JSONWebKeySet, JWK } from 'jose'
import { type EntraBinding, mayKeySign } from '../../domain/entra.ts'
import { readJsonObject } from '../../platform/crypto/strict-json.ts'
import type { VerifiedClaims } from './entra-hint.store.ts'

/** Keys of a cloud, as jose finds one for a token. */
export type HintKeys = CompactVerifyGetKey & { readonly jwks: () => JSONWebKeySet | undefined }
/** Whose key it is: all tenants of a cloud share one address. */
type CloudKey = JWK & { readonly issuer?: unknown }

/** Longer ones are refused unread. */
export const hintLengthMax = 8_192

/**
 * The claims of a hint that one of the keys signed, and that may sign for this tenant; `refused`
 * for another. Rejects with what jose, or the reading of the keys, rejects with.
 */
export async function verifyHint(
  hint: string,
  binding: EntraBinding,
  readKeys: () => Promise<HintKeys>,
): Promise<VerifiedClaims | 'refused'> {
  // Most installations never get a hint.
  const [{ decodeProtectedHeader }, { compactVerify }] = await Promise.all([
    import('jose/decode/protected_header'),
    import('jose/jws/compact/verify'),
  ])
  const { kid, alg } = decodeProtectedHeader(hint)
  if (typeof kid !== 'string' || alg !== 'RS256') return 'refused'
  const keys = await readKeys()
  const { payload } = await compactVerify(hint, keys, { algorithms: ['RS256'] })
  const cloudKeys: readonly CloudKey[] = keys.jwks()?.keys ?? []
  const signers = cloudKeys.filter((key) => key.kid === kid)
  const [signer] = signers
  if (signers.length !== 1 || !mayKeySign(signer?.issuer, binding)) return 'refused'
  return readJsonObject(payload) ?? 'refused'
}
