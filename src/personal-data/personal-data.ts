// A person's rights to their data: export and erasure.

import {
  buildExemptions,
  type Dependencies as ExemptionDependencies,
} from '../audit/sign-exemptions.ts'
import { type NotifyDependencies, notifyUnregistration } from '../devices/unregister-devices.ts'
import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { PersonalDataReading, PersonalDataStore } from './personal-data.store.ts'

export type ErasureStore = Pick<PersonalDataStore, 'findErasing' | 'eraseRest' | 'settleErasure'>

export type Dependencies = {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly personalData: PersonalDataStore
}

/** After which another export may begin: a long history is read within seconds. */
export const busySeconds = 5

/**
 * All data stored about a user at this moment, for an admin who may see the user. The caller must
 * close the reading.
 */
export async function exportUser(
  dependencies: Dependencies,
  principal: Principal,
  userId: UserId,
): Promise<PersonalDataReading | Refusal<'not_found' | 'export_busy'>> {
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const reading = await dependencies.personalData.openExport(principal.tenantId, user.id)
  return reading === 'busy' ? refuse('export_busy', { retryAfterSeconds: busySeconds }) : reading
}

// About two seconds' work; the worker continues from there.
const pagesMax = 50
const sweepPagesMax = 100_000

/**
 * Erases a user permanently. When this resolves, no answer of their devices commits, and the user
 * is not found any more; a very long history is deleted within minutes (`finishErasures`).
 */
export async function eraseUser(
  dependencies: Dependencies &
    NotifyDependencies &
    ExemptionDependencies & { readonly userQueue: UserQueue },
  principal: Principal,
  userId: UserId,
): Promise<Refusal<'too_many_requests' | 'not_found'> | undefined> {
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const actor = `api_key:${principal.keyId}` as const
  const { tenantId } = principal
  const { erasure } = await buildExemptions(dependencies, tenantId)
  const unregistration = await dependencies.userQueue.run({ tenantId, userId }, actor, () =>
    dependencies.personalData.cutOff(tenantId, userId, actor, erasure(userId)),
  )
  if (isRefusal(unregistration)) return unregistration
  await notifyUnregistration(dependencies, unregistration)
  // The user can no longer be found for another call: after a failure here the worker finishes, not
  // the caller.
  await dependencies.personalData.eraseRest(tenantId, userId, pagesMax).catch(() => 'more')
  return undefined
}

/**
 * Deletes the remaining rows of erased users, and rows that committed during the erasure; true when
 * there may be more immediately.
 */
export async function finishErasures(
  { personalData }: { readonly personalData: ErasureStore },
  limit: number,
): Promise<boolean> {
  const erasedUsers = await personalData.findErasing(limit)
  const failures: unknown[] = []
  for (const { tenantId, userId } of erasedUsers) {
    try {
      const rest = await personalData.eraseRest(tenantId, userId, sweepPagesMax)
      if (rest === 'done') await personalData.settleErasure(tenantId, userId)
    } catch (error) {
      failures.push(error)
    }
  }
  // One user's failure is thrown after all other users are processed.
  if (failures.length > 0) throw failures[0]
  return erasedUsers.length === limit
}
