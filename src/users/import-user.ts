import { type Asker, actorOf } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Random } from '../platform/world.ts'
import { visibleTo } from './find-user.ts'
import type { Identifier, User, UserStore } from './user.store.ts'

export type Dependencies = { readonly users: Pick<UserStore, 'import'>; readonly random: Random }

export type Command = {
  readonly displayName: string
  /** Plain text is a value in the default namespace. */
  readonly identifiers: readonly (Identifier | string)[]
  readonly language?: string
}

/** The identifiers in full, or a refusal for a namespace that was not granted. */
function readIdentifiers(
  principal: Asker,
  input: Command['identifiers'],
): Identifier[] | Refusal<'namespace_not_granted'> {
  const identifiers: Identifier[] = []
  for (const item of input) {
    const namespace = typeof item === 'string' ? principal.namespaces[0] : item.namespace
    if (namespace === undefined || !principal.namespaces.includes(namespace)) {
      return refuse(
        'namespace_not_granted',
        namespace === undefined ? {} : { facts: { namespace } },
      )
    }
    const value = typeof item === 'string' ? item : item.value
    const isDuplicate = identifiers.some(
      (one) => one.namespace === namespace && one.value === value,
    )
    if (!isDuplicate) identifiers.push({ namespace, value })
  }
  return identifiers
}

/**
 * Creates a user, or returns the one that has all these identifiers; an identifier of another user
 * is refused.
 */
export async function importUser(
  { users, random }: Dependencies,
  principal: Asker,
  { displayName, identifiers: input, ...described }: Command,
): Promise<
  | { readonly user: User; readonly isNew: boolean }
  | Refusal<'namespace_not_granted' | 'identifier_taken'>
> {
  const identifiers = readIdentifiers(principal, input)
  if (isRefusal(identifiers)) return identifiers
  const { tenantId } = principal
  const user = { tenantId, id: random.id('user'), displayName, identifiers, ...described }
  const result = await users.import(user, actorOf(principal))
  if (!result) return refuse('identifier_taken')
  return { ...result, user: visibleTo(principal, result.user) }
}
