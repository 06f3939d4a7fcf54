import type { Actor } from '../domain/activity.ts'
import { allowedAddressesMax, overlapBoundsSeconds } from '../domain/api-key.ts'
import type { ApiKeyId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import { nameHint, readName } from '../domain/names.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Scope } from '../domain/scope.ts'
import type { ApiKey, ApiKeyStore, NewApiKey, TenantStore } from '../ports/directory-store.ts'
import type { RevocationLog } from '../ports/revocation-log.ts'
import type { Signals } from '../ports/signals.ts'
import type { Addresses, Hashing, Random } from '../ports/world.ts'

export type Needs = {
  readonly apiKeys: Pick<ApiKeyStore, 'create' | 'rotate' | 'revoke'>
  readonly tenants: Pick<TenantStore, 'findRelyingParty'>
  readonly random: Random
  readonly hashing: Pick<Hashing, 'sha256'>
  readonly addresses: Pick<Addresses, 'isRange'>
  readonly signals: Pick<Signals, 'publish'>
}

export type Command = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
  /** Addresses and CIDR ranges from which the key may be used; none means from everywhere. */
  readonly allowedAddresses?: readonly string[]
}

/** A key with its whole text, `cs_<id>_<secret>`: readable this once, kept as a hash only. */
export type NewKey = { readonly key: ApiKey; readonly secret: string }

const textOf = (id: ApiKeyId, secret: string) => `cs_${id.slice('key_'.length)}_${secret}`

/** What a key is called and bound to, as it is kept, or why it cannot be: the same whoever makes it, and however. */
export function nameKey(
  { addresses }: Pick<Needs, 'addresses'>,
  given: { readonly name: string; readonly allowedAddresses: readonly string[] },
): { readonly name: string; readonly allowedAddresses: readonly string[] } | Refusal {
  const name = readName(given.name)
  if (name === undefined) return refuse('invalid_request', { hint: nameHint })
  const { allowedAddresses } = given
  const strange = allowedAddresses.find((range) => !addresses.isRange(range))
  if (strange === undefined && allowedAddresses.length <= allowedAddressesMax) {
    return { name, allowedAddresses }
  }
  return refuse('invalid_request', {
    hint: `allowedAddresses takes at most ${allowedAddressesMax} IP addresses or CIDR ranges.`,
  })
}

/** Creates a key for a relying party. */
export async function createApiKey(
  needs: Needs,
  { allowedAddresses = [], ...command }: Command,
  actor: Actor,
): Promise<NewKey | Refusal> {
  const named = nameKey(needs, { name: command.name, allowedAddresses })
  if (isRefusal(named)) return named
  const party = await needs.tenants.findRelyingParty(command.tenantId, command.rpId)
  if (!party) return refuse('relying_party_unknown')
  const made = newKey(needs, { ...command, ...named })
  return { key: await needs.apiKeys.create(made.key, made.secretHash, actor), secret: made.secret }
}

/** A key that is not there yet: what is stored of it, and its whole text. */
export function newKey(
  { random, hashing }: Pick<Needs, 'random' | 'hashing'>,
  command: Omit<NewApiKey, 'id'>,
): { readonly key: NewApiKey; readonly secretHash: Uint8Array; readonly secret: string } {
  const id = random.id('apiKey')
  const secret = random.token(32)
  return { key: { ...command, id }, secretHash: hashing.sha256(secret), secret: textOf(id, secret) }
}

/**
 * Gives a key its successor, with the same rights; the old one ends after the overlap at the latest. At most two keys of a
 * lineage are live.
 */
export async function rotateApiKey(
  needs: Pick<Needs, 'apiKeys' | 'random' | 'hashing' | 'signals'>,
  command: {
    readonly tenantId: TenantId
    readonly id: ApiKeyId
    readonly overlapSeconds?: number
    readonly expiresAt?: Date | null
  },
  actor: Actor,
): Promise<(NewKey & { readonly previous: ApiKey }) | Refusal> {
  const { tenantId, id, overlapSeconds: asked = overlapBoundsSeconds.usual, expiresAt } = command
  const { min, max } = overlapBoundsSeconds
  const overlapSeconds = Math.min(max, Math.max(min, asked))
  const successorId = needs.random.id('apiKey')
  const secret = needs.random.token(32)
  const rotation = { tenantId, id, successorId, overlapSeconds, expiresAt }
  const rotated = await needs.apiKeys.rotate(rotation, needs.hashing.sha256(secret), actor)
  if (rotated === null) return refuse('not_found')
  if (isRefusal(rotated)) return rotated
  needs.signals.publish(`${revocationPrefix}${id}`)
  return { ...rotated, secret: textOf(successorId, secret) }
}

/** Signals that begin so and go on with a key's id tell every process to look that key up anew. */
export const revocationPrefix = 'revoked:'

/** Revokes a key of the tenant for ever; it is in the revocation log before this resolves. */
export async function revokeApiKey(
  needs: Pick<Needs, 'apiKeys' | 'signals'> & { readonly revocationLog: RevocationLog },
  tenantId: TenantId,
  id: ApiKeyId,
  actor: Actor,
): Promise<ApiKey | Refusal> {
  const revoked = await needs.apiKeys.revoke(tenantId, id, actor)
  if (!revoked) return refuse('not_found')
  needs.signals.publish(`${revocationPrefix}${id}`)
  const at = revoked.revokedAt
  if (at !== null) {
    await needs.revocationLog.append([{ revocation: 'api_key_revoked', tenantId, keyId: id, at }])
  }
  return revoked
}
