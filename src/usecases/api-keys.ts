import type { Actor } from '../domain/activity.ts'
import type { ApiKeyId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { Scope } from '../domain/scope.ts'
import type { ApiKey, ApiKeyStore, TenantStore } from '../ports/directory-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { Hashing, Random } from '../ports/world.ts'

export type Needs = {
  readonly apiKeys: Pick<ApiKeyStore, 'create' | 'revoke'>
  readonly tenants: Pick<TenantStore, 'findRelyingParty'>
  readonly random: Random
  readonly hashing: Pick<Hashing, 'sha256'>
  readonly signals: Pick<Signals, 'publish'>
}

export type Command = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly expiresAt: Date | null
}

/** Creates a key for a relying party. `secret` is the whole key, `cs_<id>_<secret>`: readable this once, kept as a hash only. */
export async function createApiKey(
  needs: Needs,
  command: Command,
  actor: Actor,
): Promise<{ readonly key: ApiKey; readonly secret: string } | Refusal> {
  const party = await needs.tenants.findRelyingParty(command.tenantId, command.rpId)
  if (!party) return refuse('relying_party_unknown')
  const id = needs.random.id('apiKey')
  const secret = needs.random.token(32)
  const key = await needs.apiKeys.create({ ...command, id }, needs.hashing.sha256(secret), actor)
  return { key, secret: `cs_${id.slice('key_'.length)}_${secret}` }
}

/** Signals that begin so and go on with a key's id tell every process to forget that key. */
export const revocationPrefix = 'revoked:'

/** Revokes a key of the tenant for ever. */
export async function revokeApiKey(
  needs: Pick<Needs, 'apiKeys' | 'signals'>,
  tenantId: TenantId,
  id: ApiKeyId,
  actor: Actor,
): Promise<ApiKey | Refusal> {
  const revoked = await needs.apiKeys.revoke(tenantId, id, actor)
  if (!revoked) return refuse('not_found')
  needs.signals.publish(`${revocationPrefix}${id}`)
  return revoked
}
