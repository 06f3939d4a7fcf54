import type { AppModel } from '../generated/prisma/models.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { App, AppStore, SealedCredentials } from './app.store.ts'

type AppParams = Pick<App, 'tenantId' | 'id'>

const insertApp = statement<
  Omit<App, 'createdAt' | 'updatedAt'> & { readonly credentialsSealed: Uint8Array },
  Pick<App, 'id'>
>(
  'insert_app',
  `insert into apps (tenant_id, id, provider, app_id, name, credentials_sealed)
  values (:tenantId, :id, :provider, :appId, :name, :credentialsSealed)
  on conflict (tenant_id, provider, app_id) do nothing
  returning id`,
)

const changeApp = statement<
  AppParams & { readonly name: string | null; readonly credentialsSealed: Uint8Array | null },
  Pick<App, 'id'>
>(
  'change_app',
  `update apps set name = coalesce(:name, name),
    credentials_sealed = coalesce(:credentialsSealed, credentials_sealed),
    version = version + case when :credentialsSealed::bytea is null then 0 else 1 end,
    updated_at = clock_timestamp()
  where tenant_id = :tenantId and id = :id
  returning id`,
)

const removeApp = statement<AppParams, Pick<App, 'provider' | 'appId'>>(
  'remove_app',
  'delete from apps where tenant_id = :tenantId and id = :id returning provider, app_id',
)

function toApp({ tenantId, id, provider, appId, name, createdAt, updatedAt }: AppModel): App {
  return { tenantId, id, provider, appId, name, createdAt, updatedAt } as App
}

/** The apps of all tenants; Prisma reads, transactions write. */
export function buildAppStore(database: Database, random: Pick<Random, 'id'>): AppStore {
  const find: AppStore['find'] = async (tenantId, id) => {
    const row = await database.prisma(tenantId, (prisma) =>
      prisma.app.findUnique({ where: { tenantId_id: { tenantId, id } } }),
    )
    return row && toApp(row)
  }
  return {
    find,

    async list(tenantId) {
      const rows = await database.prisma(tenantId, (prisma) =>
        prisma.app.findMany({ where: { tenantId }, orderBy: { id: 'desc' } }),
      )
      return rows.map(toApp)
    },

    async findCredentials(tenantId, { provider, appId }) {
      const row = await database.prisma(tenantId, (prisma) =>
        prisma.app.findUnique({
          where: { tenantId_provider_appId: { tenantId, provider, appId } },
          select: { id: true, version: true, credentialsSealed: true },
        }),
      )
      return row as SealedCredentials | null
    },

    async create({ tenantId, id, provider, appId, name }, credentialsSealed, actor) {
      const isNew = await database.transaction(async (tx) => {
        const values = { tenantId, id, provider, appId, name, credentialsSealed }
        const rows = await run(tx, insertApp, values)
        if (rows.length === 0) return false
        const details = { provider, appId, name }
        await recordAudit(tx, random, tenantId, { type: 'app_added', actor, subject: id, details })
        return true
      })
      return isNew ? find(tenantId, id) : null
    },

    async change(tenantId, id, { name, credentialsSealed }, actor) {
      await database.transaction(async (tx) => {
        const rows = await run(tx, changeApp, {
          tenantId,
          id,
          name: name ?? null,
          credentialsSealed: credentialsSealed ?? null,
        })
        if (rows.length === 0) return
        const details = {
          ...(name !== undefined && { name }),
          credentials: credentialsSealed !== undefined,
        }
        await recordAudit(tx, random, tenantId, {
          type: 'app_changed',
          actor,
          subject: id,
          details,
        })
      })
      return find(tenantId, id)
    },

    remove(tenantId, id, actor) {
      return database.transaction(async (tx) => {
        const [app] = await run(tx, removeApp, { tenantId, id })
        if (!app) return null
        const details = { provider: app.provider, appId: app.appId }
        const event = { type: 'app_removed', actor, subject: id, details } as const
        await recordAudit(tx, random, tenantId, event)
        return 'done'
      })
    },
  }
}
