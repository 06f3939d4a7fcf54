import type { Actor } from '../domain/activity.ts'
import type { RelyingPartyId, TenantId } from '../domain/ids.ts'
import { type PolicyOverrides, policyOf, strictest } from '../domain/policy.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { NewSigningKey, Random } from '../platform/world.ts'
import { insertApiKey } from './api-keys.sql.ts'
import type {
  IdentifierCollision,
  NewRelyingParty,
  RelyingParty,
  Tenant,
  TenantStore,
} from './directory.store.ts'
import { recordFirstKey } from './installation.sql.ts'
import { insertSigningKey } from './signing-keys.sql.ts'

// Held while the first tenant is created.
const bootstrapLock = "hashtextextended('countersign bootstrap ' || current_schema(), 0)"

type ByTenant = { readonly tenantId: TenantId }
type ByParty = ByTenant & { readonly rpId: RelyingPartyId }
type OverridesRow = { readonly policy: PolicyOverrides }
type OverridesChange = { readonly was: string; readonly next: string }

const findPolicy = statement<
  ByTenant & { readonly rpId: RelyingPartyId | null },
  { readonly policy: unknown; readonly rpPolicy: unknown }
>(
  'find_policy',
  `select t.policy, r.policy as rp_policy
   from tenants t left join relying_parties r on r.tenant_id = t.tenant_id and r.id = :rpId
   where t.tenant_id = :tenantId`,
)

const findOverrides = statement<ByTenant, OverridesRow>(
  'find_overrides',
  'select policy from tenants where tenant_id = :tenantId',
)
const findPartyOverrides = statement<ByParty, OverridesRow>(
  'find_rp_overrides',
  'select policy from relying_parties where tenant_id = :tenantId and id = :rpId',
)

const changeOverrides = statement<ByTenant & OverridesChange, ByTenant>(
  'change_overrides',
  `update tenants set policy = :next::jsonb
   where tenant_id = :tenantId and policy = :was::jsonb
   returning tenant_id`,
)
const changePartyOverrides = statement<ByParty & OverridesChange, { readonly id: RelyingPartyId }>(
  'change_rp_overrides',
  `update relying_parties set policy = :next::jsonb
   where tenant_id = :tenantId and id = :rpId and policy = :was::jsonb
   returning id`,
)

// Transactions that add identifiers lock the row for share (users.ts): no name is added between the
// check and the change.
const lockTenant = statement<ByTenant, Tenant>(
  'lock_tenant',
  `select tenant_id as id, name, identifier_case, created_at
   from tenants where tenant_id = :tenantId for no key update`,
)

// In the order of the index, which alone is read: a million names take a second.
const listCollisions = statement<ByTenant & { readonly limit: number }, IdentifierCollision>(
  'collisions',
  `select c.namespace, (select array_agg(i.value order by i.value) from user_identifiers i
     where i.tenant_id = :tenantId and i.key = c.key and i.namespace = c.namespace) as values
   from (select key, namespace from user_identifiers where tenant_id = :tenantId
     group by key, namespace having min(user_id) <> max(user_id)
     order by key, namespace limit :limit) c`,
)
const collisionsTimeoutMs = 30_000

const changeIdentifierCase = statement<ByTenant & { readonly identifierCase: string }>(
  'change_identifier_case',
  'update tenants set identifier_case = :identifierCase where tenant_id = :tenantId',
)

const insertTenantRow = statement<Pick<Tenant, 'id' | 'name' | 'identifierCase'>>(
  'insert_tenant',
  `insert into tenants (tenant_id, name, identifier_case) values (:id, :name, :identifierCase)`,
)

const insertPartyRow = statement<Omit<RelyingParty, 'createdAt'>, Pick<RelyingParty, 'createdAt'>>(
  'insert_relying_party',
  `insert into relying_parties (tenant_id, id, name, namespaces, return_origins)
   values (:tenantId, :id, :name, :namespaces, :returnOrigins)
   returning created_at`,
)

const lockParty = statement<ByParty, RelyingParty>(
  'lock_return_origins',
  `select tenant_id, id, name, namespaces, return_origins, created_at
   from relying_parties where tenant_id = :tenantId and id = :rpId for no key update`,
)

const changeReturnOrigins = statement<ByParty & Pick<RelyingParty, 'returnOrigins'>>(
  'change_return_origins',
  `update relying_parties set return_origins = :returnOrigins
   where tenant_id = :tenantId and id = :rpId`,
)

const lockBootstrap = statement<object, { readonly lock: unknown }>(
  'lock_bootstrap',
  `select pg_advisory_xact_lock(${bootstrapLock}) as lock`,
)

const findAnyTenant = statement<object>('any_tenant', 'select from tenants limit 1')

const asTenant = { id: true, name: true, identifierCase: true, createdAt: true }

type RelyingPartyRecord = {
  tenantId: string
  id: string
  name: string
  namespaces: string[]
  returnOrigins: string[]
  createdAt: Date
}

const toRelyingParty = (record: RelyingPartyRecord) => {
  const { tenantId, id, name, namespaces, returnOrigins, createdAt } = record
  return { tenantId, id, name, namespaces, returnOrigins, createdAt } as RelyingParty
}

/** Tenants and their relying parties; Prisma reads, transactions write. */
export function buildTenantStore(database: Database, random: Pick<Random, 'id'>): TenantStore {
  async function insertTenant(
    tx: Queries,
    { id, name, identifierCase }: Omit<Tenant, 'createdAt'>,
    key: NewSigningKey,
    actor: Actor,
  ): Promise<void> {
    await run(tx, insertTenantRow, { id, name, identifierCase })
    await insertSigningKey(tx, id, { ...key, seq: 1, linkJws: null })
    const details = { name, identifierCase }
    const event = { type: 'tenant_created', actor, subject: id, details } as const
    await recordAudit(tx, random, id, event)
  }

  async function insertParty(
    tx: Queries,
    { tenantId, id, name, namespaces, returnOrigins = [] }: NewRelyingParty,
    actor: Actor,
  ): Promise<RelyingParty> {
    const party = { tenantId, id, name, namespaces, returnOrigins }
    const row = await runOne(tx, insertPartyRow, party)
    await recordAudit(tx, random, tenantId, {
      type: 'relying_party_created',
      actor,
      subject: id,
      details: {
        name,
        namespaces: namespaces.join(' '),
        ...(returnOrigins.length > 0 && { returnOrigins: returnOrigins.join(' ') }),
      },
    })
    return { ...party, createdAt: row.createdAt }
  }

  return {
    createTenant(tenant, key, actor) {
      return database.transaction((tx) => insertTenant(tx, tenant, key, actor))
    },

    async findTenant(id) {
      const row = await database.prisma(id, (prisma) =>
        prisma.tenant.findUnique({ where: { id }, select: asTenant }),
      )
      return row as Tenant | null
    },

    changeIdentifierCase: (id, next, collisionsMax, actor) =>
      database.transaction(async (tx) => {
        const [tenant] = await run(tx, lockTenant, { tenantId: id })
        if (!tenant) return null
        if (tenant.identifierCase === next) return { kind: 'changed', tenant }
        if (next === 'fold_ascii') {
          const params = { tenantId: id, limit: collisionsMax }
          const collisions = await run(tx, listCollisions, params)
          if (collisions.length > 0) return { kind: 'collide', collisions }
        }
        await run(tx, changeIdentifierCase, { tenantId: id, identifierCase: next })
        await recordAudit(tx, random, id, {
          type: 'tenant_changed',
          actor,
          subject: id,
          details: { identifierCase: { before: tenant.identifierCase, after: next } },
        })
        return { kind: 'changed', tenant: { ...tenant, identifierCase: next } }
      }, collisionsTimeoutMs),

    async findPolicy(id, rpId) {
      const [row] = await run(database, findPolicy, { tenantId: id, rpId })
      return strictest(policyOf(row?.policy), row?.rpPolicy)
    },

    async findOverrides(id, rpId) {
      const [row] =
        rpId === null
          ? await run(database, findOverrides, { tenantId: id })
          : await run(database, findPartyOverrides, { tenantId: id, rpId })
      return row?.policy ?? null
    },

    changeOverrides({ tenantId, rpId, was, next, audit }) {
      return database.transaction(async (tx) => {
        const params = { tenantId, was: JSON.stringify(was), next: JSON.stringify(next) }
        const changedRows =
          rpId === null
            ? await run(tx, changeOverrides, params)
            : await run(tx, changePartyOverrides, { ...params, rpId })
        if (changedRows.length === 0) return 'changed'
        await recordAudit(tx, random, tenantId, audit)
        return 'done'
      })
    },

    async listTenants() {
      const rows = await database.prisma(null, (prisma) =>
        prisma.tenant.findMany({ select: asTenant, orderBy: { id: 'asc' } }),
      )
      return rows as Tenant[]
    },

    createRelyingParty(party, actor) {
      return database.transaction((tx) => insertParty(tx, party, actor))
    },

    changeReturnOrigins: ({ tenantId, id, returnOrigins }, actor) =>
      database.transaction(async (tx) => {
        const [party] = await run(tx, lockParty, { tenantId, rpId: id })
        if (!party) return null
        await run(tx, changeReturnOrigins, { tenantId, rpId: id, returnOrigins })
        await recordAudit(tx, random, tenantId, {
          type: 'relying_party_changed',
          actor,
          subject: id,
          details: {
            returnOrigins: {
              before: party.returnOrigins.join(' '),
              after: returnOrigins.join(' '),
            },
          },
        })
        return { ...party, returnOrigins }
      }),

    async findRelyingParty(tenantId, id) {
      const row = await database.prisma(tenantId, (prisma) =>
        prisma.relyingParty.findUnique({ where: { tenantId_id: { tenantId, id } } }),
      )
      return row && toRelyingParty(row)
    },

    async listRelyingParties(tenantId) {
      const rows = await database.prisma(tenantId, (prisma) =>
        prisma.relyingParty.findMany({ where: { tenantId }, orderBy: { id: 'asc' } }),
      )
      return rows.map(toRelyingParty)
    },

    createFirst(prepare, show, actor) {
      return database.transaction(async (tx) => {
        await run(tx, lockBootstrap, {})
        if ((await run(tx, findAnyTenant, {})).length > 0) return null
        const { tenant, signingKey, relyingParty, apiKey, secretHash, shownBy } = await prepare()
        await insertTenant(tx, tenant, signingKey, actor)
        await insertParty(tx, relyingParty, actor)
        await insertApiKey(tx, random, apiKey, secretHash, actor)
        await recordFirstKey(tx, apiKey.id, shownBy)
        await show()
        return 'done'
      })
    },
  }
}
