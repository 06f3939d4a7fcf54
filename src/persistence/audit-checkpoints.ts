// Where a tenant's exemptions begin to be signed: one audit event for each chain, in the chain
// itself.

import type { PurgedLink } from '../domain/audit-exemption.ts'
import type { AuditStore, StoredHead } from '../ports/audit-store.ts'
import type { Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import type { Database } from './database.ts'

const readPurgedLinks = `
  select l.seq::float8 as seq, l.hash from audit_links l
  where l.tenant_id = $1 and l.seq > $2 and l.seq <= $3 and l.row_id like 'act\\_%'
    and not exists (
      select from activities a where a.tenant_id = l.tenant_id and a.id = l.row_id offset 0)
  order by l.seq`

const readCheckpoints = `
  select details ->> 'checkpoint' as jws from audit_events
  where tenant_id = $1 and type = 'audit_checkpointed' order by id`

const findLastHead = `
  select seq::float8 as seq, jws from audit_heads where tenant_id = $1 order by seq desc limit 1`

// The process that marks the chain first records the event; the others find it marked.
const mark = `
  update audit_chains set checkpoint_seq = $2
  where tenant_id = $1 and checkpoint_seq is null and seq >= $2 returning seq`

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
      database.query<PurgedLink>('read_gone', readPurgedLinks, [tenantId, afterSeq, throughSeq]),

    async readCheckpoints(tenantId) {
      type Row = { jws: string | null }
      const rows = await database.query<Row>('read_checkpoints', readCheckpoints, [tenantId])
      return rows.map(({ jws }) => jws)
    },

    async findLastHead(tenantId) {
      const [head] = await database.query<StoredHead>('find_last_head', findLastHead, [tenantId])
      return head ?? null
    },

    saveCheckpoint(tenantId, { seq, jws }) {
      return database.transaction(async (tx) => {
        const markedRows = await tx.query('mark_checkpoint', mark, [tenantId, seq])
        if (markedRows.length === 0) return false
        await recordAudit(tx, random, tenantId, {
          type: 'audit_checkpointed',
          actor: 'service',
          subject: tenantId,
          details: { checkpoint: jws },
        })
        return true
      })
    },

    async markCheckpoint(tenantId, seq) {
      await database.query('mark_checkpoint', mark, [tenantId, seq])
    },
  }
}
