import type { Actor } from '../domain/activity.ts'
import { type PolicyOverrides, policyOf, strictest } from '../domain/policy.ts'
import type {
  IdentifierCollision,
  RelyingParty,
  Tenant,
  TenantStore,
} from '../ports/directory-store.ts'
import type { NewSigningKey, Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import { insertApiKey } from './api-keys.ts'
import type { Database, Queries } from './database.ts'
import { recordFirstKey } from './installation.ts'
import { insertSigningKey } from './signing-keys.ts'

// Held while the first tenant is created.
const bootstrapLock = "hashtextextended('countersign bootstrap ' || current_schema(), 0)"

const findOverrides = 'select policy from tenants where tenant_id = $1'
const findPartyOverrides = 'select policy from relying_parties where tenant_id = $1 and id = $2'

const changeOverrides = `
  update tenants set policy = $3::jsonb where tenant_id = $1 and policy = $2::jsonb
  returning tenant_id`
const changePartyOverrides = `
  update relying_parties set policy = $3::jsonb
  where tenant_id = $1 and id = $4 and policy = $2::jsonb
  returning id`

// Transactions that add identifiers lock the row for share (users.ts): no name is added between the
// check and the change.
const lockTenant = `
  select tenant_id as id, name, identifier_case as "identifierCase", created_at as "createdAt"
  from tenants where tenant_id = $1 for no key update`

// In the order of the index, which alone is read: a million names take a second.
const collisions = `
  select c.namespace, (select array_agg(i.value order by i.value) from user_identifiers i
    where i.tenant_id = $1 and i.key = c.key and i.namespace = c.namespace) as values
  from (select key, namespace from user_identifiers where tenant_id = $1
    group by key, namespace having min(user_id) <> max(user_id) order by key, namespace limit $2) c`
const collisionsTimeoutMs = 30_000

const changeIdentifierCase = 'update tenants set identifier_case = $2 where tenant_id = $1'

const asTenant = { id: true, name: true, identifierCase: true, createdAt: true }

type RelyingPartyRecord = {
  tenantId: string
  id: string
  name: string
  namespaces: string[]
  createdAt: Date
}

const toRelyingParty = ({ tenantId, id, name, namespaces, createdAt }: RelyingPartyRecord) =>
  ({ tenantId, id, name, namespaces, createdAt }) as RelyingParty

/** Tenants and their relying parties; Prisma reads, transactions write. */
export function buildTenantStore(database: Database, random: Pick<Random, 'id'>): TenantStore {
  const { prisma } = database

  async function insertTenant(
    tx: Queries,
    { id, name, identifierCase }: Omit<Tenant, 'createdAt'>,
    key: NewSigningKey,
    actor: Actor,
  ): Promise<void> {
    const text = 'insert into tenants (tenant_id, name, identifier_case) values ($1, $2, $3)'
    await tx.query('insert_tenant', text, [id, name, identifierCase])
    await insertSigningKey(tx, id, { ...key, seq: 1, linkJws: null })
    const details = { name, identifierCase }
    const event = { type: 'tenant_created', actor, subject: id, details } as const
    await recordAudit(tx, random, id, event)
  }

  async function insertParty(
    tx: Queries,
    { tenantId, id, name, namespaces }: Omit<RelyingParty, 'createdAt'>,
    actor: Actor,
  ): Promise<RelyingParty> {
    const [row] = await tx.query<{ created_at: Date }>(
      'insert_relying_party',
      `insert into relying_parties (tenant_id, id, name, namespaces) values ($1, $2, $3, $4)
       returning created_at`,
      [tenantId, id, name, namespaces],
    )
    if (!row) throw new Error('an insert returns its row')
    await recordAudit(tx, random, tenantId, {
      type: 'relying_party_created',
      actor,
      subject: id,
      details: { name, namespaces: namespaces.join(' ') },
    })
    return { tenantId, id, name, namespaces, createdAt: row.created_at }
  }

  return {
    createTenant(tenant, key, actor) {
      return database.transaction((tx) => insertTenant(tx, tenant, key, actor))
    },

    async findTenant(id) {
      const row = await prisma.tenant.findUnique({ where: { id }, select: asTenant })
      return row as Tenant | null
    },

    changeIdentifierCase: (id, next, collisionsMax, actor) =>
      database.transaction(async (tx) => {
        const [tenant] = await tx.query<Tenant>('hold_tenant', lockTenant, [id])
        if (!tenant || tenant.identifierCase === next) return tenant ?? null
        if (next === 'fold_ascii') {
          const collisionRows = await tx.query<IdentifierCollision>('collisions', collisions, [
            id,
            collisionsMax,
          ])
          if (collisionRows.length > 0) return collisionRows
        }
        await tx.query('change_identifier_case', changeIdentifierCase, [id, next])
        await recordAudit(tx, random, id, {
          type: 'tenant_changed',
          actor,
          subject: id,
          details: { identifierCase: { before: tenant.identifierCase, after: next } },
        })
        return { ...tenant, identifierCase: next }
      }, collisionsTimeoutMs),

    async findPolicy(id, rpId) {
      const [row] = await database.query<{ policy: unknown; rp_policy: unknown }>(
        'find_policy',
        `select t.policy, r.policy as rp_policy
         from tenants t left join relying_parties r on r.tenant_id = t.tenant_id and r.id = $2
         where t.tenant_id = $1`,
        [id, rpId],
      )
      return strictest(policyOf(row?.policy), row?.rp_policy)
    },

    async findOverrides(id, rpId) {
      const [row] =
        rpId === null
          ? await database.query<{ policy: PolicyOverrides }>('find_overrides', findOverrides, [id])
          : await database.query<{ policy: PolicyOverrides }>(
              'find_rp_overrides',
              findPartyOverrides,
              [id, rpId],
            )
      return row?.policy ?? null
    },

    changeOverrides({ tenantId, rpId, was, next, audit }) {
      return database.transaction(async (tx) => {
        const values = [tenantId, JSON.stringify(was), JSON.stringify(next)]
        const changedRows =
          rpId === null
            ? await tx.query('change_overrides', changeOverrides, values)
            : await tx.query('change_rp_overrides', changePartyOverrides, [...values, rpId])
        if (changedRows.length === 0) return false
        await recordAudit(tx, random, tenantId, audit)
        return true
      })
    },

    async listTenants() {
      const rows = await prisma.tenant.findMany({ select: asTenant, orderBy: { id: 'asc' } })
      return rows as Tenant[]
    },

    createRelyingParty(party, actor) {
      return database.transaction((tx) => insertParty(tx, party, actor))
    },

    async findRelyingParty(tenantId, id) {
      const row = await prisma.relyingParty.findUnique({
        where: { tenantId_id: { tenantId, id } },
      })
      return row && toRelyingParty(row)
    },

    async listRelyingParties(tenantId) {
      const rows = await prisma.relyingParty.findMany({
        where: { tenantId },
        orderBy: { id: 'asc' },
      })
      return rows.map(toRelyingParty)
    },

    createFirst(prepare, show, actor) {
      return database.transaction(async (tx) => {
        await tx.query('lock_bootstrap', `select pg_advisory_xact_lock(${bootstrapLock})`, [])
        const any = await tx.query('any_tenant', 'select 1 from tenants limit 1', [])
        if (any.length > 0) return false
        const { tenant, signingKey, relyingParty, apiKey, secretHash, shownBy } = await prepare()
        await insertTenant(tx, tenant, signingKey, actor)
        await insertParty(tx, relyingParty, actor)
        await insertApiKey(tx, random, apiKey, secretHash, actor)
        await recordFirstKey(tx, apiKey.id, shownBy)
        await show()
        return true
      })
    },
  }
}
