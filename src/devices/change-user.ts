import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { readUser } from '../users/find-user.ts'
import type { User, UserStore } from '../users/user.store.ts'
import { type Dependencies as StatusDependencies, setUserStatus } from './suspend-user.ts'

export type Dependencies = StatusDependencies & {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier' | 'changeLanguage'>
}

/**
 * Sets the language of a user, their status, or both, the language first. Values that are already
 * set change nothing.
 */
export async function changeUser(
  dependencies: Dependencies,
  principal: Principal,
  id: UserId,
  { status, language }: { readonly status?: User['status']; readonly language?: User['language'] },
): Promise<User | Refusal<'too_many_requests' | 'not_found'>> {
  const user = await readUser(dependencies, principal, id)
  if (isRefusal(user)) return user
  if (language !== undefined && language !== user.language) {
    const { tenantId, keyId } = principal
    const actor = `api_key:${keyId}` as const
    const result = await dependencies.users.changeLanguage(tenantId, id, language, actor)
    if (result === null) return refuse('not_found')
  }
  return status === undefined
    ? readUser(dependencies, principal, id)
    : setUserStatus(dependencies, principal, id, status)
}
