// A user enters the portal by an approval on a device of their own. Whether a name has a user shows
// in nothing that its browser gets: the question is asked afterwards, apart from the request.

import {
  type Dependencies as CreateDependencies,
  createChallenge,
} from '../../challenges/create-challenge.ts'
import { fromBase64url, toBase64url } from '../../domain/base64url.ts'
import type { ChallengeContext } from '../../domain/challenge-context.ts'
import type { RelyingPartyId, TenantId } from '../../domain/ids.ts'
import { type PortalSession, portalSessionSeconds } from '../../domain/portal.ts'
import {
  checkPortalSignIn,
  type PendingSignIn,
  type PortalSignInState,
  portalDeviceAgeSeconds,
  portalGraceSeconds,
  portalSignInState,
  portalWaitSeconds,
} from '../../domain/portal-sign-in.ts'
import type { PortalEntrance } from '../../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { FairQueue, UserQueue } from '../../platform/fair-queue.ts'
import type { Clock, Hashing, Random, Sealing } from '../../platform/world.ts'
import type { EntranceStore } from './entrance.store.ts'

type Entrance = { readonly tenantId: TenantId; readonly rpId: RelyingPartyId }

/** How long a browser keeps the cookie of a sign-in that it began. */
export const pendingCookieSeconds = portalWaitSeconds + portalGraceSeconds

/** The relying party whose users may enter by a device of their own. */
export async function readEntrance(
  { portal }: { readonly portal: Pick<EntranceStore, 'findEntrance'> },
  { tenantId, rpId }: Entrance,
): Promise<
  | { readonly party: PortalEntrance; readonly tenantName: string; readonly numberDigits: number }
  | Refusal<'portal_link_invalid'>
> {
  const entrance = await portal.findEntrance(tenantId, rpId)
  if (entrance === null) return refuse('portal_link_invalid')
  const { rpName, namespaces, tenantName, policy } = entrance
  const party = { tenantId, rpId, rpName, namespaces, entrance: 'portal' } as const
  return checkPortalSignIn(policy) ?? { party, tenantName, numberDigits: policy.numberDigits }
}

/** A sign-in that was begun, with the cookie that binds it to its browser. */
export type BegunSignIn = {
  readonly party: PortalEntrance
  readonly pending: PendingSignIn
  readonly cookie: string
}

/** The name under which cookies of pending sign-ins are sealed. */
const binding = 'portal-entrance'

/** Begins a sign-in: the same for every name, because none is looked up. */
export async function beginPortalSignIn(
  dependencies: {
    readonly portal: Pick<EntranceStore, 'findEntrance'>
    readonly random: Pick<Random, 'id' | 'digits'>
    readonly sealing: Pick<Sealing, 'seal'>
    readonly clock: Clock
  },
  entrance: Entrance,
): Promise<BegunSignIn | Refusal<'portal_link_invalid'>> {
  const reading = await readEntrance(dependencies, entrance)
  if (isRefusal(reading)) return reading
  const { random, sealing, clock } = dependencies
  const pending: PendingSignIn = {
    tenantId: entrance.tenantId,
    rpId: entrance.rpId,
    challengeId: random.id('challenge'),
    number: random.digits(reading.numberDigits),
    expiresAt: new Date(clock.now().getTime() + portalWaitSeconds * 1000),
  }
  const cookie = toBase64url(sealing.seal(JSON.stringify(pending), binding))
  return { party: reading.party, pending, cookie }
}

/**
 * Asks the user of this name, if there is one who may be asked: on the budget of unknown
 * initiators, devices of more than a day, and with user verification. Says nothing of the outcome.
 */
export async function askForPortal(
  dependencies: CreateDependencies & { readonly entranceQueue: FairQueue },
  { party, pending }: BegunSignIn,
  name: string,
  line: string,
  context: ChallengeContext,
): Promise<void> {
  const { challengeId: id, number, expiresAt: notAfter } = pending
  await dependencies.entranceQueue.run(line, () =>
    createChallenge(dependencies, party, {
      user: name,
      context,
      number: { mode: 'service', digits: number.length },
      preset: { id, number },
      userVerification: 'required',
      deviceAgeMinSeconds: portalDeviceAgeSeconds,
      ttlSeconds: portalWaitSeconds,
      notAfter,
      binding: 'portal',
    }),
  )
}

/** The sign-in of a cookie; undefined for anything that this installation did not seal. */
function pendingOf(
  { sealing }: { readonly sealing: Pick<Sealing, 'open'> },
  cookie: string | undefined,
): PendingSignIn | undefined {
  const bytes = cookie === undefined ? undefined : fromBase64url(cookie)
  if (bytes === undefined || bytes.length > 1_024) return undefined
  try {
    const pending = JSON.parse(sealing.open(bytes, binding)) as PendingSignIn
    return { ...pending, expiresAt: new Date(pending.expiresAt) }
  } catch {
    return undefined
  }
}

export type PendingReading = {
  readonly pending: PendingSignIn
  readonly state: PortalSignInState
  /** Who is to be signed in; null unless approved. */
  readonly userId: PortalSession['userId'] | null
}

type ReadDependencies = {
  readonly portal: Pick<EntranceStore, 'findEntranceQuestion'>
  readonly sealing: Pick<Sealing, 'open'>
  readonly clock: Clock
}

/** How far the sign-in has come that the browser with this cookie began. */
export async function readPendingSignIn(
  dependencies: ReadDependencies,
  cookie: string | undefined,
): Promise<PendingReading | Refusal<'portal_link_invalid'>> {
  const pending = pendingOf(dependencies, cookie)
  if (pending === undefined) return refuse('portal_link_invalid')
  const { tenantId, challengeId } = pending
  const question = await dependencies.portal.findEntranceQuestion(tenantId, challengeId)
  const state = portalSignInState(pending, question, dependencies.clock.now())
  return { pending, state, userId: state === 'approved' ? (question?.userId ?? null) : null }
}

/** Opens the session of an approved sign-in, once, in the browser that began it. */
export async function enterPortal(
  dependencies: ReadDependencies & {
    readonly portal: Pick<EntranceStore, 'findEntrance' | 'openByApproval'>
    readonly random: Pick<Random, 'id' | 'token'>
    readonly hashing: Pick<Hashing, 'sha256'>
    readonly userQueue: UserQueue
  },
  pendingCookie: string | undefined,
): Promise<
  | { readonly session: PortalSession; readonly cookie: string }
  | Refusal<'portal_link_invalid' | 'portal_not_approved' | 'too_many_requests'>
> {
  const reading = await readPendingSignIn(dependencies, pendingCookie)
  if (isRefusal(reading)) return reading
  const { pending, userId } = reading
  if (userId === null) return refuse('portal_not_approved')
  const entrance = await readEntrance(dependencies, pending)
  if (isRefusal(entrance)) return entrance
  const { portal, random, hashing, userQueue } = dependencies
  const { tenantId } = pending
  const secret = random.token(32)
  const newSession = {
    id: random.id('portalSession'),
    hash: hashing.sha256(secret),
    linkHash: hashing.sha256(random.token(32)),
    seconds: portalSessionSeconds,
  }
  const session = await userQueue.run({ tenantId, userId }, `portal:${newSession.id}`, () =>
    portal.openByApproval(pending, userId, newSession),
  )
  if (isRefusal(session)) return session
  return session === null
    ? refuse('portal_not_approved')
    : { session, cookie: `${tenantId}.${secret}` }
}
