// What Countersign is asked, and what it decided. Nothing here knows of OpenID.

import { createHash, randomUUID } from 'node:crypto'
import {
  CountersignClient,
  type Result,
  ResultVerifier,
  type Schemas,
} from '../../clients/typescript/src/client.ts'

/** Where Countersign is, and what its operator gave to this identity provider. */
export type Account = {
  readonly origin: string
  readonly tenantId: string
  readonly relyingPartyId: string
  readonly apiKey: string
  /** The longest that Countersign may take to ask; 3,000 unless given. The client of a CIBA request waits for it, and so does its user. */
  readonly timeoutMs?: number
  /** Another `fetch`, for proxies and tests. */
  readonly fetch?: typeof fetch
}

/** One question; `requestId` is the secret of the session that waits for the answer, and never leaves this process. */
export type Question = {
  readonly requestId: string
  readonly user: string
  readonly digits: string
  readonly ttlSeconds: number
  readonly context: NonNullable<Schemas['NewChallenge']['context']>
  /** Who starts the sign-in, as this identity provider authenticated it. */
  readonly initiator: string
}

/** Tells the session that waits what was decided. */
export type Settle = (requestId: string, result: Result) => Promise<void>

type PendingApproval = {
  readonly requestId: string
  readonly binding: string
  readonly creation: Promise<Schemas['CreatedChallenge']>
  /** Settled, or about to be. */
  settlement?: Promise<void> | undefined
}

const usualTimeoutMs = 3000
const keptSecondsAfterEnd = 120

/** Asks and reads decisions. What was asked is kept in memory; several processes would keep it in a store that they share. */
export class Approvals {
  readonly #client: CountersignClient
  readonly #results: ResultVerifier
  readonly #timeoutMs: number
  readonly #asked = new Map<string, PendingApproval>()

  constructor(account: Account) {
    const { origin, apiKey, tenantId, relyingPartyId, timeoutMs = usualTimeoutMs } = account
    const fetchOption = account.fetch && { fetch: account.fetch }
    this.#timeoutMs = timeoutMs
    this.#client = new CountersignClient({ origin, apiKey, timeoutMs, ...fetchOption })
    const issuer = `${origin}/t/${tenantId}`
    this.#results = new ResultVerifier({ issuer, audience: relyingPartyId, ...fetchOption })
  }

  /** Asks the person. Rejects with RefusedCall, or with a TimeoutError; an answer that comes all the same then counts for nothing. */
  async ask({ requestId, user, digits, ttlSeconds, context, initiator }: Question): Promise<void> {
    const correlationId = randomUUID()
    const binding = createHash('sha256').update(requestId).digest('base64url')
    const creation = this.#client.createChallenge(
      {
        user,
        context,
        binding,
        ttlSeconds,
        number: { mode: 'caller', value: digits },
        initiator: { browserId: initiator },
      },
      { idempotencyKey: correlationId, signal: AbortSignal.timeout(this.#timeoutMs) },
    )
    // Kept before it is answered: the webhook of a quick approval may be here first.
    this.#asked.set(correlationId, { requestId, binding, creation })
    const forget = () => this.#asked.delete(correlationId)
    try {
      await creation
    } catch (error) {
      forget()
      throw error
    }
    setTimeout(forget, (ttlSeconds + keptSecondsAfterEnd) * 1000).unref()
  }

  /**
   * Settles the question that was asked under this id, once however often it is called. What it gives to `settle` was read from Countersign
   * itself and is signed for this relying party, this challenge, this user and this session. Nothing happens when nobody asked or waits;
   * rejects while the question has not ended or cannot be believed, and may then be called again.
   */
  async conclude(correlationId: string, settle: Settle): Promise<void> {
    const pending = this.#asked.get(correlationId)
    if (!pending) return
    pending.settlement ??= this.#conclude(pending, settle).catch((error: unknown) => {
      pending.settlement = undefined
      throw error
    })
    await pending.settlement
  }

  async #conclude(
    { requestId, binding, creation: created }: PendingApproval,
    settle: Settle,
  ): Promise<void> {
    const challenge = await created.catch(() => undefined)
    if (!challenge) return
    const { id, userId } = challenge
    const { result } = await this.#client.call('GET', '/v1/challenges/{id}', { path: { id } })
    if (result === null) throw new Error(`${id} has not ended`)
    const about = { challengeId: id, userId, binding }
    await settle(requestId, await this.#results.verifyResult(result, about))
  }
}
