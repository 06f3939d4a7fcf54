import type { DeviceId, DiagnosticsId, TenantId } from '../../domain/ids.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { type FirstPage, type NextPage, readListPage } from '../../platform/postgres/pages.ts'
import { recordActivities } from '../../platform/postgres/record.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import { spendProof } from '../keys/spend-proof.sql.ts'
import type { Diagnostics, DiagnosticsStore } from './diagnostics.store.ts'

const columns = 'tenant_id, id, user_id, device_id, app_version, created_at'

const withinHour = `array(select t from unnest(v.diagnostics_at) t
  where t > clock_timestamp() - interval '1 hour' order by t)`

type DeviceParams = { readonly tenantId: TenantId; readonly deviceId: DeviceId }

const count = statement<DeviceParams & { readonly perHourMax: number }, { readonly id: DeviceId }>(
  'count_diagnostics',
  `update devices v set diagnostics_at = ${withinHour} || clock_timestamp()
  where v.tenant_id = :tenantId and v.id = :deviceId and v.status in ('active', 'unconfirmed')
    and cardinality(${withinHour}) < :perHourMax
  returning v.id`,
)

const secondsToWait = statement<DeviceParams, { readonly seconds: number }>(
  'diagnostics_wait',
  `select greatest(1, ceil(extract(epoch
    from v.diagnostics_at[1] + interval '1 hour' - clock_timestamp())))::int as seconds
  from devices v
  where v.tenant_id = :tenantId and v.id = :deviceId and v.status in ('active', 'unconfirmed')`,
)

const insert = statement<Omit<Diagnostics, 'createdAt'> & { readonly text: string }>(
  'insert_diagnostics',
  `insert into diagnostics (tenant_id, id, user_id, device_id, app_version, text)
  values (:tenantId, :id, :userId, :deviceId, :appVersion, :text)`,
)

type ListParams = { readonly tenantId: TenantId }
const textOfList = (before: string) => `
  select ${columns} from diagnostics where tenant_id = :tenantId ${before}
  order by id desc limit :limit`
const list = {
  first: statement<ListParams & FirstPage, Diagnostics>('list_diagnostics', textOfList('')),
  next: statement<ListParams & NextPage, Diagnostics>(
    'list_diagnostics_before',
    textOfList('and id < :before'),
  ),
}

const find = statement<
  { readonly tenantId: TenantId; readonly id: DiagnosticsId },
  Diagnostics & { readonly text: string }
>(
  'find_diagnostics',
  `select ${columns}, text from diagnostics where tenant_id = :tenantId and id = :id`,
)

/** Log excerpts that apps sent. */
export function buildDiagnosticsStore(
  database: Database,
  random: Pick<Random, 'id'>,
): DiagnosticsStore {
  return {
    create({ tenantId, id, userId, deviceId, appVersion, text }, perHourMax, activity, proof) {
      return database.transaction(async (tx) => {
        const fault = await spendProof(tx, proof)
        if (fault) return { kind: fault }
        const countedRows = await run(tx, count, { tenantId, deviceId, perHourMax })
        if (countedRows.length === 0) {
          const [row] = await run(tx, secondsToWait, { tenantId, deviceId })
          return row
            ? { kind: 'too_many', retryAfterSeconds: row.seconds }
            : { kind: 'device_gone' }
        }
        await run(tx, insert, { tenantId, id, userId, deviceId, appVersion, text })
        await recordActivities(tx, random, tenantId, [activity])
        return { kind: 'added' }
      })
    },

    list: (tenantId, page) => readListPage(database, list, { tenantId }, page),

    async find(tenantId, id) {
      const [row] = await run(database, find, { tenantId, id })
      return row ?? null
    },
  }
}
