import type { Actor } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import type { SuspensionStatus } from '../domain/suspension.ts'
import type { PageRequest } from '../platform/paging.ts'

export type Identifier = { readonly namespace: string; readonly value: string }

export type User = {
  readonly tenantId: TenantId
  readonly id: UserId
  readonly displayName: string
  readonly identifiers: readonly Identifier[]
  /** In which the user is written to (domain/language.ts); null where nobody has said. */
  readonly language: string | null
  readonly status: SuspensionStatus
  readonly createdAt: Date
}

export interface UserStore {
  find(tenantId: TenantId, id: UserId): Promise<User | null>
  findByIdentifier(tenantId: TenantId, identifier: Identifier): Promise<User | null>
  /** Users with an identifier in one of these namespaces, newest first. */
  list(tenantId: TenantId, namespaces: readonly string[], page: PageRequest): Promise<User[]>
  /**
   * Creates a user with these identifiers and records it. When one of them already identifies a
   * user, that user is returned unchanged if it has them all, and null otherwise.
   */
  import(
    user: Omit<User, 'createdAt' | 'status' | 'language'> & Partial<Pick<User, 'language'>>,
    actor: Actor,
  ): Promise<{ user: User; isNew: boolean } | null>
  /** Sets the language of a user and records it; null when there is none, or the user is erased. */
  changeLanguage(
    tenantId: TenantId,
    id: UserId,
    language: User['language'],
    actor: Actor,
  ): Promise<'done' | null>
}

/** How a relying party identifies the user. */
export type UserReference = { readonly id: UserId } | Identifier
