// Everything that is held on one person: shown as a whole, and taken away as a whole.

import type { PersonalData, PersonalDataStore } from '../ports/personal-data-store.ts'
import type { Random } from '../ports/world.ts'
import { recordAudit } from './activities.ts'
import type { Database } from './database.ts'
import { lockUserRow, unregisterDevices } from './devices.ts'
import { holdProtection } from './protections.ts'

const byUser = 't.tenant_id = $1 and t.user_id = $2'
const byDevice = `t.tenant_id = $1 and t.device_id in (
  select d.id from devices d where d.tenant_id = $1 and d.user_id = $2)`
const byChallenge = `t.tenant_id = $1 and t.challenge_id in (
  select c.id from challenges c where c.tenant_id = $1 and c.user_id = $2)`

/** Where a person's rows are, and the columns that are no information about them but secrets, hashes or seals. */
const tables: readonly (readonly [table: string, where: string, hidden: readonly string[]])[] = [
  ['users', 't.tenant_id = $1 and t.id = $2', []],
  ['user_identifiers', byUser, []],
  ['enrolments', byUser, ['code_hash', 'typed_code_hash', 'number_sealed']],
  ['devices', byUser, ['push_token_sealed', 'push_token_hash']],
  ['device_keys', byDevice, ['mac']],
  ['passcode_secrets', byDevice, ['secret_sealed']],
  ['single_use_codes', byUser, ['hash', 'key_sealed']],
  ['passcode_budgets', byUser, []],
  ['diagnostics', byUser, []],
  ['portal_sessions', byUser, ['link_hash', 'session_hash']],
  ['user_protections', byUser, []],
  ['initiators', byUser, []],
  ['reports', byUser, []],
  ['challenges', byUser, ['number_sealed', 'request_hash']],
  ['challenge_targets', byChallenge, ['request_hash']],
  ['answers', byChallenge, []],
  ['deliveries', byDevice, []],
  ['activities', byUser, ['salt', 'post_hash']],
  ['activity_push_budgets', byUser, []],
  ['audit_events', 't.tenant_id = $1 and t.subject = $2', ['salt']],
]

// After the devices are unregistered. Rows that others hang on, and those that say which authenticators there were, stay
// without what is personal in them; all others go.
const erasures: readonly string[] = [
  `with k as materialized (
     select t.id from enrolments t where ${byUser} and t.status in ('open', 'claimed')
     order by t.id for no key update
   )
   update enrolments t set status = 'cancelled', number_sealed = null, ended_at = clock_timestamp()
   from k where t.tenant_id = $1 and t.id = k.id`,
  `delete from deliveries t where ${byDevice}`,
  `delete from answers t where ${byChallenge}`,
  `update challenge_targets t set request_payload = '{}', request_hash = '' where ${byChallenge}`,
  `update challenges t set context = '{}', binding = null, idempotency_key = null, request_hash = ''
   where ${byUser}`,
  `delete from device_keys t where ${byDevice}`,
  `delete from passcode_secrets t where ${byDevice}`,
  `delete from single_use_codes t where ${byUser}`,
  `delete from passcode_budgets t where ${byUser}`,
  `delete from portal_sessions t where ${byUser}`,
  `delete from initiators t where ${byUser}`,
  `update user_protections t set wrong_numbers_in_row = 0, wrong_numbers_since_success = 0,
     locked_until = null, hard_locked_at = null, reported_until = null, paused_until = null,
     revision = t.revision + 1 where ${byUser}`,
  `update reports t set note = null where ${byUser}`,
  `delete from diagnostics t where ${byUser}`,
  `delete from activity_push_budgets t where ${byUser}`,
  `update devices t set name = '', model = '', os_version = '', app_version = '',
     attestation_why = null where ${byUser}`,
  `update activities t set details = '{}', posted = null, post_key = null, post_hash = null,
     salt = null where ${byUser}`,
  `update audit_events t set details = '{}', salt = null
   where t.tenant_id = $1 and t.subject = $2`,
  `delete from user_identifiers t where ${byUser}`,
  `update users t set display_name = '', notification_preferences = '{}',
     erased_at = coalesce(t.erased_at, clock_timestamp())
   where t.tenant_id = $1 and t.id = $2`,
]

const knownUser = 'select id from users where tenant_id = $1 and id = $2'

/** Data rights of persons. */
export function createPersonalDataStore(
  database: Database,
  random: Pick<Random, 'id'>,
): PersonalDataStore {
  return {
    export(tenantId, userId) {
      return database.transaction(async (tx) => {
        const found: Record<string, PersonalData[string]> = {}
        for (const [table, where, hidden] of tables) {
          const rows = await tx.query<{ row: PersonalData[string][number] }>(
            `export_${table}`,
            `select to_jsonb(t) - $3::text[] as row from ${table} t where ${where}`,
            [tenantId, userId, ['tenant_id', ...hidden]],
          )
          found[table] = rows.map(({ row }) => row)
        }
        return found
      })
    },

    erase(tenantId, userId, actor) {
      return database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, userId)
        await holdProtection(tx, tenantId, userId)
        const known = await tx.query('known_user', knownUser, [tenantId, userId])
        if (known.length === 0) return { devices: [], endedChallenges: [] }
        const unregistered = await unregisterDevices(tx, random, {
          tenantId,
          userId,
          deviceIds: [],
          reason: 'admin',
          actor,
        })
        for (const [n, erasure] of erasures.entries()) {
          await tx.query(`erase_${n}`, erasure, [tenantId, userId])
        }
        await recordAudit(tx, random, tenantId, { type: 'user_erased', actor, subject: userId })
        return unregistered
      })
    },
  }
}
