import { isLive } from '../domain/api-key.ts'
import { type ApiKeyId, isId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { ApiKeyStore, StoredCredential } from '../ports/directory-store.ts'
import type { Addresses, Clock, Hashing } from '../ports/world.ts'

export type Needs = {
  readonly apiKeys: Pick<ApiKeyStore, 'findCredential' | 'touch'>
  readonly hashing: Pick<Hashing, 'sha256' | 'equal'>
  readonly addresses: Pick<Addresses, 'isWithin'>
  readonly clock: Clock
}

/** Longest time that a credential may be served from memory, and so the longest a revoked key may live on. */
const credentialAgeMaxMs = 1000
const rememberedMax = 10_000
const touchEveryMs = 60_000

type Remembered = { readonly at: number; readonly found: Promise<StoredCredential | null> }

export type ApiKeyAuthentication = {
  /**
   * Who presents this `Authorization` header from this address, or why nobody does. The same refusal for every kind of bad
   * key; only who holds a good one learns that it is bound to other addresses.
   */
  authenticate(authorization: string | undefined, address: string): Promise<Principal | Refusal>
  /** Forgets a key at once; called when a revocation is made here or signalled from another process. */
  forget(id: ApiKeyId): void
}

const keyPattern = /^Bearer cs_([0-9a-z]{26})_([A-Za-z0-9_-]{43})$/

/**
 * Keeps credentials for at most a second, so that a busy relying party costs one look-up a second and a revocation is in
 * force everywhere within that time even if its signal is lost. A key that does not exist is compared all the same.
 */
export function createApiKeyAuthentication(needs: Needs): ApiKeyAuthentication {
  const remembered = new Map<ApiKeyId, Remembered>()
  const touched = new Map<ApiKeyId, number>()

  function lookUp(id: ApiKeyId): Promise<StoredCredential | null> {
    const now = needs.clock.now().getTime()
    const known = remembered.get(id)
    if (known && now - known.at < credentialAgeMaxMs && now >= known.at) return known.found
    const found = needs.apiKeys.findCredential(id)
    if (remembered.size >= rememberedMax) remembered.clear()
    remembered.set(id, { at: now, found })
    // Only what exists is remembered: made-up ids must not push real keys out.
    const forget = () => remembered.delete(id)
    found.then((credential) => credential ?? forget(), forget)
    return found
  }

  function markUsed({ key }: StoredCredential, nowMs: number): void {
    if (nowMs - (touched.get(key.id) ?? 0) < touchEveryMs) return
    if (touched.size >= rememberedMax) touched.clear()
    touched.set(key.id, nowMs)
    // Informational: a lost touch is repeated a minute later.
    needs.apiKeys
      .touch([{ tenantId: key.tenantId, id: key.id }])
      .catch(() => touched.delete(key.id))
  }

  return {
    async authenticate(authorization, address) {
      if (authorization === undefined) return refuse('unauthenticated')
      const [, suffix = '', secret = ''] = keyPattern.exec(authorization) ?? []
      const id = `key_${suffix}`
      if (!isId('apiKey', id)) return refuse('api_key_invalid')
      const credential = await lookUp(id)
      const now = needs.clock.now()
      const right = needs.hashing.equal(
        needs.hashing.sha256(secret),
        credential?.secretHash ?? needs.hashing.sha256(''),
      )
      if (!right || credential === null || !isLive(credential.key, now)) {
        return refuse('api_key_invalid')
      }
      const { allowedAddresses } = credential.key
      if (allowedAddresses.length > 0 && !needs.addresses.isWithin(address, allowedAddresses)) {
        return refuse('address_not_allowed')
      }
      markUsed(credential, now.getTime())
      return {
        tenantId: credential.key.tenantId,
        rpId: credential.key.rpId,
        rpName: credential.relyingParty.name,
        keyId: id,
        scopes: credential.key.scopes,
        namespaces: credential.relyingParty.namespaces,
      }
    },
    forget(id) {
      remembered.delete(id)
    },
  }
}
