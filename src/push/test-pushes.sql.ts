import { spendProof } from '../devices/keys/spend-proof.sql.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { leaseSeconds, testLifetimeSeconds } from './deliveries.sql.ts'
import { addressColumns, type DuePushRow, languagesColumn, toDuePushes } from './push.rows.ts'
import type { NewTestPush, TestPush, TestPushOutcome, TestPushStore } from './test-push.store.ts'

type SlotParams = Pick<
  NewTestPush,
  'tenantId' | 'userId' | 'deviceId' | 'gapSeconds' | 'perHourMax'
>

// A transaction that pauses, reports or suspends waits for this one, or this one waits for it and
// finds another revision.
const lockRevision = statement<
  Pick<NewTestPush, 'tenantId' | 'userId' | 'protectionRevision'>,
  Pick<NewTestPush, 'userId'>
>(
  'lock_protection_revision',
  `select user_id from user_protections where tenant_id = :tenantId and user_id = :userId
     and revision = :protectionRevision for share`,
)

const withinHour = `array(select t from unnest(v.test_pushes_at) t
  where t > clock_timestamp() - interval '1 hour' order by t)`

const takeSlot = statement<SlotParams, { readonly id: NewTestPush['deviceId'] }>(
  'take_test_slot',
  `update devices v set test_pushes_at = ${withinHour} || clock_timestamp()
   where v.tenant_id = :tenantId and v.id = :deviceId and v.user_id = :userId
     and v.status = 'active' and v.push_token_sealed is not null
     and cardinality(${withinHour}) < :perHourMax
     and not exists (select from unnest(v.test_pushes_at) t
       where t > clock_timestamp() - make_interval(secs => :gapSeconds))
   returning v.id`,
)

const findSlotWait = statement<SlotParams, { readonly seconds: number }>(
  'test_slot_wait',
  `select greatest(1, ceil(extract(epoch from greatest(
     (select max(t) from unnest(v.test_pushes_at) t) + make_interval(secs => :gapSeconds),
     case when cardinality(${withinHour}) >= :perHourMax
       then (${withinHour})[1] + interval '1 hour' end) - clock_timestamp())))::int as seconds
   from devices v
   where v.tenant_id = :tenantId and v.id = :deviceId and v.user_id = :userId
     and v.status = 'active' and v.push_token_sealed is not null`,
)

const insertTest = statement<
  Pick<NewTestPush, 'tenantId' | 'id' | 'deviceId' | 'leasedBy'>,
  DuePushRow
>(
  'insert_test_push',
  `with p as (
     insert into deliveries (tenant_id, id, kind, device_id, status, attempts, due_at, leased_by,
       leased_until)
     values (:tenantId, :id, 'test', :deviceId, 'queued', 1, clock_timestamp(), :leasedBy,
       clock_timestamp() + make_interval(secs => ${leaseSeconds}))
     returning tenant_id, id, kind, challenge_id, device_id, attempts, created_at
   )
   select p.tenant_id, p.id, p.kind, p.challenge_id, p.device_id, p.attempts,
     p.created_at + make_interval(secs => ${testLifetimeSeconds}) as expires_at,
     ${addressColumns('v')}, ${languagesColumn('v')} as languages
   from p join devices v on v.tenant_id = p.tenant_id and v.id = p.device_id`,
)

// The kind is a literal: as a parameter it would hide the index of tests, and every delivery of the
// device would be read.
const findLast = statement<Pick<NewTestPush, 'tenantId' | 'deviceId'>, TestPush>(
  'find_last_test',
  `select id, device_id, status, reason, attempts, created_at, settled_at
   from deliveries where tenant_id = :tenantId and device_id = :deviceId and kind = 'test'
   order by id desc limit 1`,
)

const markReceived = statement<
  Pick<NewTestPush, 'tenantId' | 'deviceId' | 'id'>,
  Pick<NewTestPush, 'id'>
>(
  'mark_test_received',
  `update deliveries set received_at = coalesce(received_at, clock_timestamp())
   where tenant_id = :tenantId and id = :id and device_id = :deviceId and kind = 'test'
   returning id`,
)

/** Test pushes: deliveries of their own kind. */
export function buildTestPushStore(database: Database, random: Pick<Random, 'id'>): TestPushStore {
  async function enqueue(tx: Queries, push: NewTestPush): Promise<TestPushOutcome> {
    const lockedRows = await run(tx, lockRevision, push)
    if (lockedRows.length === 0) return { kind: 'changed' }
    if ((await run(tx, takeSlot, push)).length === 0) {
      const [row] = await run(tx, findSlotWait, push)
      return row ? { kind: 'too_soon', retryAfterSeconds: row.seconds } : { kind: 'changed' }
    }
    await recordActivities(tx, random, push.tenantId, [push.activity])
    return { kind: 'owed', pushes: toDuePushes(await run(tx, insertTest, push)) }
  }

  return {
    enqueue: (push) => database.transaction((tx) => enqueue(tx, push)),

    enqueueWithProof(push, proof) {
      return database.transaction(async (tx) => (await spendProof(tx, proof)) ?? enqueue(tx, push))
    },

    confirm(id, proof) {
      return database.transaction(async (tx) => {
        const fault = await spendProof(tx, proof)
        if (fault) return fault
        return (await run(tx, markReceived, { ...proof, id })).length === 1 ? 'done' : null
      })
    },

    async findLast(tenantId, deviceId) {
      const [row] = await run(database, findLast, { tenantId, deviceId })
      return row ?? null
    },
  }
}
