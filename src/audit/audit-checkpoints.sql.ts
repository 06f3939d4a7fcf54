// Where a tenant's exemptions begin to be signed: one audit event for each chain, in the chain
// itself.

import type { PurgedLink } from '../domain/audit-exemption.ts'
import type { TenantId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { AuditStore, StoredHead } from './audit.store.ts'

const readPurgedLinks = statement<
  { readonly tenantId: TenantId; readonly afterSeq: number; readonly throughSeq: number },
  PurgedLink
>(
  'read_purged_links',
  `select l.seq::float8 as seq, l.hash from audit_links l
  where l.tenant_id = :tenantId and l.seq > :afterSeq and l.seq <= :throughSeq
    and l.row_id like 'act\\_%'
    and not exists (
      select from activities a where a.tenant_id = l.tenant_id and a.id = l.row_id offset 0)
  order by l.seq`,
)

const readCheckpoints = statement<{ readonly tenantId: TenantId }, { readonly jws: string | null }>(
  'read_checkpoints',
  `select details ->> 'checkpoint' as jws from audit_events
  where tenant_id = :tenantId and type = 'audit_checkpointed' order by id`,
)

const findLastHead = statement<{ readonly tenantId: TenantId }, StoredHead>(
  'find_last_head',
  `select seq::float8 as seq, jws from audit_heads
  where tenant_id = :tenantId order by seq desc limit 1`,
)

// The process that marks the chain first records the event; the others find it marked.
const mark = statement<
  { readonly tenantId: TenantId; readonly seq: number },
  { readonly seq: number }
>(
  'mark_checkpoint',
  `update audit_chains set checkpoint_seq = :seq
  where tenant_id = :tenantId and checkpoint_seq is null and seq >= :seq returning seq`,
)

type Checkpoints =
  | 'readPurgedLinks'
  | 'readCheckpoints'
  | 'findLastHead'
  | 'saveCheckpoint'
  | 'markCheckpoint'

export function buildAuditCheckpoints(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<AuditStore, Checkpoints> {
  return {
    readPurgedLinks: (tenantId, afterSeq, throughSeq) =>
      run(database, readPurgedLinks, { tenantId, afterSeq, throughSeq }),

    async readCheckpoints(tenantId) {
      const rows = await run(database, readCheckpoints, { tenantId })
      return rows.map(({ jws }) => jws)
    },

    async findLastHead(tenantId) {
      const [head] = await run(database, findLastHead, { tenantId })
      return head ?? null
    },

    saveCheckpoint(tenantId, { seq, jws }) {
      return database.transaction(async (tx) => {
        const markedRows = await run(tx, mark, { tenantId, seq })
        if (markedRows.length === 0) return 'changed'
        await recordAudit(tx, random, tenantId, {
          type: 'audit_checkpointed',
          actor: 'service',
          subject: tenantId,
          details: { checkpoint: jws },
        })
        return 'done'
      })
    },

    async markCheckpoint(tenantId, seq) {
      await run(database, mark, { tenantId, seq })
    },
  }
}
