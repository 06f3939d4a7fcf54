import { isId } from '../../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import { mapUserName } from '../../domain/user-name.ts'
import type { User, UserStore } from '../../ports/directory-store.ts'
import { findUser } from '../find-user.ts'
import type { Entered } from './authenticate-integration.ts'

/** A user as a client names them: by a name that the integration maps, or by an id that it was told. */
export type NamedUser = { readonly name: string } | { readonly id: string }

/** The user that the client means; one outside the integration's namespace does not exist. */
export async function findAtDoor(
  needs: { readonly users: Pick<UserStore, 'find' | 'findByIdentifier'> },
  { door, integration: { namespace, userNames } }: Entered,
  named: NamedUser,
): Promise<User | Refusal> {
  const unknown = refuse('user_not_found')
  if ('id' in named) {
    if (!isId('user', named.id)) return unknown
    const found = await findUser(needs, door, { id: named.id })
    return isRefusal(found) && found.refused === 'not_found' ? unknown : found
  }
  const value = mapUserName(userNames, named.name)
  if (value === undefined) return unknown
  const found = await findUser(needs, door, { namespace, value })
  return isRefusal(found) && found.refused === 'not_found' ? unknown : found
}
