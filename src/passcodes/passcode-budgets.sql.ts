// Budgets of failed passcodes. Called inside a transaction that has locked the user's row.

import { type Budget, isKnownSource, passcodeBudgets } from '../domain/passcode-budget.ts'
import type { Queries } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { PasscodeAttempt } from './passcode.store.ts'

type UserParams = Pick<PasscodeAttempt, 'tenantId' | 'userId'>
type BudgetParams = UserParams & { readonly name: string; readonly refillSeconds: number }
type InitiatorParams = UserParams & Pick<PasscodeAttempt, 'initiator'>

// `clear_at` is the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371): one
// column that recovers by itself.
const charge = statement<BudgetParams & { readonly burst: number }, { readonly name: string }>(
  'charge_passcode',
  `insert into passcode_budgets as b (tenant_id, user_id, name, clear_at)
   values (:tenantId, :userId, :name, clock_timestamp() + make_interval(secs => :refillSeconds))
   on conflict (tenant_id, user_id, name) do update
     set clear_at = greatest(b.clear_at, clock_timestamp()) + make_interval(secs => :refillSeconds)
     where b.clear_at <= clock_timestamp() + make_interval(secs => :refillSeconds * (:burst - 1))
   returning name`,
)

const findWait = statement<BudgetParams & { readonly burst: number }, { readonly seconds: number }>(
  'passcode_wait',
  `select ceil(extract(epoch from clear_at - clock_timestamp())
     - :refillSeconds * (:burst - 1))::int as seconds
   from passcode_budgets where tenant_id = :tenantId and user_id = :userId and name = :name`,
)

const refundCharge = statement<BudgetParams>(
  'refund_passcode',
  `update passcode_budgets set clear_at = clear_at - make_interval(secs => :refillSeconds)
   where tenant_id = :tenantId and user_id = :userId and name = :name`,
)

const recordSuccess = statement<InitiatorParams>(
  'initiator_succeeded',
  `insert into passcode_budgets (tenant_id, user_id, name, clear_at, succeeded_at)
   values (:tenantId, :userId, :initiator, clock_timestamp(), clock_timestamp())
   on conflict (tenant_id, user_id, name) do update
     set clear_at = excluded.clear_at, succeeded_at = excluded.succeeded_at`,
)

const findHistory = statement<
  InitiatorParams,
  {
    readonly now: Date
    readonly succeededAt: Date | null
    readonly approvedAt: Date | null
    readonly blockedUntil: Date | null
  }
>(
  'initiator_history',
  `select one.now, b.succeeded_at, i.approved_at, i.blocked_until
   from (select clock_timestamp() as now) one
   left join passcode_budgets b
     on b.tenant_id = :tenantId and b.user_id = :userId and b.name = :initiator
   left join initiators i
     on i.tenant_id = :tenantId and i.user_id = :userId and i.key = :initiator`,
)

const approve = statement<InitiatorParams>(
  'approve_initiator',
  `insert into initiators as i (tenant_id, user_id, key, approved_at, revision)
   values (:tenantId, :userId, :initiator, clock_timestamp(), 1)
   on conflict (tenant_id, user_id, key) do update
     set approved_at = excluded.approved_at, revision = i.revision + 1
     where i.blocked_until is null or i.blocked_until <= clock_timestamp()`,
)

// A forgiven and expired row has no effect any more; attempts under ever new names must not fill
// the table.
const forget = statement<UserParams & Pick<PasscodeAttempt, 'knownForDays'>>(
  'forget_initiators',
  `delete from passcode_budgets where tenant_id = :tenantId and user_id = :userId
     and name not in ('strangers', 'known') and clear_at < clock_timestamp()
     and (succeeded_at is null
       or succeeded_at <= clock_timestamp() - make_interval(days => :knownForDays))`,
)

type AttemptSource = Pick<PasscodeAttempt, 'tenantId' | 'userId' | 'initiator' | 'knownForDays'>
type AttemptLock = {
  readonly kind: 'locked'
  readonly by: 'initiator' | 'user'
  readonly retryAfterSeconds: number
}
/** A charged attempt; `refund` undoes its charge to the user. */
type AttemptCharge = { readonly kind: 'paid'; refund(): Promise<void> }

/** Charges one attempt to the budgets of the user and of the initiator, or to neither. */
export async function chargeAttempt(
  tx: Queries,
  source: AttemptSource,
): Promise<AttemptCharge | AttemptLock> {
  const { tenantId, userId, initiator } = source
  await run(tx, forget, source)
  const [history] = await run(tx, findHistory, source)
  const isKnown = history !== undefined && isKnownSource(history, source.knownForDays, history.now)
  const sharedBudget = isKnown ? 'known' : 'strangers'
  const take = async (name: string, budget: Budget, by: AttemptLock['by']) => {
    const params = { tenantId, userId, name, ...budget }
    if ((await run(tx, charge, params)).length > 0) return undefined
    const [row] = await run(tx, findWait, params)
    return { kind: 'locked', by, retryAfterSeconds: Math.max(1, row?.seconds ?? 1) } as const
  }
  const refund = async () => {
    const { refillSeconds } = passcodeBudgets[sharedBudget]
    await run(tx, refundCharge, { tenantId, userId, name: sharedBudget, refillSeconds })
  }
  // The user's first: an initiator that may not attempt leaves no row behind.
  const ofUser = await take(sharedBudget, passcodeBudgets[sharedBudget], 'user')
  if (ofUser) return ofUser
  const ofInitiator = await take(initiator, passcodeBudgets.initiator, 'initiator')
  if (!ofInitiator) return { kind: 'paid', refund }
  await refund()
  return ofInitiator
}

/**
 * The user signed in from this initiator: its failures are forgiven, and it is known from now on,
 * to pushes as well unless it was reported. Inside a transaction that has locked the protection and
 * the device.
 */
export async function rememberInitiator(tx: Queries, attempt: PasscodeAttempt): Promise<void> {
  await run(tx, recordSuccess, attempt)
  if (attempt.isInitiatorNamed) await run(tx, approve, attempt)
}
