import type { Actor } from '../domain/activity.ts'
import type { RotationRefusal } from '../domain/api-key.ts'
import { allowedAddressesMax, overlapBoundsSeconds } from '../domain/api-key.ts'
import type { ApiKeyId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import { nameHint, readName } from '../domain/names.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Scope } from '../domain/scope.ts'
import type { RevocationLog } from '../platform/logs/revocation-log.store.ts'
import type { Signals } from '../platform/signals.ts'
import type { Addresses, Hashing, Random } from '../platform/world.ts'
import type { ApiKey, ApiKeyStore, NewApiKey, TenantStore } from './directory.store.ts'

export type Dependencies = {
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

/** A key with its whole text, `cs_<id>_<secret>`: readable this once, stored as a hash only. */
export type NewKey = { readonly key: ApiKey; readonly secret: string }

const textOf = (id: ApiKeyId, secret: string) => `cs_${id.slice('key_'.length)}_${secret}`

/**
 * The validated name and addresses of a key, as stored, or the refusal: the same for every caller
 * and every way to create a key.
 */
export function validateKeyInput(
  { addresses }: Pick<Dependencies, 'addresses'>,
  input: { readonly name: string; readonly allowedAddresses: readonly string[] },
):
  | { readonly name: string; readonly allowedAddresses: readonly string[] }
  | Refusal<'invalid_request'> {
  const name = readName(input.name)
  if (name === undefined) return refuse('invalid_request', { hint: nameHint })
  const { allowedAddresses } = input
  const invalidRange = allowedAddresses.find((range) => !addresses.isRange(range))
  if (invalidRange === undefined && allowedAddresses.length <= allowedAddressesMax) {
    return { name, allowedAddresses }
  }
  return refuse('invalid_request', {
    hint: `allowedAddresses takes at most ${allowedAddressesMax} IP addresses or CIDR ranges.`,
  })
}

/** Creates a key for a relying party. */
export async function createApiKey(
  dependencies: Dependencies,
  { allowedAddresses = [], ...command }: Command,
  actor: Actor,
): Promise<NewKey | Refusal<'invalid_request' | 'relying_party_unknown'>> {
  const validInput = validateKeyInput(dependencies, { name: command.name, allowedAddresses })
  if (isRefusal(validInput)) return validInput
  const party = await dependencies.tenants.findRelyingParty(command.tenantId, command.rpId)
  if (!party) return refuse('relying_party_unknown')
  const draft = draftApiKey(dependencies, { ...command, ...validInput })
  return {
    key: await dependencies.apiKeys.create(draft.key, draft.secretHash, actor),
    secret: draft.secret,
  }
}

/** A key that is not stored yet: what is stored of it, and its whole text. */
export function draftApiKey(
  { random, hashing }: Pick<Dependencies, 'random' | 'hashing'>,
  command: Omit<NewApiKey, 'id'>,
): { readonly key: NewApiKey; readonly secretHash: Uint8Array; readonly secret: string } {
  const id = random.id('apiKey')
  const secret = random.token(32)
  return { key: { ...command, id }, secretHash: hashing.sha256(secret), secret: textOf(id, secret) }
}

/** The API keys of a tenant, without their secrets. */
export function listApiKeys(
  { apiKeys }: { readonly apiKeys: Pick<ApiKeyStore, 'list'> },
  tenantId: TenantId,
): Promise<ApiKey[]> {
  return apiKeys.list(tenantId)
}

/**
 * Gives a key a successor with the same rights; the old one ends after the overlap at the latest.
 * At most two keys of a lineage are live.
 */
export async function rotateApiKey(
  dependencies: Pick<Dependencies, 'apiKeys' | 'random' | 'hashing' | 'signals'>,
  command: {
    readonly tenantId: TenantId
    readonly id: ApiKeyId
    readonly overlapSeconds?: number
    readonly expiresAt?: Date | null
  },
  actor: Actor,
): Promise<(NewKey & { readonly previous: ApiKey }) | RotationRefusal | Refusal<'not_found'>> {
  const {
    tenantId,
    id,
    overlapSeconds: requestedSeconds = overlapBoundsSeconds.usual,
    expiresAt,
  } = command
  const { min, max } = overlapBoundsSeconds
  const overlapSeconds = Math.min(max, Math.max(min, requestedSeconds))
  const successorId = dependencies.random.id('apiKey')
  const secret = dependencies.random.token(32)
  const rotation = { tenantId, id, successorId, overlapSeconds, expiresAt }
  const rotatedKey = await dependencies.apiKeys.rotate(
    rotation,
    dependencies.hashing.sha256(secret),
    actor,
  )
  if (rotatedKey === null) return refuse('not_found')
  if (isRefusal(rotatedKey)) return rotatedKey
  dependencies.signals.publish(`${revocationPrefix}${id}`)
  return { ...rotatedKey, secret: textOf(successorId, secret) }
}

/** A signal of this prefix and a key's id makes every process read that key again. */
export const revocationPrefix = 'revoked:'

/** Revokes a key of the tenant permanently; it is in the revocation log before this resolves. */
export async function revokeApiKey(
  dependencies: Pick<Dependencies, 'apiKeys' | 'signals'> & {
    readonly revocationLog: RevocationLog
  },
  tenantId: TenantId,
  id: ApiKeyId,
  actor: Actor,
): Promise<ApiKey | Refusal<'not_found'>> {
  const revokedKey = await dependencies.apiKeys.revoke(tenantId, id, actor)
  if (!revokedKey) return refuse('not_found')
  dependencies.signals.publish(`${revocationPrefix}${id}`)
  const at = revokedKey.revokedAt
  if (at !== null) {
    await dependencies.revocationLog.append([
      { revocation: 'api_key_revoked', tenantId, keyId: id, at },
    ])
  }
  return revokedKey
}
