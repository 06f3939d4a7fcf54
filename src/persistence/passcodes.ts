import type { TenantId, UserId } from '../domain/ids.ts'
import { type OtherFactors, passcodeDriftSteps, passcodePeriodSeconds } from '../domain/passcode.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import type {
  NewSingleUseCode,
  PasscodeAttempt,
  PasscodeStore,
  StoredPasscodeSecret,
  StoredSingleUseCode,
} from '../ports/passcode-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities, recordAudit } from './activities.ts'
import type { Database, Queries } from './database.ts'
import { lockUserRow } from './devices.ts'
import { chargeAttempt, rememberInitiator } from './passcode-budgets.ts'
import { lockProtectionRow, toDate, unlockByOtherFactor } from './protections.ts'

const findPolicy = `
  select clock_timestamp() as now, t.policy, r.policy as rp_policy from tenants t
  join relying_parties r on r.tenant_id = t.tenant_id and r.id = $2 where t.tenant_id = $1`

const findSecrets = `
  select s.device_id as "deviceId", d.activated_at as "activatedAt", s.digits,
    s.secret_sealed as "secretSealed", s.last_step as "lastStep"
  from devices d join passcode_secrets s on s.tenant_id = d.tenant_id and s.device_id = d.id
  where d.tenant_id = $1 and d.user_id = $2 and d.status = 'active' order by d.id`

const findCodes = `
  select c.id, c.kind, c.hash, c.key_sealed as "keySealed", c.expires_at as "expiresAt",
    c.used_at as "usedAt"
  from single_use_codes c where c.tenant_id = $1 and c.user_id = $2 order by c.id`

/** Columns for the factors that a user has besides the push; both arguments are SQL. */
export const otherFactorColumns = (tenantId: string, userId: string) => `
    (select count(*)::int from devices d
     join passcode_secrets s on s.tenant_id = d.tenant_id and s.device_id = d.id
     where d.tenant_id = ${tenantId} and d.user_id = ${userId}
     and d.status = 'active') as "passcodeDevices",
    (select count(*)::int from single_use_codes c
     where c.tenant_id = ${tenantId} and c.user_id = ${userId}
     and c.kind = 'recovery_code' and c.used_at is null) as "recoveryCodesLeft",
    (select max(c.expires_at) from single_use_codes c
     where c.tenant_id = ${tenantId} and c.user_id = ${userId}
     and c.kind = 'temporary_code' and c.used_at is null
     and c.expires_at > clock_timestamp()) as "temporaryCodeExpiresAt"`

/** The same as JSON of one row. */
export type OtherFactorsJson = Omit<OtherFactors, 'temporaryCodeExpiresAt'> & {
  readonly temporaryCodeExpiresAt: string | null
}

export function toOtherFactors(factors: OtherFactorsJson): OtherFactors {
  return { ...factors, temporaryCodeExpiresAt: toDate(factors.temporaryCodeExpiresAt) }
}

const otherFactors = `select ${otherFactorColumns('$1', '$2')}`

// The device is locked first, so that unregistering it and accepting its passcode have an order;
// the time is checked after that.
const acceptStep = `
  with d as materialized (
    select d.tenant_id, d.id from devices d
    where d.tenant_id = $1 and d.id = $2 and (d.user_id = $3) is true and d.status = 'active'
    for share
  )
  update passcode_secrets s set last_step = $4 from d
  where s.tenant_id = d.tenant_id and s.device_id = d.id and s.last_step < $4
    and abs($4 - floor(extract(epoch from clock_timestamp()) / $5)) <= $6
  returning clock_timestamp() as at`

const burnLate = `
  with d as materialized (
    select d.tenant_id, d.id from devices d
    where d.tenant_id = $1 and d.id = $2 and d.user_id = $3 and d.status = 'active' for share
  )
  update passcode_secrets s set last_step = $4 from d
  where s.tenant_id = d.tenant_id and s.device_id = d.id and s.last_step < $4
    and $4 < floor(extract(epoch from clock_timestamp()) / $5) - $6
  returning s.device_id`

const useCode = `
  update single_use_codes set used_at = clock_timestamp()
  where tenant_id = $1 and id = $2 and (user_id = $3) is true and used_at is null
    and (expires_at is null or expires_at > clock_timestamp())
  returning used_at as at`

const dropCodes = `
  delete from single_use_codes where tenant_id = $1 and user_id = $2 and kind = $3`

const insertCodes = `
  insert into single_use_codes (tenant_id, id, user_id, kind, hash, key_sealed, expires_at)
  select $1, x.id, $2, $3, x.hash, x.key_sealed, clock_timestamp() + make_interval(secs => $7)
  from unnest($4::text[], $5::bytea[], $6::bytea[]) as x(id, hash, key_sealed)
  where not exists (select from users u
    where u.tenant_id = $1 and u.id = $2 and u.erased_at is not null)
  returning expires_at`

/**
 * Uses up the matched code; the time of acceptance, or undefined when it was used, ended or expired
 * in the meantime.
 */
async function takeMatch(
  tx: Queries,
  { tenantId, userId, match }: PasscodeAttempt,
): Promise<Date | undefined> {
  if (match === null) return undefined
  const [row] =
    match.kind === 'passcode'
      ? await tx.query<{ at: Date }>('accept_passcode', acceptStep, [
          tenantId,
          match.deviceId,
          userId,
          match.step,
          passcodePeriodSeconds,
          passcodeDriftSteps,
        ])
      : await tx.query<{ at: Date }>('use_single_use_code', useCode, [tenantId, match.id, userId])
  return row?.at
}

/** Passcodes, recovery codes and temporary codes. */
export function buildPasscodeStore(database: Database, random: Pick<Random, 'id'>): PasscodeStore {
  async function readFactors(db: Queries, tenantId: TenantId, userId: UserId) {
    const [row] = await db.query<OtherFactors>('other_factors', otherFactors, [tenantId, userId])
    if (!row) throw new Error('a select of scalars returns a row')
    return row
  }

  async function accept(tx: Queries, attempt: PasscodeAttempt, at: Date) {
    const { tenantId, userId } = attempt
    await rememberInitiator(tx, attempt)
    await unlockByOtherFactor(tx, random, tenantId, userId)
    await recordActivities(tx, random, tenantId, [attempt.acceptedActivity])
    const { recoveryCodesLeft } = await readFactors(tx, tenantId, userId)
    return { kind: 'accepted', at, recoveryCodesLeft } as const
  }

  /** Undefined, with nothing written, for a user who was erased meanwhile. */
  async function replaceCodes(
    tx: Queries,
    { tenantId, userId }: { readonly tenantId: TenantId; readonly userId: UserId },
    kind: StoredSingleUseCode['kind'],
    codes: readonly NewSingleUseCode[],
    ttlSeconds: number | null,
  ): Promise<{ readonly expiresAt: Date | null } | undefined> {
    await lockUserRow(tx, tenantId, userId)
    await tx.query('drop_single_use_codes', dropCodes, [tenantId, userId, kind])
    const rows = await tx.query<{ expires_at: Date | null }>(
      'insert_single_use_codes',
      insertCodes,
      [
        tenantId,
        userId,
        kind,
        codes.map(({ id }) => id),
        codes.map(({ hash }) => hash),
        codes.map(({ keySealed }) => keySealed),
        ttlSeconds,
      ],
    )
    const [first] = rows
    return first && { expiresAt: first.expires_at }
  }

  return {
    async facts(tenantId, rpId, userId) {
      const [row] = await database.query<{ now: Date; policy: unknown; rp_policy: unknown }>(
        'passcode_policy',
        findPolicy,
        [tenantId, rpId],
      )
      const who = [tenantId, userId]
      const [secrets, codes] = await Promise.all([
        database.query<StoredPasscodeSecret>('passcode_secrets', findSecrets, who),
        database.query<StoredSingleUseCode>('single_use_codes', findCodes, who),
      ])
      if (!row) throw new Error(`there is no relying party ${rpId}`)
      return {
        now: row.now,
        policy: strictest(policyOf(row.policy), row.rp_policy),
        secrets,
        codes,
      }
    },

    otherFactors: (tenantId, userId) => readFactors(database, tenantId, userId),

    attempt(attempt) {
      return database.transaction(async (tx) => {
        const { tenantId, userId, match } = attempt
        await lockUserRow(tx, tenantId, userId)
        const { isSuspended } = await lockProtectionRow(tx, tenantId, userId)
        if (isSuspended) return { kind: 'suspended' } as const
        if (match !== null && match.kind !== 'passcode') {
          const at = await takeMatch(tx, attempt)
          if (at) return accept(tx, attempt, at)
        }
        const charge = await chargeAttempt(tx, attempt)
        if (charge.kind === 'locked') return charge
        const at = match?.kind === 'passcode' ? await takeMatch(tx, attempt) : undefined
        if (at) {
          await charge.refund()
          return accept(tx, attempt, at)
        }
        await recordActivities(tx, random, tenantId, [attempt.failedActivity])
        return { kind: 'failed' } as const
      })
    },

    async burnLateStep({ tenantId, userId, deviceId, step }) {
      const values = [tenantId, deviceId, userId, step, passcodePeriodSeconds, passcodeDriftSteps]
      return (await database.query('burn_late_passcode', burnLate, values)).length === 1
    },

    replaceRecoveryCodes(command) {
      return database.transaction(async (tx) => {
        const newCodes = await replaceCodes(tx, command, 'recovery_code', command.codes, null)
        if (!newCodes) return false
        await recordActivities(tx, random, command.tenantId, [command.activity])
        return true
      })
    },

    replaceTemporaryCode(command) {
      const { tenantId, userId, code, ttlSeconds, activity, actor } = command
      return database.transaction(async (tx) => {
        const newCode = await replaceCodes(tx, command, 'temporary_code', [code], ttlSeconds)
        if (!newCode) return null
        const { expiresAt } = newCode
        if (!expiresAt) throw new Error('a temporary code has an end')
        await recordActivities(tx, random, tenantId, [activity])
        await recordAudit(tx, random, tenantId, {
          type: 'temporary_code_made',
          actor,
          subject: userId,
          details: { ttlSeconds },
        })
        return expiresAt
      })
    },
  }
}
