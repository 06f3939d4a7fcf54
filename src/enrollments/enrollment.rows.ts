import type { Enrollment } from '../domain/enrollment.ts'
import type { EnrollmentRecord } from './enrollment.store.ts'

/** Columns of an `enrollments` row under this alias: the members of an enrollment. */
export const enrollmentColumns = (e: string) => `
  ${e}.tenant_id, ${e}.id, ${e}.user_id, ${e}.rp_id, ${e}.status, ${e}.reason,
  ${e}.code_tries_left as code_attempts_left, ${e}.wrong_numbers_left, ${e}.confirmation_required,
  ${e}.replaces_device_id, ${e}.parent_device_id, ${e}.device_id, ${e}.opened_by_device_id,
  ${e}.opened_by_session_id, ${e}.created_at, ${e}.expires_at, ${e}.claimed_at, ${e}.ended_at`

/** The enrollment in a row that has more columns. */
function toEnrollment(row: Enrollment): Enrollment {
  return {
    tenantId: row.tenantId,
    id: row.id,
    userId: row.userId,
    rpId: row.rpId,
    status: row.status,
    reason: row.reason,
    codeAttemptsLeft: row.codeAttemptsLeft,
    wrongNumbersLeft: row.wrongNumbersLeft,
    confirmationRequired: row.confirmationRequired,
    replacesDeviceId: row.replacesDeviceId,
    parentDeviceId: row.parentDeviceId,
    deviceId: row.deviceId,
    openedByDeviceId: row.openedByDeviceId,
    openedBySessionId: row.openedBySessionId,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    claimedAt: row.claimedAt,
    endedAt: row.endedAt,
  }
}

/** An enrollment, its sealed number and the database's time of reading it. */
export type ReadEnrollmentRow = Enrollment & {
  readonly numberSealed: Buffer | null
  readonly now: Date
}

export function toEnrollmentRecord(row: ReadEnrollmentRow): EnrollmentRecord {
  return { enrollment: toEnrollment(row), numberSealed: row.numberSealed, now: row.now }
}
