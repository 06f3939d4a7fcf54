import { hasSecret, type Integration, planChanges, planOf } from '../domain/integration.ts'
import { refuse } from '../domain/refusal.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { IntegrationStore } from './integration.store.ts'
import {
  buildCredentialEnding,
  createCredential,
  dropCredentials,
  limitCredentials,
  listCredentials,
} from './integration-credentials.sql.ts'
import {
  type IntegrationRow,
  integrationColumns,
  type StoredRow,
  storedColumns,
  toIntegration,
  toStored,
} from './integration-rows.sql.ts'

type Key = Pick<Integration, 'tenantId' | 'id'>
type IdRow = { readonly id: string }

const findOne = statement<Key, IntegrationRow>(
  'find_integration',
  `select ${integrationColumns} from integrations n where n.tenant_id = :tenantId and n.id = :id`,
)
const lockIntegration = statement<Key, IdRow>(
  'lock_integration',
  `select n.id from integrations n where n.tenant_id = :tenantId and n.id = :id
   for no key update`,
)

const listAll = statement<Pick<Integration, 'tenantId'>, IntegrationRow>(
  'list_integrations',
  `select ${integrationColumns} from integrations n where n.tenant_id = :tenantId
   order by n.id desc`,
)
const listOfParty = statement<Pick<Integration, 'tenantId' | 'rpId'>, IntegrationRow>(
  'list_integrations_of_party',
  `select ${integrationColumns} from integrations n
   where n.tenant_id = :tenantId and n.rp_id = :rpId
   order by n.id desc`,
)

const storedWhere = (condition: string) => `
  select ${storedColumns}
  from integrations n join relying_parties r on r.tenant_id = n.tenant_id and r.id = n.rp_id
  where ${condition}`
const findStoredById = statement<Pick<Integration, 'id'>, StoredRow>(
  'find_integration_by_id',
  storedWhere('n.id = :id'),
)
const findStoredByKey = statement<{ readonly integrationKey: string }, StoredRow>(
  'find_integration_by_key',
  storedWhere('n.integration_key = :integrationKey'),
)

/** A plan as the table holds it. */
type PlanParams = Key &
  Pick<
    Integration,
    'name' | 'numberMode' | 'namespace' | 'allowedAddresses' | 'ttlSeconds' | 'status'
  > & { readonly settings: string; readonly userNames: string; readonly policy: string }

const insertIntegration = statement<
  PlanParams &
    Pick<Integration, 'rpId' | 'integrationKey'> & {
      readonly kind: Integration['settings']['kind']
    },
  IntegrationRow
>(
  'insert_integration',
  `insert into integrations as n (tenant_id, id, rp_id, kind, name, settings, number_mode,
     namespace, user_names, allowed_addresses, policy, ttl_seconds, status, integration_key)
   values (:tenantId, :id, :rpId, :kind, :name, :settings, :numberMode, :namespace, :userNames,
     :allowedAddresses, :policy, :ttlSeconds, :status, :integrationKey)
   returning ${integrationColumns}`,
)

const changeIntegration = statement<PlanParams & Pick<Integration, 'revision'>, IntegrationRow>(
  'change_integration',
  `update integrations n set name = :name, settings = :settings, number_mode = :numberMode,
     namespace = :namespace, user_names = :userNames, allowed_addresses = :allowedAddresses,
     policy = :policy, ttl_seconds = :ttlSeconds, status = :status, revision = n.revision + 1,
     updated_at = clock_timestamp()
   where n.tenant_id = :tenantId and n.id = :id and n.revision = :revision
    returning ${integrationColumns}`,
)

const touchIntegration = statement<Key, IntegrationRow>(
  'touch_integration',
  `update integrations n set revision = n.revision + 1, updated_at = clock_timestamp()
   where n.tenant_id = :tenantId and n.id = :id returning ${integrationColumns}`,
)

const removeIntegration = statement<Key, IntegrationRow & { readonly at: Date }>(
  'remove_integration',
  `delete from integrations n where n.tenant_id = :tenantId and n.id = :id
   returning ${integrationColumns}, clock_timestamp() as at`,
)

const recordUses = statement<{
  readonly tenantIds: readonly Integration['tenantId'][]
  readonly ids: readonly Integration['id'][]
  readonly uses: readonly number[]
  readonly usedAts: readonly (Date | null)[]
  readonly errorCodes: readonly (string | null)[]
  readonly errorAts: readonly (Date | null)[]
}>(
  'record_integration_uses',
  `update integrations n set uses = n.uses + x.uses,
     last_used_at = greatest(n.last_used_at, x.used_at),
     last_error_code = coalesce(x.error_code, n.last_error_code),
     last_error_at = coalesce(x.error_at, n.last_error_at)
   from unnest(:tenantIds::text[], :ids::text[], :uses::int[], :usedAts::timestamptz[],
       :errorCodes::text[], :errorAts::timestamptz[])
     as x(tenant_id, id, uses, used_at, error_code, error_at)
   where n.tenant_id = x.tenant_id and n.id = x.id`,
)

const planParams = (plan: Parameters<typeof planOf>[0]) => ({
  name: plan.name,
  settings: JSON.stringify(plan.settings),
  numberMode: plan.numberMode,
  namespace: plan.namespace,
  userNames: JSON.stringify(plan.userNames),
  allowedAddresses: plan.allowedAddresses,
  policy: JSON.stringify(plan.policy),
  ttlSeconds: plan.ttlSeconds,
  status: plan.status,
})

/** Integrations and their credentials. */
export function buildIntegrationStore(
  database: Database,
  random: Pick<Random, 'id'>,
): IntegrationStore {
  return {
    ...buildReading(database),
    ...buildWriting(database, random),
    ...buildRemoval(database, random),
    recordTest(key, details, actor) {
      return database.transaction(async (tx) => {
        const [row] = await run(tx, findOne, key)
        if (!row) return false
        const event = { type: 'integration_tested', actor, subject: key.id, details } as const
        await recordAudit(tx, random, key.tenantId, event)
        return true
      })
    },
    ...buildCredentialEnding(database, random),
    async recordUses(uses) {
      await run(database, recordUses, {
        tenantIds: uses.map((one) => one.tenantId),
        ids: uses.map((one) => one.id),
        uses: uses.map((one) => one.uses),
        usedAts: uses.map((one) => one.usedAt),
        errorCodes: uses.map((one) => one.lastError?.code ?? null),
        errorAts: uses.map((one) => one.lastError?.at ?? null),
      })
    },
  }
}

function buildReading(database: Database): Pick<IntegrationStore, 'list' | 'find' | 'findStored'> {
  return {
    async list(tenantId, rpId) {
      const rows =
        rpId === null
          ? await run(database, listAll, { tenantId })
          : await run(database, listOfParty, { tenantId, rpId })
      return rows.map(toIntegration)
    },

    async find(tenantId, id) {
      const [row] = await run(database, findOne, { tenantId, id })
      return row ? toIntegration(row) : null
    },

    async findStored(handle) {
      const [row] =
        'id' in handle
          ? await run(database, findStoredById, handle)
          : await run(database, findStoredByKey, handle)
      if (!row) return null
      return toStored(row, await run(database, listCredentials, row))
    },
  }
}

function buildWriting(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<IntegrationStore, 'create' | 'change' | 'rotate'> {
  return {
    create(integration, credential, actor) {
      return database.transaction(async (tx) => {
        const { tenantId, id, rpId, settings, integrationKey } = integration
        const row = await runOne(tx, insertIntegration, {
          ...{ tenantId, id, rpId, kind: settings.kind, integrationKey },
          ...planParams(integration),
        })
        if (credential) await createCredential(tx, integration, credential)
        const details = { relyingParty: rpId, before: null, after: planOf(integration) }
        const event = { type: 'integration_created', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return toIntegration(row)
      })
    },

    change(was, next, credential, actor) {
      return database.transaction(async (tx) => {
        const { tenantId, id, revision } = was
        const params = { tenantId, id, revision, ...planParams(next) }
        const [row] = await run(tx, changeIntegration, params)
        if (!row) return null
        const endedCredentials = hasSecret(next.settings)
          ? []
          : await run(tx, dropCredentials, { tenantId, id })
        if (credential) await createCredential(tx, was, credential)
        const details = planChanges(was, next)
        const event = { type: 'integration_changed', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return { integration: toIntegration(row), endedCredentials }
      })
    },

    rotate({ tenantId, id, overlapSeconds }, credential, actor) {
      return database.transaction(async (tx) => {
        // Rotations are serialized.
        const key = { tenantId, id }
        const [lockedRow] = await run(tx, lockIntegration, key)
        if (!lockedRow) return null
        const live = await run(tx, listCredentials, key)
        if (live.length > 1 && overlapSeconds > 0) return refuse('rotation_under_way')
        const endedCredentials =
          overlapSeconds > 0
            ? await run(tx, limitCredentials, { ...key, overlapSeconds })
            : await run(tx, dropCredentials, key)
        await createCredential(tx, key, credential)
        const row = await runOne(tx, touchIntegration, key)
        const details = { credential: credential.id, overlapSeconds }
        const event = { type: 'integration_rotated', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return { integration: toIntegration(row), endedCredentials }
      })
    },
  }
}

function buildRemoval(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<IntegrationStore, 'remove'> {
  return {
    remove(tenantId, id, actor) {
      return database.transaction(async (tx) => {
        const [row] = await run(tx, removeIntegration, { tenantId, id })
        if (!row) return null
        const integration = toIntegration(row)
        const details = { before: planOf(integration), after: null, uses: integration.uses }
        const event = { type: 'integration_deleted', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return { at: row.at }
      })
    },
  }
}
