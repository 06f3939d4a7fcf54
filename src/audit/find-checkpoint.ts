import type { Checkpoint } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AuditStore } from './audit.store.ts'
import type { HeadReader, StoredHeads } from './stored-heads.ts'

export type Dependencies = { readonly audit: Pick<AuditStore, 'readCheckpoints'> }

/**
 * The only checkpoint of a tenant. One that was stored elsewhere and differs is a second, as are
 * two in the record: what excuses gaps without a signature would reach further than when it was
 * signed.
 */
export async function findCheckpoint(
  { audit }: Dependencies,
  tenantId: TenantId,
  reader: Pick<HeadReader, 'readCheckpoint'>,
  storedElsewhere: Pick<StoredHeads, 'checkpoints'>,
): Promise<Checkpoint | 'checkpoint_missing' | 'checkpoint_second' | 'checkpoint_not_ours'> {
  const [checkpointJws, ...more] = await audit.readCheckpoints(tenantId)
  if (checkpointJws === undefined) return 'checkpoint_missing'
  if (more.length > 0) return 'checkpoint_second'
  const checkpoint = checkpointJws && (await reader.readCheckpoint(tenantId, checkpointJws))
  if (!checkpoint || 'kid' in checkpoint) return 'checkpoint_not_ours'
  return storedElsewhere.checkpoints.every((text) => text === checkpointJws)
    ? checkpoint
    : 'checkpoint_second'
}
