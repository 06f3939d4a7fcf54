import type { PublicJwk } from '../domain/device.ts'
import type { TenantId } from '../domain/ids.ts'
import type { SigningKeyStore } from '../ports/directory-store.ts'
import type { Signatures } from '../ports/world.ts'
import type { SigningKeys } from './signing-keys.ts'

export type Needs = {
  readonly keys: Pick<SigningKeyStore, 'list'>
  readonly signingKeys: Pick<SigningKeys, 'signWith'>
  readonly signatures: Pick<Signatures, 'thumbprint'>
}

/** Public keys of one tenant that were kept elsewhere. A set (RFC 7517) does not say whose it is: whoever gives it does. */
export type KeptKeys = { readonly tenantId: TenantId; readonly keys: readonly PublicJwk[] }

/** The key under a name, where its signature is believed to be the tenant's. */
export type BelievedKeys = (tenantId: TenantId, kid: string) => Promise<PublicJwk | null>

const rememberedMax = 10_000

/**
 * Keys that are believed: those that were kept elsewhere and are given, for their tenant, and no others; where none are given, those whose
 * private half this installation can open. A public key that somebody put into the table signs nothing. What is found out about
 * a key is asked once.
 */
export function believedKeys(needs: Needs, given: KeptKeys | null): BelievedKeys {
  const known = new Map<string, Promise<PublicJwk | null>>()

  async function find(tenantId: TenantId, kid: string): Promise<PublicJwk | null> {
    if (given) return given.tenantId === tenantId ? findNamed(needs, given.keys, kid) : null
    const listed = (await needs.keys.list(tenantId)).filter((key) => key.kid === kid)
    const publicJwks = listed.map(({ publicJwk }) => publicJwk)
    const key = await findNamed(needs, publicJwks, kid)
    if (key === null) return null
    try {
      await needs.signingKeys.signWith(tenantId, kid, '{}', '{}')
      return key
    } catch {
      return null
    }
  }

  return (tenantId, kid) => {
    const name = `${tenantId} ${kid}`
    const found = known.get(name) ?? find(tenantId, kid)
    // Whoever names keys that are not there must not fill the memory with them.
    if (known.size > rememberedMax) known.clear()
    known.set(name, found)
    return found
  }
}

/** A key is named by its thumbprint, whatever is written beside it. */
async function findNamed({ signatures }: Needs, keys: readonly PublicJwk[], kid: string) {
  for (const key of keys) if ((await signatures.thumbprint(key)) === kid) return key
  return null
}
