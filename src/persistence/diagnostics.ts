import type { Diagnostics, DiagnosticsStore } from '../ports/diagnostics-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database } from './database.ts'
import { spendProof } from './devices.ts'
import { type List, readPage } from './pages.ts'

const columns = `tenant_id as "tenantId", id, user_id as "userId", device_id as "deviceId",
  app_version as "appVersion", created_at as "createdAt"`

const withinHour = `array(select t from unnest(v.diagnostics_at) t
  where t > clock_timestamp() - interval '1 hour' order by t)`

const count = `
  update devices v set diagnostics_at = ${withinHour} || clock_timestamp()
  where v.tenant_id = $1 and v.id = $2 and v.status in ('active', 'unconfirmed')
    and cardinality(${withinHour}) < $3
  returning v.id`

const secondsToWait = `
  select greatest(1, ceil(extract(epoch
    from v.diagnostics_at[1] + interval '1 hour' - clock_timestamp())))::int as seconds
  from devices v where v.tenant_id = $1 and v.id = $2 and v.status in ('active', 'unconfirmed')`

const insert = `
  insert into diagnostics (tenant_id, id, user_id, device_id, app_version, text)
  values ($1, $2, $3, $4, $5, $6)`

const list: List = {
  name: 'list_diagnostics',
  text: ({ limit, before }) => `
    select ${columns} from diagnostics where tenant_id = $1 ${before('id')}
    order by id desc limit ${limit}`,
}

const find = `select ${columns}, text from diagnostics where tenant_id = $1 and id = $2`

/** Log excerpts that apps sent. */
export function buildDiagnosticsStore(
  database: Database,
  random: Pick<Random, 'id'>,
): DiagnosticsStore {
  return {
    create({ tenantId, id, userId, deviceId, appVersion, text }, perHourMax, activity, proof) {
      return database.transaction(async (tx) => {
        if (!(await spendProof(tx, proof))) return { kind: 'proof_replayed' }
        const values = [tenantId, deviceId]
        const countedRows = await tx.query('count_diagnostics', count, [...values, perHourMax])
        if (countedRows.length === 0) {
          const [row] = await tx.query<{ seconds: number }>(
            'diagnostics_wait',
            secondsToWait,
            values,
          )
          return row
            ? { kind: 'too_many', retryAfterSeconds: row.seconds }
            : { kind: 'device_gone' }
        }
        await tx.query('insert_diagnostics', insert, [
          tenantId,
          id,
          userId,
          deviceId,
          appVersion,
          text,
        ])
        await recordActivities(tx, random, tenantId, [activity])
        return { kind: 'added' }
      })
    },

    list: (tenantId, page) => readPage<Diagnostics>(database, list, [tenantId], page),

    async find(tenantId, id) {
      type Row = Diagnostics & { readonly text: string }
      const [row] = await database.query<Row>('find_diagnostics', find, [tenantId, id])
      return row ?? null
    },
  }
}
