import { unregisterDevices } from '../devices/device-unregistration.sql.ts'
import { lockUserRow } from '../devices/devices.sql.ts'
import { spendProof } from '../devices/keys/spend-proof.sql.ts'
import { activity } from '../domain/activity.ts'
import type { Enrollment } from '../domain/enrollment.ts'
import type { DeviceId, EnrollmentId, RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import { identifierKey } from '../domain/user-name.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { lockPortalSession } from '../protection/portal-session.sql.ts'
import { lockProtectionRow } from '../protection/protections.sql.ts'
import { listSigningKeys } from '../tenants/signing-keys.sql.ts'
import { enrollmentColumns, type ReadEnrollmentRow, toEnrollmentRecord } from './enrollment.rows.ts'
import type { ClaimTarget, EnrollmentStore, NewEnrollment } from './enrollment.store.ts'
import { buildEnrollmentClaims } from './enrollment-claims.sql.ts'

type EnrollmentParams = { readonly tenantId: TenantId; readonly id: EnrollmentId }

type TargetRow = ReadEnrollmentRow & {
  readonly policy: unknown
  readonly rpPolicy: unknown
  readonly tenantName: string
  readonly userName: string
}

/** Creates an enrollment; its caller has locked the user. */
export const insertEnrollment = statement<Omit<NewEnrollment, 'activity'>, Enrollment>(
  'insert_enrollment',
  `insert into enrollments as e (tenant_id, id, user_id, rp_id, status, code_hash, typed_code_hash,
    code_tries_left, wrong_numbers_left, confirmation_required, replaces_device_id, expires_at,
    opened_by_device_id, parent_device_id, opened_by_session_id)
  values (:tenantId, :id, :userId, :rpId, 'open', :codeHash, :typedCodeHash, :codeAttemptsLeft,
    :wrongNumbersLeft, :confirmationRequired, :replacesDeviceId,
    clock_timestamp() + make_interval(secs => :ttlSeconds), :openedByDeviceId, :parentDeviceId,
    :openedBySessionId)
  returning ${enrollmentColumns('e')}`,
)

// Unregistering and suspending lock the user's row as well: what this statement reads stays true
// until the commit.
const devicesInUse = statement<
  {
    readonly tenantId: TenantId
    readonly userId: UserId
    readonly openedByDeviceId: DeviceId | null
    readonly replacesDeviceId: DeviceId | null
  },
  { readonly id: DeviceId }
>(
  'devices_in_use',
  `select o.id from devices o
  where o.tenant_id = :tenantId and o.user_id = :userId and o.id = :openedByDeviceId
    and o.status = 'active' and exists (
    select from devices r where r.tenant_id = :tenantId and r.user_id = :userId
      and r.id = :replacesDeviceId and r.status in ('active', 'suspended'))`,
)

const findEnrollment = statement<EnrollmentParams, ReadEnrollmentRow>(
  'find_enrollment',
  `select ${enrollmentColumns('e')}, e.number_sealed, clock_timestamp() as now
  from enrollments e where e.tenant_id = :tenantId and e.id = :id`,
)

const target = `
  select ${enrollmentColumns('e')}, e.number_sealed, clock_timestamp() as now, t.policy,
    r.policy as rp_policy, t.name as tenant_name, u.display_name as user_name
  from enrollments e join tenants t on t.tenant_id = e.tenant_id
  join relying_parties r on r.tenant_id = e.tenant_id and r.id = e.rp_id
  join users u on u.tenant_id = e.tenant_id and u.id = e.user_id
  where e.tenant_id = :tenantId and `
const findByCode = statement<
  { readonly tenantId: TenantId; readonly codeHash: Uint8Array },
  TargetRow
>('find_enrollment_by_code', `${target} e.code_hash = :codeHash`)
const findById = statement<EnrollmentParams, TargetRow>(
  'find_enrollment_target',
  `${target} e.id = :id`,
)

// A guess is charged before it is checked, under the row's lock: parallel guesses cannot share an
// attempt. All lock in one order, or two guesses at several enrollments could wait for each other.
// Without attempts left the typed code matches nothing more; the scanned one does, or anyone who
// knows a name could keep its owner from every new phone.
const chargeGuess = statement<
  {
    readonly tenantId: TenantId
    readonly user: string
    readonly userKey: string
    readonly typedCodeHash: Uint8Array
  },
  Pick<Enrollment, 'id' | 'userId' | 'codeAttemptsLeft'> & { readonly matches: boolean }
>(
  'charge_guess',
  `with k as materialized (
    select e.tenant_id, e.id from enrollments e
    where e.tenant_id = :tenantId and e.status = 'open' and e.user_id in (
      select i.user_id from user_identifiers i join tenants t on t.tenant_id = i.tenant_id
      where i.tenant_id = :tenantId and i.key = :userKey
        and (t.identifier_case = 'fold_ascii' or i.value = :user))
    order by e.id for no key update of e
  )
  update enrollments e set code_tries_left = e.code_tries_left - 1
  from k where e.tenant_id = k.tenant_id and e.id = k.id
    and e.status = 'open' and e.code_tries_left > 0 and e.expires_at > clock_timestamp()
  returning e.id, e.user_id, e.code_tries_left as code_attempts_left,
    e.typed_code_hash = :typedCodeHash as matches`,
)

const refundGuess = statement<{
  readonly tenantId: TenantId
  readonly ids: readonly EnrollmentId[]
}>(
  'refund_guess',
  `update enrollments set code_tries_left = code_tries_left + 1
  where tenant_id = :tenantId and id = any(:ids::text[])`,
)

const cancelEnrollment = statement<
  EnrollmentParams & { readonly rpId: RelyingPartyId },
  Enrollment
>(
  'cancel_enrollment',
  `update enrollments e
  set status = 'cancelled', number_sealed = null, ended_at = clock_timestamp()
  where e.tenant_id = :tenantId and e.id = :id and e.rp_id = :rpId
    and e.status in ('open', 'claimed') and e.expires_at > clock_timestamp()
  returning ${enrollmentColumns('e')}`,
)

/** Enrollments of all tenants; every statement names its tenant. */
export function buildEnrollmentStore(
  database: Database,
  random: Pick<Random, 'id'>,
): EnrollmentStore {
  async function toTarget(db: Queries, row: TargetRow): Promise<ClaimTarget> {
    return {
      ...toEnrollmentRecord(row),
      policy: strictest(policyOf(row.policy), row.rpPolicy),
      tenantName: row.tenantName,
      userName: row.userName,
      signingKeys: await listSigningKeys(db, row.tenantId),
    }
  }

  async function insert(tx: Queries, newEnrollment: NewEnrollment): Promise<Enrollment> {
    const enrollment = await runOne(tx, insertEnrollment, newEnrollment)
    await recordActivities(tx, random, newEnrollment.tenantId, [newEnrollment.activity])
    return enrollment
  }

  return {
    ...buildEnrollmentClaims(database, random),

    create: (newEnrollment) =>
      database.transaction(async (tx) => {
        const { isSuspended } = await lockProtectionRow(
          tx,
          newEnrollment.tenantId,
          newEnrollment.userId,
        )
        return isSuspended ? 'user_suspended' : insert(tx, newEnrollment)
      }),

    createInPortal: (newEnrollment) =>
      database.transaction(async (tx) => {
        const { tenantId, userId, openedBySessionId } = newEnrollment
        const { isSuspended } = await lockProtectionRow(tx, tenantId, userId)
        if (isSuspended) return 'user_suspended'
        const isLive = await lockPortalSession(tx, tenantId, openedBySessionId)
        return isLive ? insert(tx, newEnrollment) : 'session_gone'
      }),

    createByDevice: (newEnrollment, proof) =>
      database.transaction(async (tx) => {
        const { tenantId, userId, openedByDeviceId, replacesDeviceId } = newEnrollment
        const fault = await spendProof(tx, proof)
        if (fault) return fault
        await lockUserRow(tx, tenantId, userId)
        const { isSuspended } = await lockProtectionRow(tx, tenantId, userId)
        if (isSuspended) return 'user_suspended'
        const deviceRows = await run(tx, devicesInUse, {
          tenantId,
          userId,
          openedByDeviceId,
          replacesDeviceId: replacesDeviceId ?? openedByDeviceId,
        })
        return deviceRows.length === 1 ? insert(tx, newEnrollment) : 'changed'
      }),

    async find(tenantId, id) {
      const [row] = await run(database, findEnrollment, { tenantId, id })
      return row ? toEnrollmentRecord(row) : null
    },

    cancel(tenantId, id, rpId, event) {
      return database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, event.userId)
        const [enrollment] = await run(tx, cancelEnrollment, { tenantId, id, rpId })
        if (!enrollment) return null
        if (enrollment.deviceId !== null) {
          const { actor, userId } = event
          const deviceIds = [enrollment.deviceId]
          const reason = 'not_confirmed'
          await unregisterDevices(tx, random, { tenantId, userId, deviceIds, reason, actor })
        }
        await recordActivities(tx, random, tenantId, [event])
        return enrollment
      })
    },

    async findByCode(tenantId, codeHash) {
      const [row] = await run(database, findByCode, { tenantId, codeHash })
      return row ? toTarget(database, row) : null
    },

    findByTypedCode(tenantId, user, typedCodeHash) {
      return database.transaction(async (tx) => {
        const userKey = identifierKey(user)
        const guesses = await run(tx, chargeGuess, { tenantId, user, userKey, typedCodeHash })
        const right = guesses.find((guess) => guess.matches)
        if (right) {
          await run(tx, refundGuess, { tenantId, ids: guesses.map(({ id }) => id) })
          const [row] = await run(tx, findById, { tenantId, id: right.id })
          return row ? toTarget(tx, row) : null
        }
        const activities = guesses
          .filter((guess) => guess.codeAttemptsLeft === 0)
          .map(({ id: enrollmentId, userId }) =>
            activity({ userId, type: 'typed_code_ended', actor: 'service', enrollmentId }),
          )
        await recordActivities(tx, random, tenantId, activities)
        return null
      })
    },
  }
}
