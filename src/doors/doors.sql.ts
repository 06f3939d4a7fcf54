import type { ChallengeId, IntegrationId, TenantId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { ConsumedNumber, DoorStore, StoredShownNumber } from './door.store.ts'

// Each new number deletes up to as many expired ones; more cannot pile up.
const saveNumber = statement<
  StoredShownNumber & { readonly seconds: number; readonly pauseSeconds: number },
  { readonly expiresAt: Date }
>(
  'keep_number',
  `with old as (
    delete from shown_numbers where (tenant_id, id) in (
      select s.tenant_id, s.id from shown_numbers s where s.expires_at <= statement_timestamp()
      order by s.expires_at limit 10 for update skip locked)
  )
  insert into shown_numbers (tenant_id, id, integration_id, user_id, place, number_sealed,
    expires_at)
  select :tenantId, :id, :integrationId, :userId, :place::bytea, :numberSealed::bytea,
    clock_timestamp() + make_interval(secs => :seconds)
  where not exists (
    select from shown_numbers s
    where :pauseSeconds > 0 and s.tenant_id = :tenantId and s.integration_id = :integrationId
      and s.user_id = :userId and s.place = :place
      and s.expires_at > clock_timestamp() + make_interval(secs => :seconds - :pauseSeconds))
  returning expires_at`,
)

const consumedColumns = 'returning id, number_sealed, expires_at > clock_timestamp() as live'
type Owner = Pick<StoredShownNumber, 'tenantId' | 'integrationId' | 'userId'>

// `is true` keeps a column out of every index, so that one row is found by its own key.
const consumeNumber = statement<Owner & Pick<StoredShownNumber, 'id'>, ConsumedNumber>(
  'take_number',
  `delete from shown_numbers
  where tenant_id = :tenantId and (integration_id = :integrationId) is true
    and (user_id = :userId) is true and id = :id
  ${consumedColumns}`,
)

const consumeNumbersAt = statement<Owner & Pick<StoredShownNumber, 'place'>, ConsumedNumber>(
  'take_numbers_at',
  `delete from shown_numbers
  where tenant_id = :tenantId and integration_id = :integrationId and user_id = :userId
    and place = :place
  ${consumedColumns}`,
)

type FollowedChallenge = {
  readonly tenantId: TenantId
  readonly integrationId: IntegrationId
  readonly challengeId: ChallengeId
}

const follow = statement<FollowedChallenge & { readonly holdMs: number }>(
  'follow_challenge',
  `insert into followed_challenges (tenant_id, challenge_id, integration_id, hold_ms)
  values (:tenantId, :challengeId, :integrationId, :holdMs)`,
)

// The count is capped far above the last answer that matters.
const countAnswer = statement<
  FollowedChallenge,
  { readonly answers: number; readonly holdMs: number }
>(
  'count_answer',
  `update followed_challenges f set answers = least(f.answers + 1, 1000)
  where f.tenant_id = :tenantId and (f.integration_id = :integrationId) is true
    and f.challenge_id = :challengeId
  returning f.answers, f.hold_ms`,
)

/** Shown numbers and followed challenges of clients of doors. */
export function buildDoorStore(database: Database): DoorStore {
  return {
    async saveNumber(number, seconds, pauseSeconds = 0) {
      const [row] = await run(database, saveNumber, { ...number, seconds, pauseSeconds })
      return row?.expiresAt ?? null
    },

    consumeNumbers(search) {
      return 'id' in search
        ? run(database, consumeNumber, search)
        : run(database, consumeNumbersAt, search)
    },

    async follow(challenge) {
      await run(database, follow, challenge)
    },

    async countAnswer(tenantId, integrationId, challengeId) {
      const [row] = await run(database, countAnswer, { tenantId, integrationId, challengeId })
      return row ?? null
    },
  }
}
