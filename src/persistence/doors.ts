import type { ConsumedNumber, DoorStore } from '../ports/door-store.ts'
import type { Database } from './database.ts'

// Each new number deletes up to as many expired ones; more cannot pile up.
const saveNumber = `
  with old as (
    delete from shown_numbers where (tenant_id, id) in (
      select s.tenant_id, s.id from shown_numbers s where s.expires_at <= statement_timestamp()
      order by s.expires_at limit 10 for update skip locked)
  )
  insert into shown_numbers (tenant_id, id, integration_id, user_id, place, number_sealed,
    expires_at)
  values ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(secs => $7))
  returning expires_at as "expiresAt"`

const consumedColumns = `returning id, number_sealed as "numberSealed",
  expires_at > clock_timestamp() as live`

// `is true` keeps a column out of every index, so that one row is found by its own key.
const consumeNumber = `
  delete from shown_numbers
  where tenant_id = $1 and (integration_id = $2) is true and (user_id = $3) is true and id = $4
  ${consumedColumns}`

const consumeNumbersAt = `
  delete from shown_numbers
  where tenant_id = $1 and integration_id = $2 and user_id = $3 and place = $4 ${consumedColumns}`

const follow = `
  insert into followed_challenges (tenant_id, challenge_id, integration_id, hold_ms)
  values ($1, $2, $3, $4)`

// The count is capped far above the last answer that matters.
const countAnswer = `
  update followed_challenges f set answers = least(f.answers + 1, 1000)
  where f.tenant_id = $1 and (f.integration_id = $2) is true and f.challenge_id = $3
  returning f.answers, f.hold_ms as "holdMs"`

/** Shown numbers and followed challenges of clients of doors. */
export function buildDoorStore(database: Database): DoorStore {
  return {
    async saveNumber({ tenantId, integrationId, id, userId, place, numberSealed }, seconds) {
      const [row] = await database.query<{ expiresAt: Date }>('keep_number', saveNumber, [
        tenantId,
        id,
        integrationId,
        userId,
        place,
        numberSealed,
        seconds,
      ])
      if (!row) throw new Error('an insert returns its row')
      return row.expiresAt
    },

    consumeNumbers(search) {
      const { tenantId, integrationId, userId } = search
      const of = [tenantId, integrationId, userId]
      return 'id' in search
        ? database.query<ConsumedNumber>('take_number', consumeNumber, [...of, search.id])
        : database.query<ConsumedNumber>('take_numbers_at', consumeNumbersAt, [...of, search.place])
    },

    async follow({ tenantId, challengeId, integrationId, holdMs }) {
      await database.query('follow_challenge', follow, [
        tenantId,
        challengeId,
        integrationId,
        holdMs,
      ])
    },

    async countAnswer(...of) {
      const [row] = await database.query<{ answers: number; holdMs: number }>(
        'count_answer',
        countAnswer,
        of,
      )
      return row ?? null
    },
  }
}
