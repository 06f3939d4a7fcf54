// What a person may ask of whoever holds their data.

import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserStore } from '../ports/directory-store.ts'
import type { PersonalDataReading, PersonalDataStore } from '../ports/personal-data-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import { findUser } from './find-user.ts'
import { type Needs as ExemptionNeeds, exempting } from './sign-exemptions.ts'
import { type TellingNeeds, tellUnregistered } from './unregister-devices.ts'

export type ErasureStore = Pick<PersonalDataStore, 'findErasing' | 'eraseRest' | 'settleErasure'>

export type Needs = {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly personalData: PersonalDataStore
}

// A long history is read within seconds.
const busySeconds = 5

/**
 * Everything that is held on a user at this moment, for an admin who may see them. Who gets a
 * reading closes it.
 */
export async function exportUser(
  needs: Needs,
  principal: Principal,
  userId: UserId,
): Promise<PersonalDataReading | Refusal> {
  const user = await findUser(needs, principal, { id: userId })
  if (isRefusal(user)) return user
  const reading = await needs.personalData.openExport(principal.tenantId, user.id)
  return reading === 'busy' ? refuse('export_busy', { retryAfterSeconds: busySeconds }) : reading
}

// About two seconds' work; the worker goes on where this ends.
const pagesMax = 50
const sweepPagesMax = 100_000

/**
 * Erases a user for ever. When this returns, no answer of their devices commits, and nobody finds them any more; a very
 * long history goes within minutes (`finishErasures`).
 */
export async function eraseUser(
  needs: Needs & TellingNeeds & ExemptionNeeds & { readonly userTurns: UserTurns },
  principal: Principal,
  userId: UserId,
): Promise<Refusal | undefined> {
  const user = await findUser(needs, principal, { id: userId })
  if (isRefusal(user)) return user
  const actor = `api_key:${principal.keyId}` as const
  const { tenantId } = principal
  const { erasure } = await exempting(needs, tenantId)
  const gone = await needs.userTurns.take({ tenantId, userId }, actor, () =>
    needs.personalData.cutOff(tenantId, userId, actor, erasure(userId)),
  )
  if (isRefusal(gone)) return gone
  await tellUnregistered(needs, gone)
  // Who was cut off cannot be asked for again: a failure here is for the worker to make good, not for the caller.
  await needs.personalData.eraseRest(tenantId, userId, pagesMax).catch(() => false)
  return undefined
}

/** Takes away what is left of erased users, and what committed while they were cut off; true when there may be more at once. */
export async function finishErasures(
  { personalData }: { readonly personalData: ErasureStore },
  limit: number,
): Promise<boolean> {
  const found = await personalData.findErasing(limit)
  const failed: unknown[] = []
  for (const { tenantId, userId } of found) {
    try {
      if (await personalData.eraseRest(tenantId, userId, sweepPagesMax)) {
        await personalData.settleErasure(tenantId, userId)
      }
    } catch (error) {
      failed.push(error)
    }
  }
  // One user's failure is told when the others have had their turn.
  if (failed.length > 0) throw failed[0]
  return found.length === limit
}
