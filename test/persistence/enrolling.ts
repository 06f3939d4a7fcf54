// Short ways through an enrolment, for tests of its parts.

import { randomBytes } from 'node:crypto'
import { activity } from '../../src/domain/activity.ts'
import type { ConfirmationEffect, Enrolment } from '../../src/domain/enrolment.ts'
import type { EnrolmentId } from '../../src/domain/ids.ts'
import { aClaim, anEnrolment, aProof, type Stores, type TestUser } from '../support/stores.ts'

/** The number to type on a new device, as sealed; its text is not the store's affair. */
export const numberSealed = randomBytes(40)

/** Runs it so often at the same time. */
export function times<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => make(index)))
}

/** How often each kind of outcome came. */
export function kindsOf(outcomes: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** The enrolment as it stands, with its sealed number. */
export async function readEnrolment(
  { enrolments }: Stores,
  { tenantId }: TestUser,
  id: EnrolmentId,
) {
  const record = await enrolments.find(tenantId, id)
  if (!record) throw new Error('the enrolment exists')
  return { ...record.enrolment, number: record.numberSealed }
}

/** Makes it an enrolment whose time is over. */
export async function runOut({ database }: Stores, { id }: Pick<Enrolment, 'id'>): Promise<void> {
  const text = `update enrolments set expires_at = clock_timestamp() - interval '1 ms' where id = $1`
  await database.query('run_out_enrolment', text, [id])
}

/** A device that waits for its number, and its enrolment. */
export async function anUnconfirmed(
  stores: Stores,
  user: TestUser,
  more: Parameters<typeof anEnrolment>[2] = {},
) {
  const opened = await anEnrolment(stores, user, { ...more, confirmationRequired: true })
  const claimed = await stores.enrolments.claim(aClaim(opened, { numberSealed }))
  if (claimed.kind !== 'claimed') throw new Error(`the claim was refused: ${claimed.kind}`)
  return {
    enrolment: await readEnrolment(stores, user, opened.id),
    deviceId: claimed.device.id,
  }
}

/** Records what a typed number does. */
export function confirm(
  { enrolments }: Stores,
  user: TestUser,
  enrolment: Enrolment,
  effect: ConfirmationEffect,
  proof?: ReturnType<typeof aProof>,
) {
  const { deviceId } = enrolment
  if (deviceId === null) throw new Error('nobody claimed it')
  const event = { userId: user.userId, type: 'device_added', actor: `device:${deviceId}` } as const
  return enrolments.confirm(
    { enrolment, effect, activities: [activity(event)] },
    proof ?? aProof(user, deviceId),
  )
}
