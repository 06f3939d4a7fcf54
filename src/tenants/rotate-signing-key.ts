import type { TenantId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { Clock, Signatures } from '../platform/world.ts'
import type { SigningKeyStore } from './directory.store.ts'
import type { SigningKeys } from './signing-keys.ts'

export type Dependencies = {
  readonly keys: Pick<SigningKeyStore, 'list' | 'rotate'>
  readonly signatures: Pick<Signatures, 'createKey'>
  readonly signingKeys: SigningKeys
  readonly clock: Clock
  readonly publicOrigin: string
}

export const keySetTyp = 'keyset+jwt'

/**
 * Gives a tenant its next signing key. The old key signs the link to the new set, so that devices,
 * which pin the keys of their enrollment, can follow; the old key stays published and verifies old
 * receipts.
 */
export async function rotateSigningKey(
  dependencies: Dependencies,
  tenantId: TenantId,
): Promise<{ readonly kid: string; readonly seq: number } | Refusal<'not_found' | 'conflict'>> {
  const keys = await dependencies.keys.list(tenantId)
  const active = keys.find((key) => key.status === 'active')
  if (!active) return refuse('not_found')
  const next = await dependencies.signatures.createKey(tenantId)
  const seq = active.seq + 1
  const payload = JSON.stringify({
    iss: issuerOf(dependencies.publicOrigin, tenantId),
    seq,
    iat: Math.floor(dependencies.clock.now().getTime() / 1000),
    keys: [
      { ...next.publicJwk, kid: next.kid },
      ...keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid })),
    ],
  })
  const header = JSON.stringify({ alg: 'ES256', typ: keySetTyp, kid: active.kid })
  const linkJws = await dependencies.signingKeys.signWith(tenantId, active.kid, header, payload)
  const rotation = await dependencies.keys.rotate(tenantId, { ...next, seq, linkJws }, 'operator')
  if (rotation === 'changed') return refuse('conflict')
  dependencies.signingKeys.forget(tenantId)
  return { kid: next.kid, seq }
}
