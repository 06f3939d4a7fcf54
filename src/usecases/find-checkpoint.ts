import type { Checkpoint } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { HeadReader, KeptHeads } from './kept-heads.ts'

export type Needs = { readonly audit: Pick<AuditStore, 'readCheckpoints'> }

/**
 * The one checkpoint of a tenant. One that was kept elsewhere and is another is a second, as are two in the record: what excuses
 * gaps without a signature would count further than when it was made.
 */
export async function findCheckpoint(
  { audit }: Needs,
  tenantId: TenantId,
  reader: Pick<HeadReader, 'readCheckpoint'>,
  kept: Pick<KeptHeads, 'checkpoints'>,
): Promise<Checkpoint | 'checkpoint_missing' | 'checkpoint_second' | 'checkpoint_not_ours'> {
  const [stored, ...more] = await audit.readCheckpoints(tenantId)
  if (stored === undefined) return 'checkpoint_missing'
  if (more.length > 0) return 'checkpoint_second'
  const checkpoint = stored && (await reader.readCheckpoint(tenantId, stored))
  if (!checkpoint || 'kid' in checkpoint) return 'checkpoint_not_ours'
  return kept.checkpoints.every((text) => text === stored) ? checkpoint : 'checkpoint_second'
}
