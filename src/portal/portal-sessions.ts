// Links to the portal, which relying parties create, and the sessions that they open.

import { activity } from '../domain/activity.ts'
import { isId, type TenantId, type UserId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import { type PortalSession, portalLinkSeconds, portalSessionSeconds } from '../domain/portal.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Random } from '../platform/world.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { PortalStore } from './portal.store.ts'

export type CreateLinkDependencies = {
  readonly portal: Pick<PortalStore, 'createLink'>
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly random: Pick<Random, 'id' | 'token'>
  readonly hashing: Pick<Hashing, 'sha256'>
  readonly userQueue: UserQueue
  readonly publicOrigin: string
}

/** 256 random bits, as `Random.token` writes them. */
const secretPattern = /^[A-Za-z0-9_-]{43}$/

/** A link to the portal, readable this once. */
export type PortalLink = {
  readonly id: PortalSession['id']
  readonly url: string
  readonly expiresAt: Date
}

/**
 * Creates a link to the portal for a user whom the relying party has identified. A GET of it shows
 * a page and changes nothing; the POST of that page uses it up. The secret is in the path, which is
 * never logged, so that it works without script.
 */
export async function createPortalLink(
  dependencies: CreateLinkDependencies,
  principal: Principal,
  userId: UserId,
): Promise<PortalLink | Refusal<'user_suspended' | 'too_many_requests' | 'not_found'>> {
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const { tenantId, rpId, keyId, scopes: linkScopes } = principal
  const id = dependencies.random.id('portalSession')
  const secret = dependencies.random.token(32)
  const linkHash = dependencies.hashing.sha256(secret)
  const by = { tenantId, id, userId: user.id, rpId, linkScopes }
  const link = { ...by, linkHash, linkSeconds: portalLinkSeconds }
  const event = { userId: user.id, type: 'portal_link_made', actor: `api_key:${keyId}` } as const
  const expiresAt = await dependencies.userQueue.run(link, `links:${rpId}`, () =>
    dependencies.portal.createLink(link, activity(event)),
  )
  if (isRefusal(expiresAt)) return expiresAt
  if (expiresAt === null) return refuse('user_suspended')
  return { id, url: `${issuerOf(dependencies.publicOrigin, tenantId)}/me/${secret}`, expiresAt }
}

export type OpenDependencies = {
  readonly portal: Pick<PortalStore, 'open'>
  readonly random: Pick<Random, 'token'>
  readonly hashing: Pick<Hashing, 'sha256'>
}

/** Opens a link, once. `cookie` is for the browser to store. */
export async function openPortal(
  { portal, random, hashing }: OpenDependencies,
  { tenantId, token }: { readonly tenantId: TenantId; readonly token: string },
): Promise<
  { readonly session: PortalSession; readonly cookie: string } | Refusal<'portal_link_invalid'>
> {
  const secret = random.token(32)
  if (!secretPattern.test(token)) return refuse('portal_link_invalid')
  const session = await portal.open(tenantId, hashing.sha256(token), {
    hash: hashing.sha256(secret),
    seconds: portalSessionSeconds,
  })
  if (!session) return refuse('portal_link_invalid')
  return { session, cookie: `${tenantId}.${secret}` }
}

/**
 * The session of a cookie, or a refusal; read from the database on each call, so that a session
 * that was ended is over everywhere immediately.
 */
export async function authenticatePortal(
  {
    portal,
    hashing,
  }: {
    readonly portal: Pick<PortalStore, 'find'>
    readonly hashing: Pick<Hashing, 'sha256'>
  },
  cookie: string | undefined,
): Promise<PortalSession | Refusal<'portal_session_invalid'>> {
  const [tenantId = '', secret = '', ...more] = cookie?.split('.') ?? []
  const isWhole = isId('tenant', tenantId) && secretPattern.test(secret)
  if (!isWhole || more.length > 0) return refuse('portal_session_invalid')
  return (await portal.find(tenantId, hashing.sha256(secret))) ?? refuse('portal_session_invalid')
}

/** Signs out. */
export function closePortal(
  { portal }: { readonly portal: Pick<PortalStore, 'end'> },
  { tenantId, id }: PortalSession,
): Promise<void> {
  return portal.end(tenantId, id)
}
