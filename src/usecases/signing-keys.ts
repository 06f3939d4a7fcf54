import type { TenantId } from '../domain/ids.ts'
import type { SigningKeyStore } from '../ports/directory-store.ts'
import type { Signatures } from '../ports/world.ts'

/** Signs in a tenant's name. */
export interface SigningKeys {
  /** Signs with the tenant's active key. */
  sign(tenantId: TenantId, typ: string, payload: string): Promise<string>
  /** The same for several, with the key at hand: what it gives asks the database nothing. */
  signer(tenantId: TenantId, typ: string): Promise<(payload: string) => Promise<string>>
  /** Signs with the key that was chosen before; the header is fixed with it. */
  signWith(tenantId: TenantId, kid: string, header: string, payload: string): Promise<string>
  /** Looks the active key up anew at the next signature. */
  forget(tenantId: TenantId): void
}

export type Needs = {
  readonly keys: Pick<SigningKeyStore, 'list' | 'findPrivate'>
  readonly signatures: Pick<Signatures, 'sign'>
}

const activeAgeMaxMs = 60_000

/**
 * Keeps which key is active for a minute and sealed keys for ever (a key never changes under its thumbprint). A key that was
 * retired within that minute still verifies: old keys stay published.
 */
export function createSigningKeys({ keys, signatures }: Needs, nowMs: () => number): SigningKeys {
  const sealed = new Map<string, Promise<Uint8Array>>()
  const active = new Map<TenantId, { readonly at: number; readonly kid: Promise<string> }>()

  async function findActive(tenantId: TenantId): Promise<string> {
    const found = (await keys.list(tenantId)).find((key) => key.status === 'active')
    if (!found) throw new Error(`tenant ${tenantId} has no active signing key`)
    return found.kid
  }

  function activeKid(tenantId: TenantId): Promise<string> {
    const known = active.get(tenantId)
    if (known && nowMs() - known.at < activeAgeMaxMs) return known.kid
    const kid = findActive(tenantId)
    active.set(tenantId, { at: nowMs(), kid })
    kid.catch(() => active.delete(tenantId))
    return kid
  }

  async function readSealed(tenantId: TenantId, kid: string): Promise<Uint8Array> {
    const found = await keys.findPrivate(tenantId, kid)
    if (!found) throw new Error(`tenant ${tenantId} has no signing key ${kid}`)
    return found
  }

  function privateSealed(tenantId: TenantId, kid: string): Promise<Uint8Array> {
    const known = sealed.get(kid)
    if (known !== undefined) return known
    const found = readSealed(tenantId, kid)
    sealed.set(kid, found)
    found.catch(() => sealed.delete(kid))
    return found
  }

  const self: SigningKeys = {
    async sign(tenantId, typ, payload) {
      return (await self.signer(tenantId, typ))(payload)
    },
    async signer(tenantId, typ) {
      const kid = await activeKid(tenantId)
      const key = { tenantId, kid, privateSealed: await privateSealed(tenantId, kid) }
      const header = JSON.stringify({ alg: 'ES256', typ, kid })
      return (payload) => signatures.sign(key, header, payload)
    },
    async signWith(tenantId, kid, header, payload) {
      const key = { tenantId, kid, privateSealed: await privateSealed(tenantId, kid) }
      return signatures.sign(key, header, payload)
    },
    forget(tenantId) {
      active.delete(tenantId)
    },
  }
  return self
}
