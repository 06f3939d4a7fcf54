import { type ResultFacts, resultPayload, resultTyp } from '../domain/approval-result.ts'
import type { ChallengeId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import { type Asker, credentialOf } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { AccessCheck } from '../platform/access-check.ts'
import type { SharedReads } from '../platform/shared-reads.ts'
import type { Signals } from '../platform/signals.ts'
import { revocationPrefix } from '../tenants/api-keys.ts'
import type { ApiKeyRefusal } from '../tenants/authenticate-api-key.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import type { ChallengeRecord, ChallengeStore } from './challenge.store.ts'
import type { EndedChallenges } from './memory/ended-challenges.ts'
import type { OwnChallenges } from './memory/own-challenges.ts'

export type Dependencies = {
  readonly challenges: Pick<ChallengeStore, 'find' | 'expire'>
  readonly signals: Signals
  readonly signingKeys: SigningKeys
  readonly sharedReads: SharedReads
  readonly ownChallenges: Pick<OwnChallenges, 'pendingMs'>
  readonly endedChallenges: Pick<EndedChallenges, 'find'>
  readonly publicOrigin: string
}

/** A challenge as its relying party reads it; `result` is the signed token once it has ended. */
export type ChallengeReading = ChallengeRecord & { readonly result: string | null }

/**
 * The longest delay that a lost signal causes; it never costs an answer. Also the longest that a
 * caller whose access was revoked keeps waiting.
 */
export const rereadEveryMs = 1000

/**
 * Milliseconds until the next re-read of this id: the same moment for all its waiters, so that they
 * share the read.
 */
export function toNextTickMs(id: string): number {
  let phase = 0
  for (const character of id.slice(-4)) phase = phase * 36 + Number.parseInt(character, 36)
  return rereadEveryMs - ((performance.now() + phase) % rereadEveryMs)
}

/**
 * Reads a challenge of this relying party. One whose time is over is expired first, by the same
 * guarded statement as everywhere: a reader never gets `expired` while an answer that came in time
 * is still being committed.
 */
export async function readChallenge(
  dependencies: Dependencies,
  principal: Asker,
  id: ChallengeId,
): Promise<ChallengeReading | Refusal<'not_found'>> {
  const reading = await shareRead(dependencies, principal, id)
  return reading ?? refuse('not_found')
}

/** One read, and one signature, for all of the relying party's concurrent requests. */
function shareRead(
  dependencies: Dependencies,
  asker: Asker,
  id: ChallengeId,
): Promise<ChallengeReading | null> {
  return dependencies.sharedReads(`challenge ${asker.tenantId} ${asker.rpId} ${id}`, async () => {
    const record = await loadChallenge(dependencies, asker, id)
    return record && { ...record, result: await signResult(dependencies, record) }
  })
}

/** What a waiting caller reads when it is woken: the end, where it was committed here. */
function readWoken(
  dependencies: Dependencies,
  asker: Asker,
  id: ChallengeId,
): Promise<ChallengeReading | null> {
  const { tenantId, rpId } = asker
  const record = dependencies.endedChallenges.find(tenantId, rpId, id)
  if (!record) return shareRead(dependencies, asker, id)
  return dependencies.sharedReads(`end ${tenantId} ${rpId} ${id}`, async () => ({
    ...record,
    result: await signResult(dependencies, record),
  }))
}

async function loadChallenge(
  { challenges, signals }: Dependencies,
  { tenantId, rpId }: Asker,
  id: ChallengeId,
): Promise<ChallengeRecord | null> {
  const record = await challenges.find(tenantId, rpId, id)
  const { status, expiresAt } = record?.challenge ?? {}
  if (!record || status !== 'pending' || !expiresAt || expiresAt > record.now) return record
  const expiredIds = await challenges.expire({ tenantId, id }, 1)
  for (const one of expiredIds) signals.publish(one)
  return challenges.find(tenantId, rpId, id)
}

/**
 * The signed result of a challenge, signed again at each call under the same `jti`; null while it
 * is pending.
 */
export async function signResult(
  dependencies: Pick<Dependencies, 'signingKeys' | 'publicOrigin'>,
  record: ChallengeRecord,
): Promise<string | null> {
  const { challenge, decidedBy, now } = record
  if (challenge.status === 'pending') return null
  const issuer = issuerOf(dependencies.publicOrigin, challenge.tenantId)
  const facts: ResultFacts = { issuer, now, decidedBy }
  return dependencies.signingKeys.sign(
    challenge.tenantId,
    resultTyp,
    resultPayload(challenge, facts),
  )
}

/**
 * Reads a challenge, waiting until it ends, until `waitMs` have passed, or until the process stops,
 * whichever comes first. `isAborted` says whether the client has disconnected; `stillAllowed` is
 * called after each pause, so that a key that is revoked meanwhile learns nothing.
 */
export async function followChallenge<Denial extends Refusal = never>(
  dependencies: Dependencies,
  principal: Asker,
  id: ChallengeId,
  waitMs: number,
  isAborted: () => boolean = () => false,
  stillAllowed: AccessCheck<Denial> = async () => undefined,
): Promise<ChallengeReading | Denial | Refusal<'not_found'>> {
  const watch = dependencies.signals.watch(id, `${revocationPrefix}${credentialOf(principal)}`)
  const until = performance.now() + waitMs
  const { tenantId, rpId } = principal
  const pendingMs = dependencies.ownChallenges.pendingMs({ tenantId, rpId, id })
  let read = shareRead
  try {
    if (pendingMs !== null && waitMs > 0 && !isAborted()) {
      await watch.next(Math.min(waitMs, pendingMs, toNextTickMs(id)))
      read = readWoken
      const refusal = await stillAllowed()
      if (refusal) return refusal
    }
    for (;;) {
      const reading = await read(dependencies, principal, id)
      if (reading === null) return refuse('not_found')
      const leftMs = until - performance.now()
      const isOver = leftMs <= 0 || dependencies.signals.isStopped || isAborted()
      if (reading.challenge.status !== 'pending' || isOver) return reading
      const toExpiryMs = reading.challenge.expiresAt.getTime() - reading.now.getTime() + 1
      await watch.next(Math.min(leftMs, toExpiryMs, toNextTickMs(id)))
      read = readWoken
      const refusal = await stillAllowed()
      if (refusal) return refusal
    }
  } finally {
    watch.close()
  }
}

/** Waits as `followChallenge` does, for a relying party with an API key. */
export function waitForChallenge(
  dependencies: Dependencies,
  principal: Asker,
  id: ChallengeId,
  waitMs: number,
  isAborted?: () => boolean,
  stillAllowed?: AccessCheck<ApiKeyRefusal>,
): Promise<ChallengeReading | ApiKeyRefusal | Refusal<'not_found'>> {
  return followChallenge(dependencies, principal, id, waitMs, isAborted, stillAllowed)
}
