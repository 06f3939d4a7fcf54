// Steps of an enrollment, for tests of its parts.

import { randomBytes } from 'node:crypto'
import { activity } from '../../src/domain/activity.ts'
import type { ConfirmationEffect, Enrollment } from '../../src/domain/enrollment.ts'
import type { EnrollmentId } from '../../src/domain/ids.ts'
import { aClaim, anEnrollment, aProof, type Stores, type TestUser } from '../support/stores.ts'

/** The number to type on a new device, as sealed; the store does not depend on its text. */
export const numberSealed = randomBytes(40)

/** Runs it that many times concurrently. */
export function times<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)))
}

/** The count of each kind of outcome. */
export function kindsOf(outcomes: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** The enrollment as it is stored, with its sealed number. */
export async function readEnrollment(
  { enrollments }: Stores,
  { tenantId }: TestUser,
  id: EnrollmentId,
) {
  const record = await enrollments.find(tenantId, id)
  if (!record) throw new Error('the enrollment exists')
  return { ...record.enrollment, number: record.numberSealed }
}

/** Makes it an expired enrollment. */
export async function runOut({ database }: Stores, { id }: Pick<Enrollment, 'id'>): Promise<void> {
  const text = `update enrollments set expires_at = clock_timestamp() - interval '1 ms'
    where id = $1`
  await database.query('run_out_enrollment', text, [id])
}

/** A device that waits for its number, and its enrollment. */
export async function anUnconfirmedDevice(
  stores: Stores,
  user: TestUser,
  more: Parameters<typeof anEnrollment>[2] = {},
) {
  const openEnrollment = await anEnrollment(stores, user, { ...more, confirmationRequired: true })
  const claim = await stores.enrollments.claim(aClaim(openEnrollment, { numberSealed }))
  if (claim.kind !== 'claimed') throw new Error(`the claim was refused: ${claim.kind}`)
  return {
    enrollment: await readEnrollment(stores, user, openEnrollment.id),
    deviceId: claim.device.id,
  }
}

/** Records the effect of a typed number. */
export function confirm(
  { enrollments }: Stores,
  user: TestUser,
  enrollment: Enrollment,
  effect: ConfirmationEffect,
  proof?: ReturnType<typeof aProof>,
) {
  const { deviceId } = enrollment
  if (deviceId === null) throw new Error('nobody claimed it')
  const event = { userId: user.userId, type: 'device_added', actor: `device:${deviceId}` } as const
  return enrollments.confirm(
    { enrollment, effect, activities: [activity(event)] },
    proof ?? aProof(user, deviceId),
  )
}
