// What a person may ask of whoever holds their data.

import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { UserStore } from '../ports/directory-store.ts'
import type { PersonalData, PersonalDataStore } from '../ports/personal-data-store.ts'
import { findUser } from './find-user.ts'
import { type TellingNeeds, tellUnregistered } from './unregister-devices.ts'

export type Needs = {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly personalData: PersonalDataStore
}

/** Everything that is held on a user, for an admin who may see them. */
export async function exportUser(
  needs: Needs,
  principal: Principal,
  userId: UserId,
): Promise<PersonalData | Refusal> {
  const user = await findUser(needs, principal, { id: userId })
  return isRefusal(user) ? user : needs.personalData.export(principal.tenantId, user.id)
}

/** Erases a user for ever. When this returns, no answer of their devices commits, and nobody finds them any more. */
export async function eraseUser(
  needs: Needs & TellingNeeds,
  principal: Principal,
  userId: UserId,
): Promise<Refusal | undefined> {
  const user = await findUser(needs, principal, { id: userId })
  if (isRefusal(user)) return user
  const actor = `api_key:${principal.keyId}` as const
  const gone = await needs.personalData.erase(principal.tenantId, user.id, actor)
  await tellUnregistered(needs, gone)
  return undefined
}
