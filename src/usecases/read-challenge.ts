import { type ResultFacts, resultPayload, resultTyp } from '../domain/approval-result.ts'
import type { ChallengeId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import { type Asker, credentialOf } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { ChallengeRecord, ChallengeStore } from '../ports/challenge-store.ts'
import type { Signals } from '../ports/signals.ts'
import { revocationPrefix } from './api-keys.ts'
import type { SharedReads } from './shared-reads.ts'
import type { SigningKeys } from './signing-keys.ts'

export type Needs = {
  readonly challenges: Pick<ChallengeStore, 'find' | 'expire'>
  readonly signals: Signals
  readonly signingKeys: SigningKeys
  readonly sharedReads: SharedReads
  readonly publicOrigin: string
}

/** A challenge as its relying party reads it; `result` is the signed token once it has ended. */
export type ChallengeReading = ChallengeRecord & { readonly result: string | null }

/** A lost signal costs at most this long, never an answer; and so long at most is somebody waited for who may not ask any more. */
export const rereadEveryMs = 1000

/** Until all who wait for this look again: at the same moment, so that they share the read. */
export function toNextTickMs(id: string): number {
  let phase = 0
  for (const character of id.slice(-4)) phase = phase * 36 + Number.parseInt(character, 36)
  return rereadEveryMs - ((performance.now() + phase) % rereadEveryMs)
}

/** Why whoever waits may not ask any more; undefined while they may. */
export type StillAllowed = () => Promise<Refusal | undefined>
const always: StillAllowed = async () => undefined

/**
 * Reads a challenge of this relying party. One whose time is over is ended first, by the same guarded statement as anywhere:
 * a reader is never told `expired` while an answer that came in time is still being committed.
 */
export async function readChallenge(
  needs: Needs,
  principal: Asker,
  id: ChallengeId,
): Promise<ChallengeReading | (Refusal & { readonly refused: 'not_found' })> {
  const reading = await readShared(needs, principal, id)
  return reading ?? refuse('not_found')
}

/** One read, and one signature, for all of the relying party's requests that ask at once. */
function readShared(needs: Needs, asker: Asker, id: ChallengeId): Promise<ChallengeReading | null> {
  return needs.sharedReads(`challenge ${asker.tenantId} ${asker.rpId} ${id}`, async () => {
    const record = await loadChallenge(needs, asker, id)
    return record && { ...record, result: await signResult(needs, record) }
  })
}

async function loadChallenge(
  { challenges, signals }: Needs,
  { tenantId, rpId }: Asker,
  id: ChallengeId,
): Promise<ChallengeRecord | null> {
  const record = await challenges.find(tenantId, rpId, id)
  const { status, expiresAt } = record?.challenge ?? {}
  if (!record || status !== 'pending' || !expiresAt || expiresAt > record.now) return record
  const ended = await challenges.expire({ tenantId, id }, 1)
  for (const one of ended) signals.publish(one)
  return challenges.find(tenantId, rpId, id)
}

/** The signed result of a challenge, made anew at each call under the same `jti`; null while it is pending. */
export async function signResult(
  needs: Pick<Needs, 'signingKeys' | 'publicOrigin'>,
  record: ChallengeRecord,
): Promise<string | null> {
  const { challenge, decidedBy, now } = record
  if (challenge.status === 'pending') return null
  const issuer = issuerOf(needs.publicOrigin, challenge.tenantId)
  const facts: ResultFacts = { issuer, now, decidedBy }
  return needs.signingKeys.sign(challenge.tenantId, resultTyp, resultPayload(challenge, facts))
}

/**
 * Reads a challenge, waiting until it ends, until `waitMs` have passed, or until the process stops, whichever comes first.
 * `aborted` tells that the asker has gone; `stillAllowed` is asked after each pause, so that a key that is revoked meanwhile learns nothing.
 */
export async function waitForChallenge(
  needs: Needs,
  principal: Asker,
  id: ChallengeId,
  waitMs: number,
  aborted: () => boolean = () => false,
  stillAllowed: StillAllowed = always,
): Promise<ChallengeReading | Refusal> {
  const watch = needs.signals.watch(id, `${revocationPrefix}${credentialOf(principal)}`)
  const until = performance.now() + waitMs
  try {
    for (;;) {
      const reading = await readShared(needs, principal, id)
      if (reading === null) return refuse('not_found')
      const leftMs = until - performance.now()
      const over = leftMs <= 0 || needs.signals.stopped || aborted()
      if (reading.challenge.status !== 'pending' || over) return reading
      const toExpiryMs = reading.challenge.expiresAt.getTime() - reading.now.getTime() + 1
      await watch.next(Math.min(leftMs, toExpiryMs, toNextTickMs(id)))
      const refusal = await stillAllowed()
      if (refusal) return refusal
    }
  } finally {
    watch.close()
  }
}
