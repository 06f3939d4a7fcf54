import type { UserId } from '../domain/ids.ts'
import type { Asker, Principal, Questioner } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { PageRequest } from '../platform/paging.ts'
import type { Identifier, User, UserReference, UserStore } from './user.store.ts'

/**
 * Resolves a relying party's reference to a user: plain text is a value in its default namespace; a
 * namespace that it was not granted is refused, so that no relying party can name another's users.
 */
export function resolveUser(
  principal: Questioner,
  user: UserReference | string,
): UserReference | Refusal<'namespace_not_granted'> {
  if (typeof user === 'string') {
    const [namespace] = principal.namespaces
    return namespace === undefined ? refuse('namespace_not_granted') : { namespace, value: user }
  }
  if ('id' in user || principal.namespaces.includes(user.namespace)) return user
  return refuse('namespace_not_granted', { facts: { namespace: user.namespace } })
}

/**
 * A user exists for a relying party only through an identifier in a namespace that it was granted.
 */
function isVisible(principal: Asker, user: Pick<User, 'identifiers'>): boolean {
  return user.identifiers.some(({ namespace }) => principal.namespaces.includes(namespace))
}

/** The user with the identifiers that this relying party may use; the others belong to others. */
export function visibleTo(principal: Asker, user: User): User {
  const isGranted = ({ namespace }: Identifier) => principal.namespaces.includes(namespace)
  return { ...user, identifiers: user.identifiers.filter(isGranted) }
}

/** Finds a user by id or identifier; a user whom the relying party may not see is not found. */
export async function findUser(
  { users }: { readonly users: Pick<UserStore, 'find' | 'findByIdentifier'> },
  principal: Asker,
  reference: UserReference | string,
): Promise<User | Refusal<'namespace_not_granted' | 'not_found'>> {
  const resolvedReference = resolveUser(principal, reference)
  if (isRefusal(resolvedReference)) return resolvedReference
  const user =
    'id' in resolvedReference
      ? await users.find(principal.tenantId, resolvedReference.id)
      : await users.findByIdentifier(principal.tenantId, resolvedReference)
  return user && isVisible(principal, user) ? visibleTo(principal, user) : refuse('not_found')
}

/** A user by id; one whom the relying party may not see is not found. */
export async function readUser(
  { users }: { readonly users: Pick<UserStore, 'find'> },
  principal: Asker,
  id: UserId,
): Promise<User | Refusal<'not_found'>> {
  const user = await users.find(principal.tenantId, id)
  return user && isVisible(principal, user) ? visibleTo(principal, user) : refuse('not_found')
}

/** A page of the users that the relying party may see, newest first. */
export async function listUsers(
  { users }: { readonly users: Pick<UserStore, 'list'> },
  principal: Principal,
  page: PageRequest,
): Promise<User[]> {
  const visibleUsers = await users.list(principal.tenantId, principal.namespaces, page)
  return visibleUsers.map((user) => visibleTo(principal, user))
}
