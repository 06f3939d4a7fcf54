import { isId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { mapUserName } from '../domain/user-name.ts'
import { findUser, readUser } from '../users/find-user.ts'
import type { User, UserStore } from '../users/user.store.ts'
import type { DoorClient } from './authenticate-integration.ts'

/**
 * A user as a client names them: by a name that the integration maps, or by an id that it received.
 */
export type NamedUser = { readonly name: string } | { readonly id: string }

/** The user that the client names; one outside the integration's namespace is not found. */
export async function findAtDoor(
  dependencies: { readonly users: Pick<UserStore, 'find' | 'findByIdentifier'> },
  { door, integration: { namespace, userNames } }: DoorClient,
  reference: NamedUser,
): Promise<User | Refusal<'namespace_not_granted' | 'user_not_found'>> {
  const unknown = refuse('user_not_found')
  if ('id' in reference) {
    if (!isId('user', reference.id)) return unknown
    return orUnknown(await readUser(dependencies, door, reference.id))
  }
  const value = mapUserName(userNames, reference.name)
  if (value === undefined) return unknown
  return orUnknown(await findUser(dependencies, door, { namespace, value }))
}

function orUnknown(
  user: User | Refusal<'namespace_not_granted' | 'not_found'>,
): User | Refusal<'namespace_not_granted' | 'user_not_found'> {
  if (!isRefusal(user)) return user
  return user.refused === 'not_found'
    ? refuse('user_not_found')
    : { ...user, refused: user.refused }
}
