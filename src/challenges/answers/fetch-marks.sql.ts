import type { ChallengeId, DeviceId, TenantId } from '../../domain/ids.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { run, statement } from '../../platform/postgres/statement.ts'

const writeEveryMs = 100
const batchMax = 500

const markFetched = statement<{
  readonly tenantIds: readonly TenantId[]
  readonly deviceIds: readonly DeviceId[]
  readonly challengeIds: readonly ChallengeId[]
}>(
  'mark_fetched',
  `update challenge_targets t set fetched_at = clock_timestamp()
   from unnest(:tenantIds::text[], :deviceIds::text[], :challengeIds::text[])
     as x(tenant_id, device_id, challenge_id)
   where t.tenant_id = x.tenant_id and t.challenge_id = x.challenge_id
     and t.device_id = x.device_id and t.fetched_at is null`,
)

type Mark = {
  readonly tenantId: TenantId
  readonly deviceId: DeviceId
  readonly challengeId: ChallengeId
}

/**
 * Records that devices have fetched their challenges, in batches: a statement for each costs a busy
 * service up to a tenth of all its sign-ins. Marks that a dying process had not written are written
 * when the device fetches again.
 */
export function buildFetchMarks(database: Database) {
  let queue: Mark[] = []
  let writePromise: Promise<void> | undefined

  async function write(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, writeEveryMs))
    while (queue.length > 0) {
      const marks = queue.slice(0, batchMax)
      queue = queue.slice(batchMax)
      await run(database, markFetched, {
        tenantIds: marks.map(({ tenantId }) => tenantId),
        deviceIds: marks.map(({ deviceId }) => deviceId),
        challengeIds: marks.map(({ challengeId }) => challengeId),
      })
    }
  }

  /**
   * Resolves when all of them are written; marks that arrive while a batch is under way are part of
   * the same promise.
   */
  return (tenantId: TenantId, deviceId: DeviceId, ids: readonly ChallengeId[]): Promise<void> => {
    for (const challengeId of ids) queue.push({ tenantId, deviceId, challengeId })
    writePromise ??= write().finally(() => {
      writePromise = undefined
    })
    return writePromise
  }
}
