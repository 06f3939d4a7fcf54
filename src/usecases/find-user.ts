import type { Asker, Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserReference } from '../ports/challenge-store.ts'
import type { Identifier, PageRequest, User, UserStore } from '../ports/directory-store.ts'

/**
 * What a relying party's way of naming a user means: plain text is a value in its default namespace; a namespace that it was
 * not granted is refused, so that no relying party can speak of another's users.
 */
export function resolveUser(
  principal: Asker,
  user: UserReference | string,
): UserReference | (Refusal & { readonly refused: 'namespace_not_granted' }) {
  if (typeof user === 'string') {
    const [namespace] = principal.namespaces
    return namespace === undefined ? refuse('namespace_not_granted') : { namespace, value: user }
  }
  if ('id' in user || principal.namespaces.includes(user.namespace)) return user
  return refuse('namespace_not_granted', { facts: { namespace: user.namespace } })
}

/** A user exists for a relying party only through an identifier in a namespace that it was granted. */
function isVisible(principal: Asker, user: Pick<User, 'identifiers'>): boolean {
  return user.identifiers.some(({ namespace }) => principal.namespaces.includes(namespace))
}

/** The user with the names that this relying party may use; the others are for others. */
export function seenBy(principal: Asker, user: User): User {
  const granted = ({ namespace }: Identifier) => principal.namespaces.includes(namespace)
  return { ...user, identifiers: user.identifiers.filter(granted) }
}

/** Finds a user by id or identifier; one that the relying party may not see is one that does not exist. */
export async function findUser(
  { users }: { readonly users: Pick<UserStore, 'find' | 'findByIdentifier'> },
  principal: Asker,
  named: UserReference | string,
): Promise<User | Refusal> {
  const reference = resolveUser(principal, named)
  if (isRefusal(reference)) return reference
  const user =
    'id' in reference
      ? await users.find(principal.tenantId, reference.id)
      : await users.findByIdentifier(principal.tenantId, reference)
  return user && isVisible(principal, user) ? seenBy(principal, user) : refuse('not_found')
}

/** A page of the users that the relying party may see, newest first. */
export async function listUsers(
  { users }: { readonly users: Pick<UserStore, 'list'> },
  principal: Principal,
  page: PageRequest,
): Promise<User[]> {
  const listed = await users.list(principal.tenantId, principal.namespaces, page)
  return listed.map((user) => seenBy(principal, user))
}
