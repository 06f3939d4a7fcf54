// All data on one person: export as a whole, and erasure as a whole.

import { countAbout } from '../audit/audit-about.sql.ts'
import { micros } from '../audit/audit-rows.sql.ts'
import { unregisterDevices } from '../devices/device-unregistration.sql.ts'
import { lockUserRow } from '../devices/devices.sql.ts'
import { commitSlackSeconds } from '../domain/audit-chain.ts'
import { erasureCountsAfterSeconds } from '../domain/audit-exemption.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import { othersKey } from '../domain/initiator.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { lockProtectionRow } from '../protection/protections.sql.ts'
import type { PersonalDataStore } from './personal-data.store.ts'
import { buildPersonalDataExport, byDevice, byUser } from './personal-data-export.sql.ts'

type Person = { readonly tenantId: TenantId; readonly userId: UserId }

// The atomic part: from its commit on nobody finds the user, and none of their devices, codes or
// tickets works. An erased user is suspended permanently, so that every transaction that locks the
// protection to add something is refused.
const cuts = [
  `with k as materialized (
     select t.id from enrollments t where ${byUser} and t.status in ('open', 'claimed')
     order by t.id for no key update
   )
   update enrollments t set status = 'cancelled', number_sealed = null, ended_at = clock_timestamp()
   from k where t.tenant_id = :tenantId and t.id = k.id`,
  `delete from single_use_codes t where ${byUser}`,
  `delete from portal_sessions t where ${byUser}`,
  `update user_protections t set wrong_numbers_in_row = 0, wrong_numbers_since_success = 0,
     locked_until = null, hard_locked_at = null, reported_until = null, paused_until = null,
     push_sign_in = null, may_enroll_until = null,
     suspended_at = coalesce(t.suspended_at, clock_timestamp()), revision = t.revision + 1
       where ${byUser}`,
  `delete from user_identifiers t where ${byUser}`,
  `update users t set display_name = '', notification_preferences = '{}', language = null,
     erased_at = coalesce(t.erased_at, clock_timestamp()),
     erasing_since = coalesce(t.erasing_since, clock_timestamp())
   where t.tenant_id = :tenantId and t.id = :userId`,
].map((text, n) => statement<Person>(`cut_off_${n}`, text))

// Rows that others depend on, and the record of past authenticators, stay without the personal data
// in them; all others are deleted.
const fewRows = [
  // A device that did not learn of the erasure must be able to: the hashes that identify its key
  // stay.
  `update devices d set erased_key_hashes = k.hashes from (
     select a.device_id, array_agg(sha256(convert_to(a.kid, 'UTF8'))) as hashes
     from (
       select t.device_id, t.kid from device_keys t where ${byDevice}
       union all
       select t.device_id, t.kid from replaced_device_keys t where ${byDevice}
     ) a group by a.device_id) k
   where d.tenant_id = :tenantId and d.id = k.device_id`,
  `delete from device_keys t where ${byDevice}`,
  `delete from replaced_device_keys t where ${byDevice}`,
  `delete from passcode_secrets t where ${byDevice}`,
  `delete from single_use_codes t where ${byUser}`,
  `delete from passcode_budgets t where ${byUser}`,
  `delete from portal_sessions t where ${byUser}`,
  `delete from initiators t where ${byUser}`,
  `delete from shown_numbers t where ${byUser}`,
  `update reports t set note = null where ${byUser}`,
  `delete from diagnostics t where ${byUser}`,
  `delete from activity_push_budgets t where ${byUser}`,
  `update devices t set name = '', model = '', os_version = '', app_version = '',
     language = null, attestation_why = null where ${byUser}`,
].map((text, n) => statement<Person>(`erase_few_${n}`, text))

// A call that spends its proof holds its key before it waits for the user; so does this.
const lockKeys = statement<Person>(
  'lock_keys_to_erase',
  `select from device_keys t where ${byDevice} order by t.device_id, t.role for update`,
)

const pageRows = 1_000
const pageOf = (table: string, where: string) => `
  with page as materialized (
    select t.id from ${table} t where ${where} and t.id > :after order by t.id limit ${pageRows}
    for no key update
  )`
const ofPage = (column: string) =>
  `t.tenant_id = :tenantId and t.${column} = any(array(select id from page))`
const pageEnd = 'select max(id) as last from page having count(*) > 0'

/**
 * Kinds of which a user may have any number: one page after a place; returns the next place,
 * or no row at the end.
 */
const manyRows = [
  `with page as materialized (
     select t.id from deliveries t where t.tenant_id = :tenantId and t.device_id = any(array(
       select d.id from devices d where d.tenant_id = :tenantId and d.user_id = :userId))
         and :after::text is not null
     limit ${pageRows} for update skip locked
   ), deletion as (delete from deliveries t where ${ofPage('id')})
   ${pageEnd}`,
  `${pageOf('challenges', byUser)}, answers_deletion as (
     delete from answers t where ${ofPage('challenge_id')}
   ), targets as (
     update challenge_targets t set request_payload = '{}', request_hash = ''
     where ${ofPage('challenge_id')} and t.request_hash <> ''
   ), erasure as (
     update challenges t set context = '{}', binding = null, return_url = null,
       initiator_key = null, budget_key = '${othersKey}', idempotency_key = null,
       request_hash = ''
     where ${ofPage('id')} and (t.context <> '{}' or t.binding is not null
       or t.return_url is not null or t.budget_key <> '${othersKey}'
       or t.idempotency_key is not null or t.request_hash <> '')
   )
   ${pageEnd}`,
  `${pageOf('activities', byUser)}, erasure as (
     update activities t set details = '{}', posted = null, post_key = null, post_hash = null,
       salt = null
     where ${ofPage('id')} and (t.salt is not null or t.details <> '{}' or t.posted is not null
       or t.post_key is not null or t.post_hash is not null)
   )
   ${pageEnd}`,
  `with page as materialized (
     select t.event_id as id from webhook_deliveries t where ${byUser} and t.event_id > :after
     order by t.event_id, t.endpoint_id limit ${pageRows} for no key update
   ), erasure as (
     update webhook_deliveries t set data = t.data || '{"binding": null, "idempotencyKey": null}'
     where ${ofPage('event_id')} and (t.data ->> 'binding' is not null
       or t.data ->> 'idempotencyKey' is not null)
   )
   ${pageEnd}`,
  `${pageOf(
    'audit_events',
    "t.tenant_id = :tenantId and t.subject = :userId and t.type <> 'user_erased'",
  )}, erasure as (
     update audit_events t set details = '{}', salt = null
     where ${ofPage('id')} and (t.salt is not null or t.details <> '{}')
   )
   ${pageEnd}`,
].map((text, n) =>
  statement<Person & { readonly after: string }, { readonly last: string }>(
    `erase_many_${n}`,
    text,
  ),
)

// All that was under way when the user was cut off has committed by then.
const findErasing = statement<{ readonly limit: number }, Person>(
  'find_erasing',
  `select tenant_id, id as user_id from users
   where erasing_since < clock_timestamp() - make_interval(secs => ${commitSlackSeconds})
   order by erasing_since limit :limit`,
)

const settleErasure = statement<Person>(
  'settle_erasure',
  `update users set erasing_since = null
   where tenant_id = :tenantId and id = :userId and erased_at is not null`,
)

// Anything older has committed: this transaction sees it, and nothing can be added to it.
const countsEnd = `clock_timestamp() - make_interval(secs => ${erasureCountsAfterSeconds})`
const findCountsEnd = statement<object, { readonly micros: string }>(
  'erasure_counts_before',
  `select ${micros(countsEnd)} as micros`,
)

const findUser = statement<Person, { readonly id: UserId }>(
  'known_user',
  'select id from users where tenant_id = :tenantId and id = :userId',
)

/** Data rights of persons. */
export function buildPersonalDataStore(
  database: Database,
  random: Pick<Random, 'id'>,
): PersonalDataStore {
  return {
    openExport: buildPersonalDataExport(database),

    cutOff(tenantId, userId, actor, exempt) {
      return database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, userId)
        await lockProtectionRow(tx, tenantId, userId)
        const userRows = await run(tx, findUser, { tenantId, userId })
        if (userRows.length === 0) return { devices: [], endedChallenges: [] }
        const unregistration = await unregisterDevices(tx, random, {
          tenantId,
          userId,
          deviceIds: [],
          reason: 'admin',
          actor,
        })
        for (const cut of cuts) await run(tx, cut, { tenantId, userId })
        const id = random.id('auditEvent')
        const [end] = await run(tx, findCountsEnd, {})
        const span = end?.micros ?? '0'
        const about = await countAbout(tx, tenantId, userId, span)
        const details = await exempt({ ...about, event: id, before: span })
        const event = { id, type: 'user_erased', actor, subject: userId, details } as const
        await recordAudit(tx, random, tenantId, event)
        return unregistration
      })
    },

    async eraseRest(tenantId, userId, pagesMax) {
      await database.transaction(async (tx) => {
        await run(tx, lockKeys, { tenantId, userId })
        await lockUserRow(tx, tenantId, userId)
        for (const erasure of fewRows) await run(tx, erasure, { tenantId, userId })
      })
      let pages = 0
      for (const erasure of manyRows) {
        let after: string | undefined = ''
        while (after !== undefined) {
          if (pages++ >= pagesMax) return 'more'
          const [page]: { readonly last: string }[] = await run(database, erasure, {
            tenantId,
            userId,
            after,
          })
          after = page?.last
        }
      }
      return 'done'
    },

    findErasing: (limit) => run(database, findErasing, { limit }),

    async settleErasure(tenantId, userId) {
      await run(database, settleErasure, { tenantId, userId })
    },
  }
}
