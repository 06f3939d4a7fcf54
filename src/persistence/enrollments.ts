import { activity } from '../domain/activity.ts'
import type { Enrollment } from '../domain/enrollment.ts'
import type { Id } from '../domain/ids.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import { identifierKey } from '../domain/user-name.ts'
import type { ClaimTarget, EnrollmentStore, NewEnrollment } from '../ports/enrollment-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database, Queries } from './database.ts'
import { lockUserRow, spendProof, unregisterDevices } from './devices.ts'
import { buildEnrollmentClaims } from './enrollment-claims.ts'
import { lockProtectionRow } from './protections.ts'
import {
  type EnrollmentRow,
  type ReadEnrollmentRow,
  toEnrollment,
  toEnrollmentRecord,
} from './rows.ts'
import { listSigningKeys } from './signing-keys.ts'

type TargetRow = ReadEnrollmentRow & {
  readonly policy: unknown
  readonly rp_policy: unknown
  readonly tenant_name: string
  readonly user_name: string
}

const insertEnrollment = `
  insert into enrollments (tenant_id, id, user_id, rp_id, status, code_hash, typed_code_hash,
    code_tries_left, wrong_numbers_left, confirmation_required, replaces_device_id, expires_at,
    opened_by_device_id, parent_device_id)
  values ($1, $2, $3, $4, 'open', $5, $6, $7, $8, $9, $10,
    clock_timestamp() + make_interval(secs => $11), $12, $13)
  returning *`

// Unregistering and suspending lock the user's row as well: what this statement reads stays true
// until the commit.
const devicesInUse = `
  select o.id from devices o
  where o.tenant_id = $1 and o.user_id = $2 and o.id = $3 and o.status = 'active' and exists (
    select from devices r where r.tenant_id = $1 and r.user_id = $2 and r.id = $4
      and r.status in ('active', 'suspended'))`

const findEnrollment = `
  select e.*, clock_timestamp() as now from enrollments e where e.tenant_id = $1 and e.id = $2`

const target = `
  select e.*, clock_timestamp() as now, t.policy, r.policy as rp_policy, t.name as tenant_name,
    u.display_name as user_name
  from enrollments e join tenants t on t.tenant_id = e.tenant_id
  join relying_parties r on r.tenant_id = e.tenant_id and r.id = e.rp_id
  join users u on u.tenant_id = e.tenant_id and u.id = e.user_id
  where e.tenant_id = $1 and `
const findByCode = `${target} e.code_hash = $2`
const findById = `${target} e.id = $2`

// A guess is charged before it is checked, under the row's lock: parallel guesses cannot share an
// attempt. All lock in one order, or two guesses at several enrollments could wait for each other.
// Without attempts left the typed code matches nothing more; the scanned one does, or anyone who
// knows a name could keep its owner from every new phone.
const chargeGuess = `
  with k as materialized (
    select e.tenant_id, e.id from enrollments e
    where e.tenant_id = $1 and e.status = 'open' and e.user_id in (
      select i.user_id from user_identifiers i join tenants t on t.tenant_id = i.tenant_id
      where i.tenant_id = $1 and i.key = $4
        and (t.identifier_case = 'fold_ascii' or i.value = $2))
    order by e.id for no key update of e
  )
  update enrollments e set code_tries_left = e.code_tries_left - 1
  from k where e.tenant_id = k.tenant_id and e.id = k.id
    and e.status = 'open' and e.code_tries_left > 0 and e.expires_at > clock_timestamp()
  returning e.id, e.user_id, e.code_tries_left, e.typed_code_hash = $3 as matches`

const refundGuess = `
  update enrollments set code_tries_left = code_tries_left + 1
  where tenant_id = $1 and id = any($2::text[])`

const cancelEnrollment = `
  update enrollments set status = 'cancelled', number_sealed = null, ended_at = clock_timestamp()
  where tenant_id = $1 and id = $2 and rp_id = $3 and status in ('open', 'claimed')
    and expires_at > clock_timestamp()
  returning *`

/** Enrollments of all tenants; every statement names its tenant. */
export function buildEnrollmentStore(
  database: Database,
  random: Pick<Random, 'id'>,
): EnrollmentStore {
  async function toTarget(db: Queries, row: TargetRow): Promise<ClaimTarget> {
    return {
      ...toEnrollmentRecord(row),
      policy: strictest(policyOf(row.policy), row.rp_policy),
      tenantName: row.tenant_name,
      userName: row.user_name,
      signingKeys: await listSigningKeys(db, row.tenant_id),
    }
  }

  async function insert(tx: Queries, newEnrollment: NewEnrollment): Promise<Enrollment> {
    const [row] = await tx.query<EnrollmentRow>('insert_enrollment', insertEnrollment, [
      newEnrollment.tenantId,
      newEnrollment.id,
      newEnrollment.userId,
      newEnrollment.rpId,
      newEnrollment.codeHash,
      newEnrollment.typedCodeHash,
      newEnrollment.codeAttemptsLeft,
      newEnrollment.wrongNumbersLeft,
      newEnrollment.confirmationRequired,
      newEnrollment.replacesDeviceId,
      newEnrollment.ttlSeconds,
      newEnrollment.openedByDeviceId,
      newEnrollment.parentDeviceId,
    ])
    if (!row) throw new Error('an insert returns its row')
    await recordActivities(tx, random, newEnrollment.tenantId, [newEnrollment.activity])
    return toEnrollment(row)
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

    createByDevice: (newEnrollment, proof) =>
      database.transaction(async (tx) => {
        const { tenantId, userId, openedByDeviceId, replacesDeviceId } = newEnrollment
        if (!(await spendProof(tx, proof))) return 'proof_replayed'
        await lockUserRow(tx, tenantId, userId)
        const { isSuspended } = await lockProtectionRow(tx, tenantId, userId)
        if (isSuspended) return 'user_suspended'
        const deviceRows = await tx.query('standing_devices', devicesInUse, [
          tenantId,
          userId,
          openedByDeviceId,
          replacesDeviceId ?? openedByDeviceId,
        ])
        return deviceRows.length === 1 ? insert(tx, newEnrollment) : 'changed'
      }),

    async find(tenantId, id) {
      const [row] = await database.query<ReadEnrollmentRow>('find_enrollment', findEnrollment, [
        tenantId,
        id,
      ])
      return row ? toEnrollmentRecord(row) : null
    },

    cancel(tenantId, id, rpId, event) {
      return database.transaction(async (tx) => {
        await lockUserRow(tx, tenantId, event.userId)
        const [row] = await tx.query<EnrollmentRow>('cancel_enrollment', cancelEnrollment, [
          tenantId,
          id,
          rpId,
        ])
        if (!row) return null
        if (row.device_id !== null) {
          const { actor, userId } = event
          const deviceIds = [row.device_id]
          const reason = 'not_confirmed'
          await unregisterDevices(tx, random, { tenantId, userId, deviceIds, reason, actor })
        }
        await recordActivities(tx, random, tenantId, [event])
        return toEnrollment(row)
      })
    },

    async findByCode(tenantId, codeHash) {
      const [row] = await database.query<TargetRow>('find_enrollment_by_code', findByCode, [
        tenantId,
        codeHash,
      ])
      return row ? toTarget(database, row) : null
    },

    findByTypedCode(tenantId, user, typedCodeHash) {
      type Guess = {
        id: Id<'enrollment'>
        user_id: Id<'user'>
        code_tries_left: number
        matches: boolean
      }
      return database.transaction(async (tx) => {
        const guesses = await tx.query<Guess>('pay_for_guess', chargeGuess, [
          tenantId,
          user,
          typedCodeHash,
          identifierKey(user),
        ])
        const right = guesses.find((guess) => guess.matches)
        if (right) {
          await tx.query('refund_guess', refundGuess, [tenantId, guesses.map(({ id }) => id)])
          const [row] = await tx.query<TargetRow>('find_enrollment_target', findById, [
            tenantId,
            right.id,
          ])
          return row ? toTarget(tx, row) : null
        }
        const activities = guesses
          .filter((guess) => guess.code_tries_left === 0)
          .map(({ id: enrollmentId, user_id: userId }) =>
            activity({ userId, type: 'typed_code_ended', actor: 'service', enrollmentId }),
          )
        await recordActivities(tx, random, tenantId, activities)
        return null
      })
    },
  }
}
