import type { PublicJwk } from '../domain/device.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Signatures } from '../platform/world.ts'
import type { SigningKeyStore } from '../tenants/directory.store.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'

export type Dependencies = {
  readonly keys: Pick<SigningKeyStore, 'list'>
  readonly signingKeys: Pick<SigningKeys, 'signWith'>
  readonly signatures: Pick<Signatures, 'thumbprint'>
}

/**
 * Public keys of one tenant that were stored elsewhere. A key set (RFC 7517) does not name its
 * owner: the caller who gives it does.
 */
export type StoredKeys = { readonly tenantId: TenantId; readonly keys: readonly PublicJwk[] }

/** The key of this id, if its signatures are trusted as the tenant's. */
export type TrustedKeys = (tenantId: TenantId, kid: string) => Promise<PublicJwk | null>

const cachedMax = 10_000

/**
 * The trusted keys: the given ones, which were stored elsewhere, for their tenant, and no others;
 * without any, the keys whose private half this installation can open. A public key that somebody
 * inserted into the table signs nothing. The result for each key is cached.
 */
export function buildTrustedKeys(
  dependencies: Dependencies,
  storedElsewhere: StoredKeys | null,
): TrustedKeys {
  const cache = new Map<string, Promise<PublicJwk | null>>()

  async function find(tenantId: TenantId, kid: string): Promise<PublicJwk | null> {
    if (storedElsewhere) {
      const isOwner = storedElsewhere.tenantId === tenantId
      return isOwner ? findByThumbprint(dependencies, storedElsewhere.keys, kid) : null
    }
    const rows = (await dependencies.keys.list(tenantId)).filter((key) => key.kid === kid)
    const publicJwks = rows.map(({ publicJwk }) => publicJwk)
    const key = await findByThumbprint(dependencies, publicJwks, kid)
    if (key === null) return null
    try {
      await dependencies.signingKeys.signWith(tenantId, kid, '{}', '{}')
      return key
    } catch {
      return null
    }
  }

  return (tenantId, kid) => {
    const name = `${tenantId} ${kid}`
    const key = cache.get(name) ?? find(tenantId, kid)
    // A client that names keys that do not exist must not fill the memory with them.
    if (cache.size > cachedMax) cache.clear()
    cache.set(name, key)
    return key
  }
}

/** A key is identified by its computed thumbprint, not by the id stored next to it. */
async function findByThumbprint(
  { signatures }: Dependencies,
  keys: readonly PublicJwk[],
  kid: string,
) {
  for (const key of keys) if ((await signatures.thumbprint(key)) === kid) return key
  return null
}
