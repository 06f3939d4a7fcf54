import type { TestPush, TestPushStore } from '../ports/test-push-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database } from './database.ts'
import { leaseSeconds, testLifetimeSeconds } from './deliveries.ts'
import { addressColumns, type DuePushRow, toDuePushes } from './rows.ts'

const takeTurn = `
  update devices set test_pushed_at = clock_timestamp()
  where tenant_id = $1 and id = $2 and status = 'active' and push_token_sealed is not null
    and (test_pushed_at is null
      or test_pushed_at <= clock_timestamp() - make_interval(secs => $3))
  returning id`

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

/** Test pushes: deliveries of their own kind. */
export function createTestPushStore(database: Database, random: Pick<Random, 'id'>): TestPushStore {
  return {
    owe({ tenantId, deviceId, id, gapSeconds, activity, leasedBy }) {
      return database.transaction(async (tx) => {
        const turn = await tx.query('take_test_turn', takeTurn, [tenantId, deviceId, gapSeconds])
        if (turn.length === 0) return null
        await recordActivities(tx, random, tenantId, [activity])
        const values = [tenantId, id, deviceId, leasedBy]
        return toDuePushes(await tx.query<DuePushRow>('insert_test_push', insertTest, values))
      })
    },

    async findLast(tenantId, deviceId) {
      const row = await database.prisma.delivery.findFirst({
        where: { tenantId, deviceId, kind: 'test' },
        orderBy: { id: 'desc' },
        select: {
          id: true,
          deviceId: true,
          status: true,
          reason: true,
          attempts: true,
          createdAt: true,
          settledAt: true,
        },
      })
      return row as TestPush | null
    },
  }
}
