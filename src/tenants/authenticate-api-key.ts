import { isLive } from '../domain/api-key.ts'
import { type ApiKeyId, isId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { Currency } from '../platform/access-check.ts'
import { buildSharedReads } from '../platform/shared-reads.ts'
import type { Addresses, Clock, Hashing } from '../platform/world.ts'
import type { ApiKeyStore, StoredCredential } from './directory.store.ts'

export type Dependencies = {
  readonly apiKeys: Pick<ApiKeyStore, 'findCredential' | 'touch'>
  readonly hashing: Pick<Hashing, 'sha256' | 'equal'>
  readonly addresses: Pick<Addresses, 'isWithin'>
  readonly clock: Clock
}

/**
 * How long a credential may be served from memory, and so how long a revoked key may go on reading.
 */
const credentialAgeMaxMs = 1000
const cachedMax = 10_000
const touchEveryMs = 60_000

type CacheEntry = { readonly at: number; readonly credential: Promise<StoredCredential | null> }

/** Why a caller has no principal. */
export type ApiKeyRefusal = Refusal<'unauthenticated' | 'api_key_invalid' | 'address_not_allowed'>

export type ApiKeyAuthentication = {
  /**
   * The principal of this `Authorization` header from this address, or the refusal. The same
   * refusal for every kind of bad key; only the holder of a valid one learns that it is bound to
   * other addresses.
   */
  authenticate(
    authorization: string | undefined,
    address: string,
    currency: Currency,
  ): Promise<Principal | ApiKeyRefusal>
  /**
   * Forgets a key immediately; called when a revocation happens here or is signalled by another
   * process.
   */
  forget(id: ApiKeyId): void
}

const keyPattern = /^Bearer cs_([0-9a-z]{26})_([A-Za-z0-9_-]{43})$/

/**
 * Caches credentials for at most a second, so that a busy relying party's reads cost one query a
 * second, and a revocation ends them everywhere within that time even if its signal is lost. Writes
 * are never allowed by the cache alone. The secret is compared in constant time even when the key
 * does not exist.
 */
export function buildApiKeyAuthentication(dependencies: Dependencies): ApiKeyAuthentication {
  const cache = new Map<ApiKeyId, CacheEntry>()
  const lastTouches = new Map<ApiKeyId, number>()
  const sharedReads = buildSharedReads()

  function lookUp(id: ApiKeyId, currency: Currency): Promise<StoredCredential | null> {
    const now = dependencies.clock.now().getTime()
    const entry = cache.get(id)
    const isCurrent = entry && now - entry.at < credentialAgeMaxMs && now >= entry.at
    if (isCurrent && currency === 'within_a_second') return entry.credential
    const lookup = sharedReads(id, () => dependencies.apiKeys.findCredential(id))
    if (cache.size >= cachedMax) cache.clear()
    cache.set(id, { at: now, credential: lookup })
    // Only what exists is cached: made-up ids must not evict real keys.
    const forget = () => cache.delete(id)
    lookup.then((credential) => credential ?? forget(), forget)
    return lookup
  }

  function markUsed({ key }: StoredCredential, nowMs: number): void {
    if (nowMs - (lastTouches.get(key.id) ?? 0) < touchEveryMs) return
    if (lastTouches.size >= cachedMax) lastTouches.clear()
    lastTouches.set(key.id, nowMs)
    // Informational: a lost touch is repeated a minute later.
    dependencies.apiKeys
      .touch([{ tenantId: key.tenantId, id: key.id }])
      .catch(() => lastTouches.delete(key.id))
  }

  return {
    async authenticate(authorization, address, currency) {
      if (authorization === undefined) return refuse('unauthenticated')
      const [, suffix = '', secret = ''] = keyPattern.exec(authorization) ?? []
      const id = `key_${suffix}`
      if (!isId('apiKey', id)) return refuse('api_key_invalid')
      const credential = await lookUp(id, currency)
      const now = dependencies.clock.now()
      const isMatch = dependencies.hashing.equal(
        dependencies.hashing.sha256(secret),
        credential?.secretHash ?? dependencies.hashing.sha256(''),
      )
      if (!isMatch || credential === null || !isLive(credential.key, now)) {
        return refuse('api_key_invalid')
      }
      const { allowedAddresses } = credential.key
      if (
        allowedAddresses.length > 0 &&
        !dependencies.addresses.isWithin(address, allowedAddresses)
      ) {
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
      cache.delete(id)
    },
  }
}

/** Authenticates a caller of the server API; see `ApiKeyAuthentication`. */
export function authenticateApiKey(
  { apiKeyAuthentication }: { readonly apiKeyAuthentication: ApiKeyAuthentication },
  authorization: string | undefined,
  address: string,
  currency: Currency,
): Promise<Principal | ApiKeyRefusal> {
  return apiKeyAuthentication.authenticate(authorization, address, currency)
}
