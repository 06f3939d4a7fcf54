import type { TestPush, TestPushStore } from '../ports/test-push-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database } from './database.ts'
import { leaseSeconds, testLifetimeSeconds } from './deliveries.ts'
import { addressColumns, type DuePushRow, toDuePushes } from './rows.ts'

// A transaction that pauses, reports or suspends waits for this one, or this one waits for it and
// finds another revision.
const lockRevision = `
  select user_id from user_protections where tenant_id = $1 and user_id = $2
    and revision = $3 for share`

const withinHour = `array(select t from unnest(v.test_pushes_at) t
  where t > clock_timestamp() - interval '1 hour' order by t)`

const takeSlot = `
  update devices v set test_pushes_at = ${withinHour} || clock_timestamp()
  where v.tenant_id = $1 and v.id = $2 and v.user_id = $3 and v.status = 'active'
    and v.push_token_sealed is not null and cardinality(${withinHour}) < $5
    and not exists (select from unnest(v.test_pushes_at) t
      where t > clock_timestamp() - make_interval(secs => $4))
  returning v.id`

const secondsToWait = `
  select greatest(1, ceil(extract(epoch from greatest(
    (select max(t) from unnest(v.test_pushes_at) t) + make_interval(secs => $4),
    case when cardinality(${withinHour}) >= $5
      then (${withinHour})[1] + interval '1 hour' end) - clock_timestamp())))::int as seconds
  from devices v
  where v.tenant_id = $1 and v.id = $2 and v.user_id = $3 and v.status = 'active'
    and v.push_token_sealed is not null`

const insertTest = `
  with p as (
    insert into deliveries (tenant_id, id, kind, device_id, status, attempts, due_at, leased_by,
      leased_until)
    values ($1, $2, 'test', $3, 'queued', 1, clock_timestamp(), $4,
      clock_timestamp() + make_interval(secs => ${leaseSeconds}))
    returning tenant_id, id, kind, challenge_id, device_id, attempts, created_at
  )
  select p.*, p.created_at + make_interval(secs => ${testLifetimeSeconds}) as expires_at,
    ${addressColumns('v')}
  from p join devices v on v.tenant_id = p.tenant_id and v.id = p.device_id`

// The kind is a literal: as a parameter it would hide the index of tests, and every delivery of the
// device would be read.
const findLast = `
  select id, device_id as "deviceId", status, reason, attempts, created_at as "createdAt",
    settled_at as "settledAt"
  from deliveries where tenant_id = $1 and device_id = $2 and kind = 'test'
  order by id desc limit 1`

/** Test pushes: deliveries of their own kind. */
export function buildTestPushStore(database: Database, random: Pick<Random, 'id'>): TestPushStore {
  return {
    enqueue(command) {
      const { tenantId, userId, deviceId, id, gapSeconds, perHourMax, leasedBy } = command
      return database.transaction(async (tx) => {
        const revisionValues = [tenantId, userId, command.protectionRevision]
        const lockedRows = await tx.query('hold_protection_revision', lockRevision, revisionValues)
        if (lockedRows.length === 0) return { kind: 'changed' }
        const slotValues = [tenantId, deviceId, userId, gapSeconds, perHourMax]
        if ((await tx.query('take_test_turn', takeSlot, slotValues)).length === 0) {
          const [row] = await tx.query<{ seconds: number }>(
            'test_turn_wait',
            secondsToWait,
            slotValues,
          )
          return row ? { kind: 'too_soon', retryAfterSeconds: row.seconds } : { kind: 'changed' }
        }
        await recordActivities(tx, random, tenantId, [command.activity])
        const values = [tenantId, id, deviceId, leasedBy]
        const due = await tx.query<DuePushRow>('insert_test_push', insertTest, values)
        return { kind: 'owed', pushes: toDuePushes(due) }
      })
    },

    async findLast(tenantId, deviceId) {
      const [row] = await database.query<TestPush>('find_last_test', findLast, [tenantId, deviceId])
      return row ?? null
    },
  }
}
