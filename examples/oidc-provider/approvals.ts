// Challenges at Countersign and their decisions. Nothing here depends on OpenID.

import { createHash, randomUUID } from 'node:crypto'
import {
  CountersignClient,
  type Result,
  ResultVerifier,
  type Schemas,
} from '../../clients/typescript/src/client.ts'

/** The address of Countersign, and the credentials from its operator. */
export type Account = {
  readonly origin: string
  readonly tenantId: string
  readonly relyingPartyId: string
  readonly apiKey: string
  /**
   * The timeout for creating a challenge; 3,000 by default. The client of a CIBA request waits for
   * it, and so does its user.
   */
  readonly timeoutMs?: number
  /** Another `fetch`, for proxies and tests. */
  readonly fetch?: typeof fetch
}

/**
 * One challenge; `requestId` is the secret of the waiting session, and never leaves this process.
 */
export type Question = {
  readonly requestId: string
  readonly user: string
  readonly digits: string
  readonly ttlSeconds: number
  readonly context: NonNullable<Schemas['NewChallenge']['context']>
  /** Who starts the sign-in, as this identity provider authenticated it. */
  readonly initiator: string
}

/** Passes the decision to the waiting session. */
export type Settle = (requestId: string, result: Result) => Promise<void>

type PendingApproval = {
  readonly requestId: string
  readonly binding: string
  readonly creation: Promise<Schemas['CreatedChallenge']>
  /** Settled, or being settled. */
  settlement?: Promise<void> | undefined
}

const usualTimeoutMs = 3000
const keptSecondsAfterEnd = 120

/**
 * Creates challenges and reads decisions. Pending challenges are kept in memory; several processes
 * would keep them in a shared store.
 */
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

  /**
   * Asks the user. Rejects with RefusedCall, or with a TimeoutError; a later answer is then
   * ignored.
   */
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
    // Stored before the response: the webhook of a quick approval may arrive first.
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
   * Settles the challenge with this id, once however often it is called. The input of `settle` was
   * read from Countersign itself and is signed for this relying party, this challenge, this user
   * and this session. Does nothing when there is no such challenge or no waiting session; rejects
   * while the challenge has not ended or its result cannot be verified, and may then be called
   * again.
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
    { requestId, binding, creation }: PendingApproval,
    settle: Settle,
  ): Promise<void> {
    const challenge = await creation.catch(() => undefined)
    if (!challenge) return
    const { id, userId } = challenge
    const { result } = await this.#client.call('GET', '/v1/challenges/{id}', { path: { id } })
    if (result === null) throw new Error(`${id} has not ended`)
    const about = { challengeId: id, userId, binding }
    await settle(requestId, await this.#results.verifyResult(result, about))
  }
}
