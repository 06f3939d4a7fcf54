import { lockUserRow } from '../devices/devices.sql.ts'
import type { DeviceId, RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import { type OtherFactors, passcodeDriftSteps, passcodePeriodSeconds } from '../domain/passcode.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities, recordAudit } from '../platform/postgres/record.ts'
import { run, runOne, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { lockPortalSession } from '../protection/portal-session.sql.ts'
import { lockProtectionRow, unlockByOtherFactor } from '../protection/protections.sql.ts'
import { otherFactorColumns } from '../users/other-factors.sql.ts'
import type {
  NewSingleUseCode,
  PasscodeAttempt,
  PasscodeStore,
  StoredPasscodeSecret,
  StoredSingleUseCode,
} from './passcode.store.ts'
import { chargeAttempt, rememberInitiator } from './passcode-budgets.sql.ts'

type ByUser = { readonly tenantId: TenantId; readonly userId: UserId }

const findPolicy = statement<
  { readonly tenantId: TenantId; readonly rpId: RelyingPartyId },
  { readonly now: Date; readonly policy: unknown; readonly rpPolicy: unknown }
>(
  'passcode_policy',
  `select clock_timestamp() as now, t.policy, r.policy as rp_policy from tenants t
   join relying_parties r on r.tenant_id = t.tenant_id and r.id = :rpId
   where t.tenant_id = :tenantId`,
)

const findSecrets = statement<ByUser, StoredPasscodeSecret>(
  'passcode_secrets',
  `select s.device_id, d.activated_at, s.digits, s.secret_sealed, s.last_step
   from devices d join passcode_secrets s on s.tenant_id = d.tenant_id and s.device_id = d.id
   where d.tenant_id = :tenantId and d.user_id = :userId and d.status = 'active' order by d.id`,
)

const findCodes = statement<ByUser, StoredSingleUseCode>(
  'single_use_codes',
  `select c.id, c.kind, c.hash, c.key_sealed, c.expires_at, c.used_at
   from single_use_codes c where c.tenant_id = :tenantId and c.user_id = :userId order by c.id`,
)

const findOtherFactors = statement<ByUser, OtherFactors>(
  'other_factors',
  `select ${otherFactorColumns(':tenantId', ':userId')}`,
)

type StepParams = ByUser & {
  readonly deviceId: DeviceId
  readonly step: number
  readonly periodSeconds: number
  readonly driftSteps: number
}

// The device is locked first, so that unregistering it and accepting its passcode have an order;
// the time is checked after that.
const acceptStep = statement<StepParams, { readonly at: Date }>(
  'accept_passcode',
  `with d as materialized (
     select d.tenant_id, d.id from devices d
     where d.tenant_id = :tenantId and d.id = :deviceId and (d.user_id = :userId) is true
       and d.status = 'active'
     for share
   )
   update passcode_secrets s set last_step = :step from d
   where s.tenant_id = d.tenant_id and s.device_id = d.id and s.last_step < :step
     and abs(:step - floor(extract(epoch from clock_timestamp()) / :periodSeconds::int))
       <= :driftSteps::int
   returning clock_timestamp() as at`,
)

const burnLate = statement<StepParams, Pick<StepParams, 'deviceId'>>(
  'burn_late_passcode',
  `with d as materialized (
     select d.tenant_id, d.id from devices d
     where d.tenant_id = :tenantId and d.id = :deviceId and d.user_id = :userId
       and d.status = 'active' for share
   )
   update passcode_secrets s set last_step = :step from d
   where s.tenant_id = d.tenant_id and s.device_id = d.id and s.last_step < :step
     and :step < floor(extract(epoch from clock_timestamp()) / :periodSeconds::int)
       - :driftSteps::int
   returning s.device_id`,
)

const useCode = statement<
  ByUser & { readonly id: StoredSingleUseCode['id'] },
  { readonly at: Date }
>(
  'use_single_use_code',
  `update single_use_codes set used_at = clock_timestamp()
   where tenant_id = :tenantId and id = :id and (user_id = :userId) is true and used_at is null
     and (expires_at is null or expires_at > clock_timestamp())
   returning used_at as at`,
)

const dropCodes = statement<ByUser & Pick<StoredSingleUseCode, 'kind'>>(
  'drop_single_use_codes',
  `delete from single_use_codes
   where tenant_id = :tenantId and user_id = :userId and kind = :kind`,
)

const findNewestCode = statement<
  ByUser & Pick<StoredSingleUseCode, 'kind'>,
  Pick<StoredSingleUseCode, 'id'>
>(
  'find_newest_single_use_code',
  `select id from single_use_codes
   where tenant_id = :tenantId and user_id = :userId and kind = :kind order by id desc limit 1`,
)

const insertCodes = statement<
  ByUser & {
    readonly kind: StoredSingleUseCode['kind']
    readonly ids: readonly NewSingleUseCode['id'][]
    readonly hashes: readonly NewSingleUseCode['hash'][]
    readonly sealedKeys: readonly NewSingleUseCode['keySealed'][]
    readonly ttlSeconds: number | null
  },
  { readonly expiresAt: Date | null }
>(
  'insert_single_use_codes',
  `insert into single_use_codes (tenant_id, id, user_id, kind, hash, key_sealed, expires_at)
   select :tenantId, x.id, :userId, :kind, x.hash, x.key_sealed,
     clock_timestamp() + make_interval(secs => :ttlSeconds)
   from unnest(:ids::text[], :hashes::bytea[], :sealedKeys::bytea[]) as x(id, hash, key_sealed)
   where not exists (select from users u
     where u.tenant_id = :tenantId and u.id = :userId and u.erased_at is not null)
   returning expires_at`,
)

const stepLimits = { periodSeconds: passcodePeriodSeconds, driftSteps: passcodeDriftSteps }

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
      ? await run(tx, acceptStep, {
          ...{ tenantId, userId, deviceId: match.deviceId, step: match.step },
          ...stepLimits,
        })
      : await run(tx, useCode, { tenantId, userId, id: match.id })
  return row?.at
}

/** Passcodes, recovery codes and temporary codes. */
export function buildPasscodeStore(database: Database, random: Pick<Random, 'id'>): PasscodeStore {
  async function readFactors(db: Queries, tenantId: TenantId, userId: UserId) {
    const row = await runOne(db, findOtherFactors, { tenantId, userId })
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
    await run(tx, dropCodes, { tenantId, userId, kind })
    const [first] = await run(tx, insertCodes, {
      ...{ tenantId, userId, kind, ttlSeconds },
      ids: codes.map(({ id }) => id),
      hashes: codes.map(({ hash }) => hash),
      sealedKeys: codes.map(({ keySealed }) => keySealed),
    })
    return first
  }

  return {
    async facts(tenantId, rpId, userId) {
      const [row] = await run(database, findPolicy, { tenantId, rpId })
      const [secrets, codes] = await Promise.all([
        run(database, findSecrets, { tenantId, userId }),
        run(database, findCodes, { tenantId, userId }),
      ])
      if (!row) throw new Error(`there is no relying party ${rpId}`)
      return {
        now: row.now,
        policy: strictest(policyOf(row.policy), row.rpPolicy),
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

    async burnLateStep(passcode) {
      const burntRows = await run(database, burnLate, { ...passcode, ...stepLimits })
      return burntRows.length === 1 ? 'done' : null
    },

    replaceRecoveryCodes(command) {
      return database.transaction(async (tx) => {
        const newCodes = await replaceCodes(tx, command, 'recovery_code', command.codes, null)
        if (!newCodes) return null
        await recordActivities(tx, random, command.tenantId, [command.activity])
        return 'done'
      })
    },

    async findRecoveryCodeSet(tenantId, userId) {
      const [row] = await run(database, findNewestCode, {
        tenantId,
        userId,
        kind: 'recovery_code',
      })
      return row?.id ?? null
    },

    replaceRecoveryCodesInPortal({ sessionId, insteadOf, ...command }) {
      return database.transaction(async (tx) => {
        const { tenantId, userId, codes } = command
        await lockUserRow(tx, tenantId, userId)
        if (!(await lockPortalSession(tx, tenantId, sessionId))) return 'session_gone'
        const [former] = await run(tx, findNewestCode, {
          tenantId,
          userId,
          kind: 'recovery_code',
        })
        if ((former?.id ?? null) !== insteadOf) return 'changed'
        const newCodes = await replaceCodes(tx, command, 'recovery_code', codes, null)
        if (!newCodes) return 'session_gone'
        await recordActivities(tx, random, tenantId, [command.activity])
        return 'done'
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
