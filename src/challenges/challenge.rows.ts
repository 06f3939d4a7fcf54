import type { Challenge } from '../domain/challenge.ts'

/**
 * The condition of the index `challenges_pending_of_user`, for statements that read all pending
 * challenges of a user. Its second half follows from the first, which the planner does not know: a
 * statement with the id of one challenge leaves it out and is not offered the index.
 */
export const isPending = (c: string) => `${c}.status = 'pending' and ${c}.decided_device_id is null`

/** Columns of a `challenges` row under this alias: the members of a challenge. */
export const challengeColumns = (c: string) => `
  ${c}.tenant_id, ${c}.id, ${c}.rp_id, ${c}.user_id, ${c}.status, ${c}.reason, ${c}.context,
  ${c}.number_mode, ${c}.number_digits, ${c}.wrong_numbers_left, ${c}.user_verification,
  ${c}.binding, ${c}.return_url, ${c}.delivery_mode, ${c}.suppressed, ${c}.initiator_key,
  ${c}.budget_key,
  ${c}.signing_kid, ${c}.result_jti, ${c}.resends_left, ${c}.last_push_at, ${c}.created_at,
  ${c}.expires_at, ${c}.decided_at, ${c}.decided_device_id`

/** The challenge in a row that has more columns. */
export function toChallenge(row: Challenge): Challenge {
  return {
    tenantId: row.tenantId,
    id: row.id,
    rpId: row.rpId,
    userId: row.userId,
    status: row.status,
    reason: row.reason,
    context: row.context,
    numberMode: row.numberMode,
    numberDigits: row.numberDigits,
    wrongNumbersLeft: row.wrongNumbersLeft,
    userVerification: row.userVerification,
    binding: row.binding,
    returnUrl: row.returnUrl,
    deliveryMode: row.deliveryMode,
    suppressed: row.suppressed,
    initiatorKey: row.initiatorKey,
    budgetKey: row.budgetKey,
    signingKid: row.signingKid,
    resultJti: row.resultJti,
    resendsLeft: row.resendsLeft,
    lastPushAt: row.lastPushAt,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    decidedAt: row.decidedAt,
    decidedDeviceId: row.decidedDeviceId,
  }
}
