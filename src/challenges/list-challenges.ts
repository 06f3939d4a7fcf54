import type { Challenge, ChallengeStatus } from '../domain/challenge.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { PageRequest } from '../platform/paging.ts'
import { findUser } from '../users/find-user.ts'
import type { UserReference, UserStore } from '../users/user.store.ts'
import type { ChallengeStore } from './challenge.store.ts'

export type Dependencies = {
  readonly challenges: Pick<ChallengeStore, 'list'>
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
}

export type Query = {
  readonly user: UserReference | string | null
  readonly status: ChallengeStatus | null
}

/** A page of the relying party's own challenges, newest first. */
export async function listChallenges(
  dependencies: Dependencies,
  principal: Principal,
  { user: reference, status }: Query,
  page: PageRequest,
): Promise<Challenge[] | Refusal<'namespace_not_granted' | 'not_found'>> {
  const user = reference === null ? null : await findUser(dependencies, principal, reference)
  if (isRefusal(user)) return user
  const { tenantId, rpId } = principal
  return dependencies.challenges.list({ tenantId, rpId, userId: user?.id ?? null, status }, page)
}
