// Answers on their way: each counts once, however often it is sent.

import type { DeviceAccount } from './account.ts'
import { confirmingPasskey, type Decision, signAnswer, type Verdict } from './answer.ts'
import type { ApprovalRequest } from './approval-request.ts'
import { newJti } from './compact-jws.ts'
import { DeviceApiError } from './device-api-error.ts'
import type { DeviceKeys } from './keys.ts'
import { assertText, type GetAssertion, type PasskeyAssertion } from './passkey.ts'

/** The challenge's status after the answer. */
export type AnswerOutcome = { readonly status: string }

// A signed answer is sent again unchanged while the service would still accept it; afterwards it is
// signed anew, with the same `jti`.
const answerReuse = { behindMs: 30_000, aheadMs: 5_000 } as const

type SentAnswer = { readonly answer: string; readonly assertion?: PasskeyAssertion }
type SignedAnswer = { readonly body: SentAnswer; readonly at: Date }

type AnswerBody = () => Promise<SentAnswer>

/** What the person decided. */
export type Answer = {
  readonly decision: Decision
  /** The typed digits, where there was something to type. */
  readonly number?: string | null
  /** The person's own text; empty is none. */
  readonly reason?: string | undefined
}

export type AnswerDeliveryOptions = {
  readonly account: Pick<DeviceAccount, 'deviceId' | 'user' | 'issuer'>
  /** The device's keys as they are now. */
  readonly keys: () => DeviceKeys
  /** Pauses before an answer with unknown outcome is sent again, in milliseconds. */
  readonly retryDelaysMs: readonly number[]
  /** The service's time. */
  readonly now: () => Date
  /** How a passkey is used. */
  readonly getAssertion: GetAssertion | undefined
  /** Makes the call; `body` is built for each of its attempts. */
  readonly send: (challengeId: string, body: AnswerBody) => Promise<unknown>
}

/** Delivers the answers of one device. */
export class AnswerDelivery {
  readonly #options: AnswerDeliveryOptions
  /** `jti` of answers whose outcome is unknown. */
  readonly #unsettled = new Map<string, string>()

  constructor(options: AnswerDeliveryOptions) {
    this.#options = options
  }

  /**
   * Sends the answer until its outcome is known or no pause is left; the same answer, given again
   * later, keeps its `jti`. Throws DeviceApiError.
   */
  async deliver(
    request: ApprovalRequest,
    { decision, number = null, reason }: Answer,
  ): Promise<AnswerOutcome> {
    const { send, retryDelaysMs } = this.#options
    const name = JSON.stringify([request.challengeId, decision, number, reason])
    const jti = this.#unsettled.get(name) ?? newJti()
    this.#unsettled.set(name, jti)
    const body = this.#bodyOf(request, { decision, number, jti, ...(reason && { reason }) })
    for (let attempts = 0; ; attempts++) {
      try {
        const outcome = await send(request.challengeId, body)
        this.#unsettled.delete(name)
        return outcome as AnswerOutcome
      } catch (error) {
        const isUnknown = error instanceof DeviceApiError && error.outcomeUnknown
        if (!isUnknown) this.#unsettled.delete(name)
        const delayMs = retryDelaysMs[attempts]
        if (!isUnknown || delayMs === undefined) throw error
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
  }

  #bodyOf(request: ApprovalRequest, verdict: Verdict): AnswerBody {
    const { keys } = this.#options
    let signedAnswer: SignedAnswer | undefined
    return async () => {
      const now = this.#options.now()
      if (!signedAnswer || !isReusable(signedAnswer, now)) {
        const body = await this.#sign(request, verdict, keys(), now)
        signedAnswer = { body, at: now }
      }
      return signedAnswer.body
    }
  }

  async #sign(
    request: ApprovalRequest,
    verdict: Verdict,
    keys: DeviceKeys,
    now: Date,
  ): Promise<SentAnswer> {
    const { account, getAssertion } = this.#options
    const answer = await signAnswer(request, verdict, keys, account, now)
    const passkey = confirmingPasskey(request, verdict.decision, keys)
    if (!passkey) return { answer }
    return { answer, assertion: await assertText(passkey, answer, getAssertion) }
  }
}

function isReusable({ at }: SignedAnswer, now: Date): boolean {
  const ageMs = now.getTime() - at.getTime()
  return ageMs <= answerReuse.behindMs && ageMs >= -answerReuse.aheadMs
}
