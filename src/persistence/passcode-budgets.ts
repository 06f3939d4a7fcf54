// Budgets of failed passcodes. Called inside a transaction that has locked the user's row.

import { type Budget, passcodeBudgets } from '../domain/passcode-budget.ts'
import type { PasscodeAttempt } from '../ports/passcode-store.ts'
import type { Queries } from './database.ts'

// `clear_at` is the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371): one
// column that recovers by itself.
const charge = `
  insert into passcode_budgets as b (tenant_id, user_id, name, clear_at)
  values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
  on conflict (tenant_id, user_id, name) do update
    set clear_at = greatest(b.clear_at, clock_timestamp()) + make_interval(secs => $4)
    where b.clear_at <= clock_timestamp() + make_interval(secs => $4 * ($5 - 1))
  returning name`

const secondsToWait = `
  select ceil(extract(epoch from clear_at - clock_timestamp()) - $4 * ($5 - 1))::int as seconds
  from passcode_budgets where tenant_id = $1 and user_id = $2 and name = $3`

const refundCharge = `
  update passcode_budgets set clear_at = clear_at - make_interval(secs => $4)
  where tenant_id = $1 and user_id = $2 and name = $3`

const succeed = `
  insert into passcode_budgets (tenant_id, user_id, name, clear_at, succeeded_at)
  values ($1, $2, $3, clock_timestamp(), clock_timestamp())
  on conflict (tenant_id, user_id, name) do update
    set clear_at = excluded.clear_at, succeeded_at = excluded.succeeded_at`

// Known is an initiator from which the user signed in lately, by a code or by a push; never one
// that the user has reported.
const isKnown = `
  select from (select max(x.at) as at from (
      select succeeded_at from passcode_budgets
      where tenant_id = $1 and user_id = $2 and name = $3
      union all
      select approved_at from initiators where tenant_id = $1 and user_id = $2 and key = $3
    ) x(at)) latest
  where latest.at > clock_timestamp() - make_interval(days => $4) and not exists (
    select from initiators
    where tenant_id = $1 and user_id = $2 and key = $3 and blocked_until > clock_timestamp())`

const approve = `
  insert into initiators as i (tenant_id, user_id, key, approved_at, revision)
  values ($1, $2, $3, clock_timestamp(), 1)
  on conflict (tenant_id, user_id, key) do update
    set approved_at = excluded.approved_at, revision = i.revision + 1
    where i.blocked_until is null or i.blocked_until <= clock_timestamp()`

// A forgiven and expired row has no effect any more; attempts under ever new names must not fill
// the table.
const forget = `
  delete from passcode_budgets where tenant_id = $1 and user_id = $2
    and name not in ('strangers', 'known') and clear_at < clock_timestamp()
    and (succeeded_at is null or succeeded_at <= clock_timestamp() - make_interval(days => $3))`

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
  const { tenantId, userId, initiator, knownForDays } = source
  await tx.query('forget_initiators', forget, [tenantId, userId, knownForDays])
  const knownRows = await tx.query('is_known_initiator', isKnown, [
    tenantId,
    userId,
    initiator,
    knownForDays,
  ])
  const sharedBudget = knownRows.length > 0 ? 'known' : 'strangers'
  const args = (name: string, { refillSeconds, burst }: Budget) =>
    [tenantId, userId, name, refillSeconds, burst] as const
  const take = async (name: string, budget: Budget, by: AttemptLock['by']) => {
    const values = args(name, budget)
    if ((await tx.query('pay_for_passcode', charge, values)).length > 0) return undefined
    const [row] = await tx.query<{ seconds: number }>('passcode_wait', secondsToWait, values)
    return { kind: 'locked', by, retryAfterSeconds: Math.max(1, row?.seconds ?? 1) } as const
  }
  const refund = async () => {
    const [, , name, seconds] = args(sharedBudget, passcodeBudgets[sharedBudget])
    await tx.query('refund_passcode', refundCharge, [tenantId, userId, name, seconds])
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
export async function rememberInitiator(
  tx: Queries,
  { tenantId, userId, initiator, isInitiatorNamed }: PasscodeAttempt,
): Promise<void> {
  const values = [tenantId, userId, initiator]
  await tx.query('initiator_succeeded', succeed, values)
  if (isInitiatorNamed) await tx.query('approve_initiator', approve, values)
}
