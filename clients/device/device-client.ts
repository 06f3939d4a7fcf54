import type { DeviceAccount } from './account.ts'
import { type Decision, signAnswer } from './answer.ts'
import { type ApprovalRequest, type RequestFault, readRequest } from './approval-request.ts'
import { isObject, newJti } from './compact-jws.ts'
import { type Call, Connection, type World } from './connection.ts'
import { DeviceApiError } from './device-api-error.ts'
import type { DeviceDescription, PushRegistration } from './enrollment.ts'
import { followLinks } from './key-set.ts'
import type { DeviceKeys } from './keys.ts'
import { plainTyped } from './typed-text.ts'
import type {
  ActivityPage,
  DeviceDetails,
  EnrollmentDetails,
  OpenedEnrollment,
  OwnDetails,
  PageRequest,
} from './views.ts'

/** What is pending, and what the service sent that must not be shown. */
export type Pending = {
  readonly requests: readonly ApprovalRequest[]
  readonly refused: readonly { readonly challengeId: string; readonly fault: RequestFault }[]
}

/** What became of the challenge by this answer. */
export type Answered = { readonly status: string }

export type DeviceClientOptions = World & {
  readonly account: DeviceAccount
  readonly keys: DeviceKeys
  /** Told whenever the account must be stored anew. */
  readonly onAccountChange?: (account: DeviceAccount) => void
  /** Pauses before an answer whose fate is unknown is sent again, in milliseconds. */
  readonly retryDelaysMs?: readonly number[]
}

// A signed answer is sent again as it is while the service would still take it; afterwards it is signed anew, same `jti`.
const answerReuse = { behindMs: 30_000, aheadMs: 5_000 } as const

type SignedAnswer = { readonly jws: string; readonly at: Date }
type Deed = {
  readonly decision: Decision
  readonly number: string | null
  readonly reason?: string
}

/** One device of one account. Every method throws DeviceApiError for what the service refuses. */
export class DeviceClient {
  readonly #keys: DeviceKeys
  readonly #connection: Connection
  readonly #onAccountChange: (account: DeviceAccount) => void
  readonly #retryDelaysMs: readonly number[]
  /** `jti` of answers of which nobody knows whether they arrived. */
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
   * Makes the new device active with the number from the sign-in page, as it was typed. A wrong number (`wrong_number`,
   * `wrongNumbersLeft`) costs a try; with the last one the enrollment is void. Rejects with a RangeError, at no cost of a try, when it
   * cannot be the number.
   */
  async confirm(typed: string): Promise<void> {
    const number = digitsOf(typed, this.#account.confirmationDigits ?? 6)
    await this.#call('POST', '/enrollments/confirm', { number }).catch((error: unknown) => {
      // The number was right, and the answer to it was lost.
      const isActive = error instanceof DeviceApiError && error.code === 'device_not_pending'
      if (!isActive) throw error
    })
    this.#change({ status: 'active', confirmationDigits: null })
  }

  /** What this device is asked at this moment, newest first, each request verified; an unknown key is looked for once. */
  async pending(): Promise<Pending> {
    const answer = await this.#call('GET', '/challenges')
    if (!isObject(answer) || !Array.isArray(answer.items)) throw unexpected('a list of challenges')
    this.#connection.learnTime(answer.serverTime)
    const listed = answer.items.filter(isListed)
    const first = await this.#readAll(listed)
    if (!first.refused.some(({ fault }) => fault === 'key_unknown')) return first
    // Whatever keeps the new keys away, the requests stay refused as `key_unknown`.
    const isRenewed = await this.refreshKeySet().catch(() => false)
    return isRenewed ? this.#readAll(listed) : first
  }

  /**
   * Approves with the number as the person typed it, null when the request asks for none: digits of any script, and what sets them
   * apart is dropped. Ask for biometrics or PIN first where
   * `approvalNeedsVerification` says so. Rejects with a RangeError, at no cost of a try, when the number cannot be the one asked for.
   */
  async approve(
    request: ApprovalRequest,
    typed: string | null,
    { reason }: { readonly reason?: string } = {},
  ): Promise<Answered> {
    const digits = request.numberDigits
    if (digits === null && typed !== null) {
      throw new RangeError('this request is approved with no number')
    }
    const number = digits === null ? null : digitsOf(typed ?? '', digits)
    return this.#answer(request, { decision: 'approve', number, ...(reason && { reason }) })
  }

  /** Denies; needs no prompt. */
  deny(request: ApprovalRequest, { reason }: { readonly reason?: string } = {}): Promise<Answered> {
    return this.#answer(request, { decision: 'deny', number: null, ...(reason && { reason }) })
  }

  /** Denies and says "this wasn't me"; needs no prompt. */
  report(
    request: ApprovalRequest,
    { reason }: { readonly reason?: string } = {},
  ): Promise<Answered> {
    return this.#answer(request, { decision: 'report', number: null, ...(reason && { reason }) })
  }

  /** Tells that a push has arrived. */
  async received(challengeId: string): Promise<void> {
    await this.#call('POST', `/challenges/${encodeURIComponent(challengeId)}/received`)
  }

  /** Sets where the device can be woken; null takes it away. */
  async setPushToken(push: PushRegistration | null): Promise<void> {
    await this.#call('PUT', '/push-token', { push })
  }

  /** This device as the service knows it, and why it may not answer if so. */
  async self(): Promise<OwnDetails> {
    return (await this.#call('GET', '/self')) as OwnDetails
  }

  async updateSelf(changes: Partial<Omit<DeviceDescription, 'platform'>>): Promise<DeviceDetails> {
    return (await this.#call('PATCH', '/self', changes)) as DeviceDetails
  }

  /** Unregisters this device for ever; its keys are worth nothing afterwards. */
  async unregister(): Promise<void> {
    await this.#call('DELETE', '/self')
  }

  /** The user's live devices, this one among them. */
  async devices(): Promise<readonly DeviceDetails[]> {
    const answer = await this.#call('GET', '/devices')
    if (!isObject(answer) || !Array.isArray(answer.items)) throw unexpected('a list of devices')
    return answer.items as DeviceDetails[]
  }

  /** Unregisters another device of the user: the lost phone. Takes the verification key, so ask for biometrics or PIN first. */
  async unregisterOther(deviceId: string): Promise<void> {
    const key = this.#keys.verification
    if (!key) throw new Error('only a device with a verification key can unregister another')
    await this.#send({ method: 'DELETE', target: `/devices/${encodeURIComponent(deviceId)}` }, key)
  }

  /**
   * Opens an enrollment for the next phone, whose scanner reads `uri`. This device is unregistered when the new one is confirmed;
   * `replacesDeviceId` names another device of the user instead, or null for none. Takes the verification key: ask for biometrics or PIN.
   */
  async openEnrollment(
    options: { readonly replacesDeviceId?: string | null } = {},
  ): Promise<OpenedEnrollment> {
    const key = this.#keys.verification
    if (!key) throw new Error('only a device with a verification key can enroll the next phone')
    const body = () => options
    const opened = await this.#send({ method: 'POST', target: '/enrollments', body }, key)
    return opened as OpenedEnrollment
  }

  /** An enrollment that this device opened; waits up to `waitSeconds` (at most 10) while its status is `after`. Show its `number`. */
  async enrollment(
    id: string,
    { waitSeconds = 0, after }: { readonly waitSeconds?: number; readonly after?: string } = {},
  ): Promise<EnrollmentDetails> {
    const query = new URLSearchParams({ wait: String(waitSeconds), ...(after && { after }) })
    const target = `/enrollments/${encodeURIComponent(id)}?${query}`
    return (await this.#call('GET', target)) as EnrollmentDetails
  }

  /** What happened to the user, newest first. */
  async activities({ cursor, limit }: PageRequest = {}): Promise<ActivityPage> {
    const query = new URLSearchParams()
    if (cursor !== undefined) query.set('cursor', cursor)
    if (limit !== undefined) query.set('limit', String(limit))
    const search = query.size > 0 ? `?${query}` : ''
    return (await this.#call('GET', `/activities${search}`)) as ActivityPage
  }

  /** Says "this wasn't me" of something that happened: locks push sign-in and blocks whoever started it. Needs no prompt. */
  async reportActivity(activityId: string): Promise<{ readonly reportId: string }> {
    const target = `/activities/${encodeURIComponent(activityId)}/report`
    return (await this.#call('POST', target)) as { readonly reportId: string }
  }

  /** Until when the user wants no pushes (RFC 3339); null when they come. */
  async pushPause(): Promise<{ readonly until: string | null }> {
    return (await this.#call('GET', '/push-pause')) as { readonly until: string | null }
  }

  /**
   * Stops all pushes to the user until then, at most 30 days ahead; null lets them come again. Challenges can still be fetched.
   * Takes the verification key: ask for biometrics or PIN.
   */
  async pausePushes(until: Date | null): Promise<void> {
    const key = this.#keys.verification
    if (!key) throw new Error('only a device with a verification key can pause pushes')
    const body = { until: until?.toISOString() ?? null }
    await this.#send({ method: 'PUT', target: '/push-pause', body: () => body }, key)
  }

  /**
   * Sends lines of the app's own log to the admins of the tenant, at most 48 KiB; gives the incident to show the person. Ask them first, and
   * leave keys, tokens, numbers and codes out.
   */
  async sendDiagnostics(diagnostics: {
    readonly appVersion: string
    readonly text: string
  }): Promise<{ readonly incidentId: string }> {
    return (await this.#call('POST', '/diagnostics', diagnostics)) as { incidentId: string }
  }

  /** Follows the service's keys to the newest set; tells whether there was a newer one. */
  async refreshKeySet(): Promise<boolean> {
    const { keySet, issuer } = this.#account
    const answer = await this.#call('GET', `/keyset?after=${keySet.seq}`)
    if (!isObject(answer) || !Array.isArray(answer.links)) throw unexpected('a list of links')
    const next = await followLinks(keySet, answer.links.map(String), issuer)
    if (typeof next === 'string') {
      const text = "the service's new keys do not follow from those this device believes"
      throw new DeviceApiError('key_set_refused', 200, text, { facts: { fault: next } })
    }
    if (next.seq === keySet.seq) return false
    this.#change({ keySet: next })
    return true
  }

  async #readAll(listed: readonly Listed[]): Promise<Pending> {
    const { keySet, issuer, tenant, deviceId, user } = this.#account
    const now = this.#connection.now()
    const expected = { keySet, issuer, tenantId: tenant.id, deviceId, userId: user.id, now }
    const requests: ApprovalRequest[] = []
    const refused: { challengeId: string; fault: RequestFault }[] = []
    for (const { id, request } of listed) {
      const read = await readRequest(request, { ...expected, challengeId: id })
      if (typeof read === 'string') refused.push({ challengeId: id, fault: read })
      else requests.push(read)
    }
    return { requests, refused }
  }

  async #answer(request: ApprovalRequest, deed: Deed): Promise<Answered> {
    const name = JSON.stringify([request.challengeId, deed])
    const jti = this.#unsettled.get(name) ?? newJti()
    this.#unsettled.set(name, jti)
    let signed: SignedAnswer | undefined
    const body = async () => {
      const now = this.#connection.now()
      if (!signed || !isReusable(signed, now)) {
        const jws = await signAnswer(request, { ...deed, jti }, this.#keys, this.#account, now)
        signed = { jws, at: now }
      }
      return { answer: signed.jws }
    }
    const target = `/challenges/${encodeURIComponent(request.challengeId)}/answer`
    for (let tries = 0; ; tries++) {
      try {
        const answered = await this.#send({ method: 'POST', target, body })
        this.#unsettled.delete(name)
        return answered as Answered
      } catch (error) {
        const isUnknown = error instanceof DeviceApiError && error.outcomeUnknown
        if (!isUnknown) this.#unsettled.delete(name)
        const delayMs = this.#retryDelaysMs[tries]
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

type Listed = { readonly id: string; readonly request: string }

function isListed(item: unknown): item is Listed {
  return isObject(item) && typeof item.id === 'string' && typeof item.request === 'string'
}

/** The number in ASCII digits, which alone may be signed; throws when it is no number of that length. */
function digitsOf(typed: string, digits: number): string {
  const number = plainTyped(typed)
  if (number.length === digits && /^[0-9]+$/.test(number)) return number
  throw new RangeError(`the number has exactly ${digits} digits`)
}

function isReusable({ at }: SignedAnswer, now: Date): boolean {
  const ageMs = now.getTime() - at.getTime()
  return ageMs <= answerReuse.behindMs && ageMs >= -answerReuse.aheadMs
}

function unexpected(what: string): DeviceApiError {
  return new DeviceApiError('unexpected_response', 200, `the service answered without ${what}`)
}
