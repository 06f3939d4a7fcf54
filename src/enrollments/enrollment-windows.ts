// A relying party lets one of its users enroll a first device by themselves, for a while.

import { checkWindow, mayEnrollUntil } from '../domain/enrollment-window.ts'
import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Signals } from '../platform/signals.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { EnrollmentWindowStore } from './enrollment-window.store.ts'

export type Dependencies = {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly enrollmentWindows: EnrollmentWindowStore
  readonly signals: Pick<Signals, 'publish'>
}

/** Until when a user may enroll; null when they may not. */
export type EnrollmentWindow = { readonly mayEnrollUntil: Date | null }

const attemptsMax = 3

async function factsOf(dependencies: Dependencies, principal: Principal, id: UserId) {
  const user = await readUser(dependencies, principal, id)
  if (isRefusal(user)) return user
  const { tenantId } = principal
  const facts = await dependencies.enrollmentWindows.find({ tenantId, userId: id })
  return facts ?? refuse('not_found')
}

/** Whether a window is open for the user. */
export async function readEnrollmentWindow(
  dependencies: Dependencies,
  principal: Principal,
  id: UserId,
): Promise<EnrollmentWindow | Refusal<'not_found'>> {
  const facts = await factsOf(dependencies, principal, id)
  return isRefusal(facts) ? facts : { mayEnrollUntil: mayEnrollUntil(facts) }
}

/** Opens a window, or sets the end of the one that is open. The user is notified. */
export async function openEnrollmentWindow(
  dependencies: Dependencies,
  principal: Principal,
  id: UserId,
  minutes: number,
): Promise<
  EnrollmentWindow | Refusal<'not_found' | 'user_suspended' | 'enrolled_before' | 'conflict'>
> {
  const { tenantId, keyId } = principal
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const facts = await factsOf(dependencies, principal, id)
    if (isRefusal(facts)) return facts
    const fault = checkWindow(facts)
    if (fault) return fault
    const command = { tenantId, userId: id, minutes }
    const opening = await dependencies.enrollmentWindows.open(command, `api_key:${keyId}`)
    if (opening !== 'changed') return { mayEnrollUntil: opening.until }
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

/** Closes the window, and ends what it has permitted; without one nothing changes. */
export async function closeEnrollmentWindow(
  dependencies: Dependencies,
  principal: Principal,
  id: UserId,
): Promise<undefined | Refusal<'not_found'>> {
  const user = await readUser(dependencies, principal, id)
  if (isRefusal(user)) return user
  const { tenantId, keyId } = principal
  const closing = await dependencies.enrollmentWindows.close(
    { tenantId, userId: id },
    `api_key:${keyId}`,
  )
  for (const enrollmentId of closing?.cancelledIds ?? []) {
    dependencies.signals.publish(enrollmentId)
  }
  return undefined
}
