import type { DeviceAccount } from './account.ts'
import { type Decision, signAnswer } from './answer.ts'
import { type ApprovalRequest, type RequestFault, readRequest } from './approval-request.ts'
import { isObject, newJti } from './compact-jws.ts'
import { type Call, Connection, type World } from './connection.ts'
import { DeviceApiError } from './device-api-error.ts'
import type { DeviceDescription, PushRegistration } from './enrollment.ts'
import { followLinks } from './key-set.ts'
import type { DeviceKeys } from './keys.ts'
import { plainTypedText } from './typed-text.ts'
import type {
  ActivityPage,
  DeviceDetails,
  EnrollmentDetails,
  NotificationPreferences,
  OpenedEnrollment,
  OwnDetails,
  PageRequest,
} from './views.ts'

/** The pending requests, and those that must not be shown. */
export type Pending = {
  readonly requests: readonly ApprovalRequest[]
  readonly refusedRequests: readonly {
    readonly challengeId: string
    readonly fault: RequestFault
  }[]
}

/** The challenge's status after the answer. */
export type AnswerOutcome = { readonly status: string }

export type DeviceClientOptions = World & {
  readonly account: DeviceAccount
  readonly keys: DeviceKeys
  /** Called whenever the account must be stored again. */
  readonly onAccountChange?: (account: DeviceAccount) => void
  /** Pauses before an answer with unknown outcome is sent again, in milliseconds. */
  readonly retryDelaysMs?: readonly number[]
}

// A signed answer is sent again unchanged while the service would still accept it; afterwards it is
// signed anew, with the same `jti`.
const answerReuse = { behindMs: 30_000, aheadMs: 5_000 } as const

type SignedAnswer = { readonly jws: string; readonly at: Date }
type AnswerContent = {
  readonly decision: Decision
  readonly number: string | null
  readonly reason?: string
}

/**
 * One device of one account. Every method throws DeviceApiError when the service refuses the call.
 */
export class DeviceClient {
  readonly #keys: DeviceKeys
  readonly #connection: Connection
  readonly #onAccountChange: (account: DeviceAccount) => void
  readonly #retryDelaysMs: readonly number[]
  /** `jti` of answers whose outcome is unknown. */
  readonly #unsettled = new Map<string, string>()
  #account: DeviceAccount

  constructor(options: DeviceClientOptions) {
    this.#account = options.account
    this.#keys = options.keys
    this.#onAccountChange = options.onAccountChange ?? (() => undefined)
    this.#retryDelaysMs = options.retryDelaysMs ?? [250, 1000]
    this.#connection = new Connection(
      options.account.origin,
      options,
      options.account.clockOffsetMs,
      (clockOffsetMs) => this.#change({ clockOffsetMs }),
    )
  }

  /** The account as it is now. */
  get account(): DeviceAccount {
    return this.#account
  }

  /**
   * Makes the new device active with the typed number from the sign-in page. A wrong number
   * (`wrong_number`, `wrongNumbersLeft`) costs an attempt; with the last one the enrollment is
   * void. Rejects with a RangeError, without costing an attempt, when the text cannot be the
   * number.
   */
  async confirm(typedNumber: string): Promise<void> {
    const number = digitsOf(typedNumber, this.#account.confirmationDigits ?? 6)
    await this.#call('POST', '/enrollments/confirm', { number }).catch((error: unknown) => {
      // The number was right, and its response was lost.
      const isActive = error instanceof DeviceApiError && error.code === 'device_not_pending'
      if (!isActive) throw error
    })
    this.#change({ status: 'active', confirmationDigits: null })
  }

  /**
   * This device's pending requests, newest first, each verified; for an unknown key the key set is
   * refreshed once.
   */
  async pending(): Promise<Pending> {
    const answer = await this.#call('GET', '/challenges')
    if (!isObject(answer) || !Array.isArray(answer.items))
      throw unexpectedResponse('a list of challenges')
    this.#connection.learnTime(answer.serverTime)
    const items = answer.items.filter(isListedRequest)
    const first = await this.#readAll(items)
    if (!first.refusedRequests.some(({ fault }) => fault === 'key_unknown')) return first
    // When the new keys cannot be fetched, the requests stay refused as `key_unknown`.
    const isRenewed = await this.refreshKeySet().catch(() => false)
    return isRenewed ? this.#readAll(items) : first
  }

  /**
   * Approves with the number as the person typed it, null when the request asks for none; digits
   * may be of any script, and separators are dropped. Ask for biometrics or PIN first where
   * `approvalNeedsVerification` says so. Rejects with a RangeError, without costing an attempt,
   * when the text cannot be the requested number.
   */
  async approve(
    request: ApprovalRequest,
    typedNumber: string | null,
    { reason }: { readonly reason?: string } = {},
  ): Promise<AnswerOutcome> {
    const digits = request.numberDigits
    if (digits === null && typedNumber !== null) {
      throw new RangeError('this request is approved without a number')
    }
    const number = digits === null ? null : digitsOf(typedNumber ?? '', digits)
    return this.#answer(request, { decision: 'approve', number, ...(reason && { reason }) })
  }

  /** Denies; needs no prompt. */
  deny(
    request: ApprovalRequest,
    { reason }: { readonly reason?: string } = {},
  ): Promise<AnswerOutcome> {
    return this.#answer(request, { decision: 'deny', number: null, ...(reason && { reason }) })
  }

  /** Denies and reports "this wasn't me"; needs no prompt. */
  report(
    request: ApprovalRequest,
    { reason }: { readonly reason?: string } = {},
  ): Promise<AnswerOutcome> {
    return this.#answer(request, { decision: 'report', number: null, ...(reason && { reason }) })
  }

  /** Reports that a push has arrived. */
  async reportReceipt(challengeId: string): Promise<void> {
    await this.#call('POST', `/challenges/${encodeURIComponent(challengeId)}/received`)
  }

  /** Sets the address by which the device can be woken; null removes it. */
  async setPushToken(push: PushRegistration | null): Promise<void> {
    await this.#call('PUT', '/push-token', { push })
  }

  /** This device as the service knows it, and why it may not answer where that is so. */
  async self(): Promise<OwnDetails> {
    return (await this.#call('GET', '/self')) as OwnDetails
  }

  async updateSelf(changes: Partial<Omit<DeviceDescription, 'platform'>>): Promise<DeviceDetails> {
    return (await this.#call('PATCH', '/self', changes)) as DeviceDetails
  }

  /** Unregisters this device permanently; its keys are no longer valid afterwards. */
  async unregister(): Promise<void> {
    await this.#call('DELETE', '/self')
  }

  /** The user's live devices, this one among them. */
  async devices(): Promise<readonly DeviceDetails[]> {
    const answer = await this.#call('GET', '/devices')
    if (!isObject(answer) || !Array.isArray(answer.items))
      throw unexpectedResponse('a list of devices')
    return answer.items as DeviceDetails[]
  }

  /**
   * Unregisters another device of the user: the lost phone. Needs the verification key, so ask for
   * biometrics or PIN first.
   */
  async unregisterOther(deviceId: string): Promise<void> {
    const key = this.#keys.verification
    if (!key) throw new Error('only a device with a verification key can unregister another')
    await this.#send({ method: 'DELETE', target: `/devices/${encodeURIComponent(deviceId)}` }, key)
  }

  /**
   * Opens an enrollment for the next phone, which scans `uri`. This device is unregistered when the
   * new one is confirmed; `replacesDeviceId` names another device of the user instead, or null for
   * none. With `companion` the new one is a watch of this device, and ends with it. Needs the
   * verification key: ask for biometrics or PIN.
   */
  async openEnrollment(
    options: { readonly replacesDeviceId?: string | null; readonly companion?: boolean } = {},
  ): Promise<OpenedEnrollment> {
    const key = this.#keys.verification
    if (!key) throw new Error('only a device with a verification key can enroll the next phone')
    const body = () => options
    const enrollment = await this.#send({ method: 'POST', target: '/enrollments', body }, key)
    return enrollment as OpenedEnrollment
  }

  /**
   * An enrollment that this device opened; waits up to `waitSeconds` (at most 10) while its status
   * is `after`. Show its `number`.
   */
  async enrollment(
    id: string,
    { waitSeconds = 0, after }: { readonly waitSeconds?: number; readonly after?: string } = {},
  ): Promise<EnrollmentDetails> {
    const query = new URLSearchParams({ wait: String(waitSeconds), ...(after && { after }) })
    const target = `/enrollments/${encodeURIComponent(id)}?${query}`
    return (await this.#call('GET', target)) as EnrollmentDetails
  }

  /** The user's activities, newest first. */
  async activities({ cursor, limit }: PageRequest = {}): Promise<ActivityPage> {
    const query = new URLSearchParams()
    if (cursor !== undefined) query.set('cursor', cursor)
    if (limit !== undefined) query.set('limit', String(limit))
    const search = query.size > 0 ? `?${query}` : ''
    return (await this.#call('GET', `/activities${search}`)) as ActivityPage
  }

  /**
   * Reports an activity as "this wasn't me": locks push sign-in and blocks its initiator. Needs no
   * prompt.
   */
  async reportActivity(activityId: string): Promise<{ readonly reportId: string }> {
    const target = `/activities/${encodeURIComponent(activityId)}/report`
    return (await this.#call('POST', target)) as { readonly reportId: string }
  }

  /** Until when the user wants no pushes (RFC 3339); null when pushes are not paused. */
  async pushPause(): Promise<{ readonly until: string | null }> {
    return (await this.#call('GET', '/push-pause')) as { readonly until: string | null }
  }

  /**
   * Stops all pushes to the user until then, at most 30 days ahead; null ends the pause. Challenges
   * can still be fetched. Needs the verification key: ask for biometrics or PIN.
   */
  async pausePushes(until: Date | null): Promise<void> {
    const key = this.#keys.verification
    if (!key) throw new Error('only a device with a verification key can pause pushes')
    const body = { until: until?.toISOString() ?? null }
    await this.#send({ method: 'PUT', target: '/push-pause', body: () => body }, key)
  }

  /** How the user wants to be notified of each category. */
  async notificationPreferences(): Promise<NotificationPreferences> {
    return (await this.#call('GET', '/notification-preferences')) as NotificationPreferences
  }

  /**
   * Chooses how to be notified; a category that is left out returns to its default. Needs the
   * verification key: ask for biometrics or PIN. The user's other devices are notified.
   */
  async setNotificationPreferences(
    preferences: Partial<NotificationPreferences>,
  ): Promise<NotificationPreferences> {
    const key = this.#keys.verification
    if (!key) throw new Error('only a device with a verification key can choose notifications')
    const target = '/notification-preferences'
    const answer = await this.#send({ method: 'PUT', target, body: () => preferences }, key)
    return answer as NotificationPreferences
  }

  /**
   * Sends lines of the app's own log to the admins of the tenant, at most 48 KiB; returns the
   * incident id to show to the person. Ask for consent first, and leave out keys, tokens, numbers
   * and codes.
   */
  async sendDiagnostics(diagnostics: {
    readonly appVersion: string
    readonly text: string
  }): Promise<{ readonly incidentId: string }> {
    return (await this.#call('POST', '/diagnostics', diagnostics)) as { incidentId: string }
  }

  /** Follows the service's keys to the newest set; returns whether there was a newer one. */
  async refreshKeySet(): Promise<boolean> {
    const { keySet, issuer } = this.#account
    const answer = await this.#call('GET', `/keyset?after=${keySet.seq}`)
    if (!isObject(answer) || !Array.isArray(answer.links))
      throw unexpectedResponse('a list of links')
    const next = await followLinks(keySet, answer.links.map(String), issuer)
    if (typeof next === 'string') {
      const text = "the service's new keys do not follow from those this device trusts"
      throw new DeviceApiError('key_set_refused', 200, text, { facts: { fault: next } })
    }
    if (next.seq === keySet.seq) return false
    this.#change({ keySet: next })
    return true
  }

  async #readAll(items: readonly ListedRequest[]): Promise<Pending> {
    const { keySet, issuer, tenant, deviceId, user } = this.#account
    const now = this.#connection.now()
    const expectation = { keySet, issuer, tenantId: tenant.id, deviceId, userId: user.id, now }
    const requests: ApprovalRequest[] = []
    const refusals: { challengeId: string; fault: RequestFault }[] = []
    for (const { id, request } of items) {
      const read = await readRequest(request, { ...expectation, challengeId: id })
      if (typeof read === 'string') refusals.push({ challengeId: id, fault: read })
      else requests.push(read)
    }
    return { requests, refusedRequests: refusals }
  }

  async #answer(request: ApprovalRequest, content: AnswerContent): Promise<AnswerOutcome> {
    const name = JSON.stringify([request.challengeId, content])
    const jti = this.#unsettled.get(name) ?? newJti()
    this.#unsettled.set(name, jti)
    let signedAnswer: SignedAnswer | undefined
    const body = async () => {
      const now = this.#connection.now()
      if (!signedAnswer || !isReusable(signedAnswer, now)) {
        const jws = await signAnswer(request, { ...content, jti }, this.#keys, this.#account, now)
        signedAnswer = { jws, at: now }
      }
      return { answer: signedAnswer.jws }
    }
    const target = `/challenges/${encodeURIComponent(request.challengeId)}/answer`
    for (let attempts = 0; ; attempts++) {
      try {
        const outcome = await this.#send({ method: 'POST', target, body })
        this.#unsettled.delete(name)
        return outcome as AnswerOutcome
      } catch (error) {
        const isUnknown = error instanceof DeviceApiError && error.outcomeUnknown
        if (!isUnknown) this.#unsettled.delete(name)
        const delayMs = this.#retryDelaysMs[attempts]
        if (!isUnknown || delayMs === undefined) throw error
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
  }

  #call(method: Call['method'], target: string, body?: unknown): Promise<unknown> {
    return this.#send({ method, target, ...(body !== undefined && { body: () => body }) })
  }

  #send(call: Omit<Call, 'prover'>, key = this.#keys.possession): Promise<unknown> {
    const { tenant, deviceId } = this.#account
    const prover = { tenantId: tenant.id, deviceId, key }
    return this.#connection.call({ ...call, target: `/device/v1${call.target}`, prover })
  }

  #change(changes: Partial<DeviceAccount>): void {
    this.#account = { ...this.#account, ...changes }
    this.#onAccountChange(this.#account)
  }
}

type ListedRequest = { readonly id: string; readonly request: string }

function isListedRequest(item: unknown): item is ListedRequest {
  return isObject(item) && typeof item.id === 'string' && typeof item.request === 'string'
}

/**
 * The number in ASCII digits, the only form that may be signed; throws when the text is not a
 * number of that length.
 */
function digitsOf(typedNumber: string, digits: number): string {
  const number = plainTypedText(typedNumber)
  if (number.length === digits && /^[0-9]+$/.test(number)) return number
  throw new RangeError(`the number has exactly ${digits} digits`)
}

function isReusable({ at }: SignedAnswer, now: Date): boolean {
  const ageMs = now.getTime() - at.getTime()
  return ageMs <= answerReuse.behindMs && ageMs >= -answerReuse.aheadMs
}

function unexpectedResponse(what: string): DeviceApiError {
  return new DeviceApiError('unexpected_response', 200, `the service responded without ${what}`)
}
