import type { TenantId } from '../domain/ids.ts'
import type { Signatures } from '../platform/world.ts'
import type { SigningKeyStore } from './directory.store.ts'

/** Signs in a tenant's name. */
export interface SigningKeys {
  /** Signs with the tenant's active key. */
  sign(tenantId: TenantId, typ: string, payload: string): Promise<string>
  /** The same for several, with the key loaded: the returned function makes no query. */
  signer(tenantId: TenantId, typ: string): Promise<(payload: string) => Promise<string>>
  /** Signs with a key chosen earlier; the header is fixed with it. */
  signWith(tenantId: TenantId, kid: string, header: string, payload: string): Promise<string>
  /** Reads the active key again at the next signature. */
  forget(tenantId: TenantId): void
}

export type Dependencies = {
  readonly keys: Pick<SigningKeyStore, 'list' | 'findPrivate'>
  readonly signatures: Pick<Signatures, 'sign'>
}

const activeAgeMaxMs = 60_000

/**
 * Caches the active key's id for a minute and sealed keys permanently (a key never changes under
 * its thumbprint). A key that was retired within that minute still verifies: old keys stay
 * published.
 */
export function buildSigningKeys(
  { keys, signatures }: Dependencies,
  nowMs: () => number,
): SigningKeys {
  const sealedKeys = new Map<string, Promise<Uint8Array>>()
  const active = new Map<TenantId, { readonly at: number; readonly kid: Promise<string> }>()

  async function findActive(tenantId: TenantId): Promise<string> {
    const key = (await keys.list(tenantId)).find((key) => key.status === 'active')
    if (!key) throw new Error(`tenant ${tenantId} has no active signing key`)
    return key.kid
  }

  function activeKid(tenantId: TenantId): Promise<string> {
    const entry = active.get(tenantId)
    if (entry && nowMs() - entry.at < activeAgeMaxMs) return entry.kid
    const kid = findActive(tenantId)
    active.set(tenantId, { at: nowMs(), kid })
    kid.catch(() => active.delete(tenantId))
    return kid
  }

  async function readSealedKey(tenantId: TenantId, kid: string): Promise<Uint8Array> {
    const sealedKey = await keys.findPrivate(tenantId, kid)
    if (!sealedKey) throw new Error(`tenant ${tenantId} has no signing key ${kid}`)
    return sealedKey
  }

  function sealedKeyOf(tenantId: TenantId, kid: string): Promise<Uint8Array> {
    const cachedKey = sealedKeys.get(kid)
    if (cachedKey !== undefined) return cachedKey
    const sealedKey = readSealedKey(tenantId, kid)
    sealedKeys.set(kid, sealedKey)
    sealedKey.catch(() => sealedKeys.delete(kid))
    return sealedKey
  }

  const self: SigningKeys = {
    async sign(tenantId, typ, payload) {
      return (await self.signer(tenantId, typ))(payload)
    },
    async signer(tenantId, typ) {
      const kid = await activeKid(tenantId)
      const key = { tenantId, kid, privateSealed: await sealedKeyOf(tenantId, kid) }
      const header = JSON.stringify({ alg: 'ES256', typ, kid })
      return (payload) => signatures.sign(key, header, payload)
    },
    async signWith(tenantId, kid, header, payload) {
      const key = { tenantId, kid, privateSealed: await sealedKeyOf(tenantId, kid) }
      return signatures.sign(key, header, payload)
    },
    forget(tenantId) {
      active.delete(tenantId)
    },
  }
  return self
}
