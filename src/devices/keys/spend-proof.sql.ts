import type { Queries } from '../../platform/postgres/database.ts'
import { runOne, statement } from '../../platform/postgres/statement.ts'
import type { ProofFault, ProofToSpend } from '../device.store.ts'

/**
 * The key of a proof, locked, as a part of a statement that has the proof's values: a rotation of
 * the key waits for the commit, and a key that was replaced meanwhile is not found.
 */
export const proofKey = `
  select k.tenant_id, k.device_id from device_keys k
  where k.tenant_id = :tenantId and k.device_id = :deviceId and k.kid = :kid
  for key share`

const insertProof = statement<
  ProofToSpend & { readonly isSpent: boolean },
  { readonly isKeyLive: boolean; readonly isSpent: boolean }
>(
  'spend_proof',
  `with k as materialized (${proofKey}), p as (
    insert into device_proofs (tenant_id, device_id, jti, expires_at)
    select k.tenant_id, k.device_id, :jti, :expiresAt from k where not :isSpent::boolean
    on conflict do nothing returning jti
  )
  select exists (select from k) as is_key_live,
    :isSpent::boolean or exists (select from p) as is_spent`,
)

/**
 * Spends a proof as the first statement of a transaction, and keeps its key from being replaced
 * until the commit. Order of locks: key, user, device, challenge.
 */
export async function spendProof(
  tx: Queries,
  proof: ProofToSpend | null,
): Promise<ProofFault | undefined> {
  if (proof === null) return undefined
  const { tenantId, deviceId, kid, jti, expiresAt, isSpent = false } = proof
  const params = { tenantId, deviceId, kid, jti, expiresAt, isSpent }
  const row = await runOne(tx, insertProof, params)
  if (!row.isKeyLive) return 'proof_invalid'
  return row.isSpent ? undefined : 'proof_replayed'
}
