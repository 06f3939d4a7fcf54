import { chainAudit, signAuditHeads } from '../../src/audit/chain-audit.ts'
import { buildPurge } from '../../src/audit/purge-old.ts'
import { collectStoredHeads } from '../../src/audit/stored-heads.ts'
import { verifyAudit } from '../../src/audit/verify-audit.ts'
import { linksFor } from '../../src/domain/audit-chain.ts'
import { auditExemptionTyp } from '../../src/domain/audit-exemption.ts'
import type { PublicJwk } from '../../src/domain/device.ts'
import type { TenantId } from '../../src/domain/ids.ts'
import { onServer } from '../support/cluster.ts'
import { aPhone, aPrincipal, type World } from '../support/world.ts'
import { worldTest } from '../support/world-test.ts'

export type Row = Record<string, unknown>

export const payloadOf = (jws: unknown) =>
  JSON.parse(Buffer.from(`${jws}`.split('.')[1] ?? '', 'base64url').toString())

/**
 * A tenant with one phone, whose events happened long ago and are not linked yet; and what tampers
 * with its audit chain.
 */
async function anAuditedTenant(world: World) {
  const principal = await aPrincipal(world)
  const phone = await aPhone(world, principal)
  const sql = async (text: string, ...values: unknown[]): Promise<Row[]> =>
    (await onServer(world.url, (client) => client.query(text, values))).rows
  async function verify(
    texts: readonly string[] = [],
    keptKeys: readonly PublicJwk[] | null = null,
    of: TenantId = principal.tenantId,
  ) {
    const { tenantId } = principal
    const keys = keptKeys && { tenantId: of, keys: keptKeys }
    async function* lines() {
      yield* texts.map((text, at) => ({ line: at + 1, text }))
    }
    const storedHeads = await collectStoredHeads(world, [tenantId], lines(), keys)
    return verifyAudit(world, tenantId, storedHeads.get(tenantId), keys)
  }
  const faultOf = async (texts: readonly string[] = []) => (await verify(texts)).firstBad?.fault

  async function sweep() {
    while (await chainAudit(world, 100));
    while (await signAuditHeads(world, 100, 0));
  }
  /** As a release did that had no checkpoints. */
  async function sweepAsBefore() {
    const { tenantId } = principal
    await world.audit.lengthen(tenantId, { limit: 500, lookBackSeconds: 60 }, (end, rows) =>
      linksFor(world.hashing.sha256Base64Url, tenantId, end, rows),
    )
  }
  async function purge() {
    const step = buildPurge(world, 3)
    while (await step());
  }
  const event = (type: string, subject: string, details: object = {}) =>
    sql(
      `insert into audit_events (tenant_id, id, type, actor, subject, details)
     values ($1, 'aud_z' || gen_random_uuid(), $2, 'service', $3, $4) returning id`,
      principal.tenantId,
      type,
      subject,
      details,
    )
  const unsignedPurge = () =>
    event('activities_purged', principal.tenantId, { beforeMicros: `${Date.now()}000`, count: 1 })
  const seqOf = async (id: unknown) =>
    (await sql('select seq::int from audit_links where row_id = $1', id))[0]?.seq as number
  const checkpoints = () =>
    sql(
      `select id, details ->> 'checkpoint' as jws from audit_events
     where tenant_id = $1 and type = 'audit_checkpointed'`,
      principal.tenantId,
    )
  const loggedCheckpoints = () =>
    world.securityEvents.flatMap((one) =>
      one.event === 'audit_checkpoint' && one.tenantId === principal.tenantId ? [one] : [],
    )
  /** Removes the end of the chain, as if it had never been. */
  async function cutTo(seq: number) {
    const { tenantId } = principal
    await sql('delete from audit_heads where tenant_id = $1 and seq > $2', tenantId, seq)
    await sql(
      `delete from audit_events
       where id in (select row_id from audit_links where tenant_id = $1 and seq > $2)`,
      tenantId,
      seq,
    )
    await sql('delete from audit_links where tenant_id = $1 and seq > $2', tenantId, seq)
    await sql(
      `update audit_chains set seq = $2, head_seq = least(head_seq, $2),
       hash = (select hash from audit_links where tenant_id = $1 and seq = $2)
       where tenant_id = $1`,
      tenantId,
      seq,
    )
  }

  /** What this installation would sign only by a fault of its own. */
  async function signedPurge(changes: object, links?: string) {
    const { tenantId } = principal
    const [{ details } = {}] = await sql(
      `select details from audit_events where tenant_id = $1 and type = 'activities_purged'
     order by id desc limit 1`,
      tenantId,
    )
    const real = details as { exemption: string; links: string }
    const payload = JSON.stringify({
      ...payloadOf(real.exemption),
      event: 'aud_zsigned',
      ...changes,
    })
    const exemption = await world.signingKeys.sign(tenantId, auditExemptionTyp, payload)
    const [{ seq } = {}] = await sql(
      `delete from audit_links l using audit_events e where l.row_id = e.id and e.tenant_id = $1
       and l.tenant_id = $1 and e.type = 'activities_purged' returning l.seq::int`,
      tenantId,
    )
    await cutTo((seq as number) - 1)
    await sql(
      `delete from audit_events where tenant_id = $1 and type = 'activities_purged'`,
      tenantId,
    )
    await event('activities_purged', tenantId, { exemption, links: links ?? real.links })
    await sql(
      `update audit_events set id = 'aud_zsigned' where id > 'aud_z' and tenant_id = $1`,
      tenantId,
    )
    await sweepAsBefore()
  }
  await sql(
    `update activities set occurred_at = occurred_at - interval '402 days', notice = 'pushed'
     where tenant_id = $1`,
    principal.tenantId,
  )
  /** The activities of the phone, as they were before anything was removed. */
  const keptRows = await sql(
    'select to_jsonb(a) as row from activities a where tenant_id = $1',
    principal.tenantId,
  )
  world.securityEvents.length = 0
  return {
    principal,
    phone,
    keptRows,
    sql,
    verify,
    faultOf,
    sweep,
    sweepAsBefore,
    purge,
    event,
    unsignedPurge,
    seqOf,
    checkpoints,
    loggedCheckpoints,
    cutTo,
    signedPurge,
  }
}

export type AuditedTenant = Awaited<ReturnType<typeof anAuditedTenant>>

/** A test on an audit chain of its own. */
export const test = worldTest.extend('chain', ({ world }) => anAuditedTenant(world))
