import { hasSecret, type Integration, planChanges, planOf } from '../domain/integration.ts'
import { refuse } from '../domain/refusal.ts'
import type {
  EndedCredential,
  IntegrationCredential,
  IntegrationStore,
} from '../ports/integration-store.ts'
import type { Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import type { Database, Queries } from './database.ts'
import {
  type CredentialRow,
  type IntegrationRow,
  type StoredRow,
  toIntegration,
  toStored,
} from './integration-rows.ts'

const columns = `n.tenant_id, n.id, n.rp_id, n.name, n.settings, n.number_mode, n.namespace,
  n.user_names, n.allowed_addresses, n.policy, n.ttl_seconds, n.status, n.integration_key,
  n.revision, n.created_at, n.updated_at, n.uses, n.last_used_at, n.last_error_code,
    n.last_error_at`

const findOne = `select ${columns} from integrations n where n.tenant_id = $1 and n.id = $2`

const listAll = `select ${columns} from integrations n where n.tenant_id = $1 order by n.id desc`
const listOfParty = `
  select ${columns} from integrations n where n.tenant_id = $1 and n.rp_id = $2 order by n.id desc`

const findStored = (condition: string) => `
  select ${columns}, r.name as rp_name, r.namespaces, r.created_at as rp_created_at
  from integrations n join relying_parties r on r.tenant_id = n.tenant_id and r.id = n.rp_id
  where ${condition}`

const listCredentials = `
  select c.id, c.expires_at, c.secret_hash, c.secret_sealed from integration_credentials c
  where c.tenant_id = $1 and c.integration_id = $2
    and (c.expires_at is null or c.expires_at > clock_timestamp())
  order by c.id`

const insertIntegration = `
  insert into integrations as n (tenant_id, id, rp_id, kind, name, settings, number_mode, namespace,
    user_names, allowed_addresses, policy, ttl_seconds, status, integration_key)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning ${columns}`

const updateIntegration = `
  update integrations n set name = $4, settings = $5, number_mode = $6, namespace = $7,
    user_names = $8, allowed_addresses = $9, policy = $10, ttl_seconds = $11, status = $12,
    revision = n.revision + 1, updated_at = clock_timestamp()
  where n.tenant_id = $1 and n.id = $2 and n.revision = $3 returning ${columns}`

const insertCredential = `
  insert into integration_credentials (tenant_id, id, integration_id, secret_hash, secret_sealed)
  values ($1, $2, $3, $4, $5)`

const lockIntegration = `${findOne} for no key update`

const touchIntegration = `
  update integrations n set revision = n.revision + 1, updated_at = clock_timestamp()
  where n.tenant_id = $1 and n.id = $2 returning ${columns}`

const limitCredentials = `
  update integration_credentials c set expires_at = least(c.expires_at,
    clock_timestamp() + make_interval(secs => $3))
  where c.tenant_id = $1 and c.integration_id = $2
  returning c.id, c.expires_at as "endsAt"`

const dropCredentials = `
  delete from integration_credentials c where c.tenant_id = $1 and c.integration_id = $2
  returning c.id, least(c.expires_at, clock_timestamp()) as "endsAt"`

// To the millisecond, as in the revocation log.
const endCredential = `
  update integration_credentials c set expires_at = $4
  where c.tenant_id = $1 and c.integration_id = $2 and c.id = $3
    and (c.expires_at is null or date_trunc('milliseconds', c.expires_at) > $4)
  returning c.id`

const findCredential = `
  select c.id from integration_credentials c
  where c.tenant_id = $1 and c.integration_id = $2 and c.id = $3`

const removeIntegration = `
  delete from integrations n where n.tenant_id = $1 and n.id = $2
  returning ${columns}, clock_timestamp() as at`

const recordUses = `
  update integrations n set uses = n.uses + x.uses,
    last_used_at = greatest(n.last_used_at, x.used_at),
    last_error_code = coalesce(x.error_code, n.last_error_code),
    last_error_at = coalesce(x.error_at, n.last_error_at)
  from unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::timestamptz[])
    as x(tenant_id, id, uses, used_at, error_code, error_at)
  where n.tenant_id = x.tenant_id and n.id = x.id`

const planValues = (plan: Parameters<typeof planOf>[0]) => [
  plan.name,
  JSON.stringify(plan.settings),
  plan.numberMode,
  plan.namespace,
  JSON.stringify(plan.userNames),
  plan.allowedAddresses,
  JSON.stringify(plan.policy),
  plan.ttlSeconds,
  plan.status,
]

async function createCredential(
  tx: Queries,
  { tenantId, id }: Pick<Integration, 'tenantId' | 'id'>,
  credential: IntegrationCredential,
): Promise<void> {
  await tx.query('insert_integration_credential', insertCredential, [
    tenantId,
    credential.id,
    id,
    'secretHash' in credential ? credential.secretHash : null,
    'secretSealed' in credential ? credential.secretSealed : null,
  ])
}

function drop(tx: Queries, ...of: [Integration['tenantId'], Integration['id']]) {
  return tx.query<EndedCredential>('drop_integration_secrets', dropCredentials, of)
}

/** Integrations and their credentials. */
export function buildIntegrationStore(
  database: Database,
  random: Pick<Random, 'id'>,
): IntegrationStore {
  return {
    ...buildReading(database),
    ...buildWriting(database, random),
    ...buildEnding(database, random),
    async recordUses(uses) {
      await database.query('record_integration_uses', recordUses, [
        uses.map((one) => one.tenantId),
        uses.map((one) => one.id),
        uses.map((one) => one.uses),
        uses.map((one) => one.usedAt),
        uses.map((one) => one.lastError?.code ?? null),
        uses.map((one) => one.lastError?.at ?? null),
      ])
    },
  }
}

function buildReading(database: Database): Pick<IntegrationStore, 'list' | 'find' | 'findStored'> {
  return {
    async list(tenantId, rpId) {
      const query = database.query<IntegrationRow>
      const rows =
        rpId === null
          ? await query('list_integrations', listAll, [tenantId])
          : await query('list_integrations_of_party', listOfParty, [tenantId, rpId])
      return rows.map(toIntegration)
    },

    async find(tenantId, id) {
      const values = [tenantId, id]
      const [row] = await database.query<IntegrationRow>('find_integration', findOne, values)
      return row ? toIntegration(row) : null
    },

    async findStored(handle) {
      const [row] =
        'id' in handle
          ? await database.query<StoredRow>('find_integration_by_id', findStored('n.id = $1'), [
              handle.id,
            ])
          : await database.query<StoredRow>(
              'find_integration_by_key',
              findStored('n.integration_key = $1'),
              [handle.integrationKey],
            )
      if (!row) return null
      const of = [row.tenant_id, row.id]
      const query = database.query<CredentialRow>
      return toStored(row, await query('list_integration_credentials', listCredentials, of))
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
        const values = [
          tenantId,
          id,
          rpId,
          settings.kind,
          ...planValues(integration),
          integrationKey,
        ]
        const [row] = await tx.query<IntegrationRow>(
          'insert_integration',
          insertIntegration,
          values,
        )
        if (!row) throw new Error('an insert returns its row')
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
        const values = [tenantId, id, revision, ...planValues(next)]
        const [row] = await tx.query<IntegrationRow>(
          'change_integration',
          updateIntegration,
          values,
        )
        if (!row) return null
        const endedCredentials = hasSecret(next.settings) ? [] : await drop(tx, tenantId, id)
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
        const of = [tenantId, id]
        const [lockedRow] = await tx.query('lock_integration', lockIntegration, of)
        if (!lockedRow) return null
        const live = await tx.query('list_integration_credentials', listCredentials, of)
        if (live.length > 1 && overlapSeconds > 0) return refuse('rotation_under_way')
        const end = [tenantId, id, overlapSeconds]
        const endedCredentials =
          overlapSeconds > 0
            ? await tx.query<EndedCredential>('limit_integration_secrets', limitCredentials, end)
            : await drop(tx, tenantId, id)
        await createCredential(tx, { tenantId, id }, credential)
        const [row] = await tx.query<IntegrationRow>('touch_integration', touchIntegration, of)
        if (!row) throw new Error('the integration is locked and cannot vanish')
        const details = { credential: credential.id, overlapSeconds }
        const event = { type: 'integration_rotated', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return { integration: toIntegration(row), endedCredentials }
      })
    },
  }
}

function buildEnding(
  database: Database,
  random: Pick<Random, 'id'>,
): Pick<IntegrationStore, 'endCredential' | 'remove'> {
  return {
    endCredential({ tenantId, integrationId, id, endsAt }, actor) {
      return database.transaction(async (tx) => {
        const of = [tenantId, integrationId, id]
        const values = [...of, endsAt]
        const [row] = await tx.query('end_integration_credential', endCredential, values)
        if (!row) {
          const [credentialRow] = await tx.query('find_integration_credential', findCredential, of)
          return credentialRow ? 'already' : null
        }
        const details = { credential: id, endsAt: endsAt.toISOString() }
        const type = 'integration_credential_ended'
        await recordAudit(tx, random, tenantId, { type, actor, subject: integrationId, details })
        return 'ended'
      })
    },

    remove(tenantId, id, actor) {
      return database.transaction(async (tx) => {
        const [row] = await tx.query<IntegrationRow & { at: Date }>(
          'remove_integration',
          removeIntegration,
          [tenantId, id],
        )
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
