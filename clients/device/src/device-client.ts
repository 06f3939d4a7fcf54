import type { DeviceAccount } from './account.ts'
import { AnswerDelivery, type AnswerOutcome } from './answer-delivery.ts'
import type { ApprovalRequest } from './approval-request.ts'
import { isObject } from './compact-jws.ts'
import { type Call, Connection, type Prover, type World } from './connection.ts'
import { DeviceApiError, unexpectedResponse } from './device-api-error.ts'
import type { DeviceChanges, PushRegistration } from './enrollment.ts'
import { isKeyReplaced, rotationBody, withNewKey } from './key-rotation.ts'
import { followLinks } from './key-set.ts'
import type { DeviceKey, DeviceKeys, KeyRole } from './keys.ts'
import {
  isListedRequest,
  type ListedRequest,
  type Pending,
  type PendingWait,
  readPending,
} from './pending-requests.ts'
import { digitsIn } from './typed-text.ts'
import type {
  ActivityPage,
  DeviceDetails,
  EnrollmentDetails,
  NotificationPreferences,
  OpenedEnrollment,
  OwnDetails,
  PageRequest,
  PushReport,
} from './views.ts'

export type DeviceClientOptions = World & {
  readonly account: DeviceAccount
  readonly keys: DeviceKeys
  /** Called whenever the account must be stored again. */
  readonly onAccountChange?: (account: DeviceAccount) => void
  /** Pauses before an answer with unknown outcome is sent again, in milliseconds. */
  readonly retryDelaysMs?: readonly number[]
}

type Signer = Pick<Prover, 'key' | 'passkey'>

/**
 * One device of one account. Every method throws DeviceApiError when the service refuses the call.
 */
export class DeviceClient {
  #keys: DeviceKeys
  readonly #connection: Connection
  readonly #onAccountChange: (account: DeviceAccount) => void
  readonly #answers: AnswerDelivery
  #account: DeviceAccount

  constructor(options: DeviceClientOptions) {
    this.#account = options.account
    this.#keys = options.keys
    this.#onAccountChange = options.onAccountChange ?? (() => undefined)
    this.#connection = new Connection(
      options.account.origin,
      options,
      options.account.clockOffsetMs,
      (clockOffsetMs) => this.#change({ clockOffsetMs }),
    )
    this.#answers = new AnswerDelivery({
      account: options.account,
      keys: () => this.#keys,
      retryDelaysMs: options.retryDelaysMs ?? [250, 1000],
      now: () => this.#connection.now(),
      getAssertion: options.getAssertion,
      send: (challengeId, body) => {
        const target = `/challenges/${encodeURIComponent(challengeId)}/answer`
        return this.#send({ method: 'POST', target, body })
      },
    })
  }

  /** The account as it is now. */
  get account(): DeviceAccount {
    return this.#account
  }

  /** The keys as they are now: `rotateKey` replaces one. */
  get keys(): DeviceKeys {
    return this.#keys
  }

  /**
   * Makes the new device active with the typed number from the sign-in page. A wrong number
   * (`wrong_number`, `wrongNumbersLeft`) costs an attempt; with the last one the enrollment is
   * void. Rejects with a RangeError, without costing an attempt, when the text cannot be the
   * number.
   */
  async confirm(typedNumber: string): Promise<void> {
    const number = digitsIn(typedNumber, this.#account.confirmationDigits ?? 6)
    await this.#call('POST', '/enrollments/confirm', { number }).catch((error: unknown) => {
      // The number was right, and its response was lost.
      const isActive = error instanceof DeviceApiError && error.code === 'device_not_pending'
      if (!isActive) throw error
    })
    this.#change({ status: 'active', confirmationDigits: null })
  }

  /**
   * This device's pending requests, newest first, each verified; for an unknown key the key set is
   * refreshed once. Waits up to `waitSeconds` (at most 10) while they are those whose `state` is
   * `after`, or while there are none.
   */
  async pending({ waitSeconds = 0, after }: PendingWait = {}): Promise<Pending> {
    const query = new URLSearchParams({ wait: String(waitSeconds), ...(after && { after }) })
    const search = waitSeconds > 0 ? `?${query}` : ''
    const answer = await this.#call('GET', `/challenges${search}`)
    if (!isObject(answer) || !Array.isArray(answer.items))
      throw unexpectedResponse('a list of challenges')
    this.#connection.learnTime(answer.serverTime)
    const items = answer.items.filter(isListedRequest)
    const state = typeof answer.state === 'string' ? answer.state : null
    const first = await this.#readAll(items, state)
    if (!first.refusedRequests.some(({ fault }) => fault === 'key_unknown')) return first
    // When the new keys cannot be fetched, the requests stay refused as `key_unknown`.
    const isRenewed = await this.refreshKeySet().catch(() => false)
    return isRenewed ? this.#readAll(items, state) : first
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
    const number = digits === null ? null : digitsIn(typedNumber ?? '', digits)
    return this.#answers.deliver(request, { decision: 'approve', number, reason })
  }

  /** Denies; needs no prompt. */
  deny(
    request: ApprovalRequest,
    { reason }: { readonly reason?: string } = {},
  ): Promise<AnswerOutcome> {
    return this.#answers.deliver(request, { decision: 'deny', reason })
  }

  /** Denies and reports "this wasn't me"; needs no prompt. */
  report(
    request: ApprovalRequest,
    { reason }: { readonly reason?: string } = {},
  ): Promise<AnswerOutcome> {
    return this.#answers.deliver(request, { decision: 'report', reason })
  }

  /** Reports that a push has arrived. */
  async reportReceipt(challengeId: string): Promise<void> {
    await this.#call('POST', `/challenges/${encodeURIComponent(challengeId)}/received`)
  }

  /** Sets the address by which the device can be woken; null removes it. */
  async setPushToken(push: PushRegistration | null): Promise<void> {
    await this.#call('PUT', '/push-token', { push })
  }

  /** The `applicationServerKey` under which a browser subscribes to pushes. */
  async webPushKey(): Promise<string> {
    const call = { method: 'GET', target: '/device/v1/web-push-key' } as const
    const answer = await this.#connection.call(call)
    if (!isObject(answer) || typeof answer.publicKey !== 'string')
      throw unexpectedResponse('a key for pushes')
    return answer.publicKey
  }

  /** This device as the service knows it, and why it may not answer where that is so. */
  async self(): Promise<OwnDetails> {
    return (await this.#call('GET', '/self')) as OwnDetails
  }

  /**
   * Reports what has changed, after each update of the app at least: with `protocolVersion`, or
   * the service goes on in the version of the enrollment.
   */
  async updateSelf(changes: DeviceChanges): Promise<DeviceDetails> {
    return (await this.#call('PATCH', '/self', changes)) as DeviceDetails
  }

  /** The last ten pushes to this device, and what would help where they do not arrive. */
  async pushes(): Promise<PushReport> {
    const report = (await this.#call('GET', '/self/pushes')) as PushReport
    this.#connection.learnTime(report.serverTime)
    return report
  }

  /** Has a harmless push sent to this device; `pushes` shows what became of it. */
  async testPush(): Promise<{ readonly id: string }> {
    return (await this.#call('POST', '/self/test-push')) as { readonly id: string }
  }

  /** Tells that a test push has arrived: `pid` of its payload. */
  async reportTestPush(pushId: string): Promise<void> {
    await this.#call('POST', `/pushes/${encodeURIComponent(pushId)}/received`)
  }

  /**
   * Replaces one of this device's keys by a new one (`createDeviceKey`), and returns the keys from
   * now on. Needs the verification key: ask for biometrics or PIN. Store the new key before, and
   * delete the old one only afterwards: when the outcome is unknown (`outcomeUnknown`), call it
   * again with the same key. The device is not attested any more; a tenant that requires that
   * refuses (`attestation_missing`).
   */
  async rotateKey(role: KeyRole, key: DeviceKey): Promise<DeviceKeys> {
    const caller = this.#verifier('replace a key')
    if (role === 'verification' && caller.passkey) throw new Error('a passkey is not replaced')
    const oldKey = role === 'verification' ? caller.key : this.#keys.possession
    const newKey = { role, key, replaces: oldKey.kid }
    const body = () => rotationBody(newKey, this.#account, this.#connection.now())
    const call = { method: 'POST', target: '/self/keys', body } as const
    await this.#send(call, caller).catch((error: unknown) => {
      if (caller.key !== oldKey || !isKeyReplaced(error)) throw error
      // The key was replaced, and the response was lost: the new one makes the same call.
      return this.#send(call, { ...caller, key })
    })
    this.#keys = withNewKey(this.#keys, newKey)
    return this.#keys
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
    const key = this.#verifier('unregister another')
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
    const key = this.#verifier('enroll the next phone')
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
    const key = this.#verifier('pause pushes')
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
    const key = this.#verifier('choose notifications')
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

  async #readAll(items: readonly ListedRequest[], state: string | null): Promise<Pending> {
    const { keySet, issuer, tenant, deviceId, user } = this.#account
    const now = this.#connection.now()
    const read = await readPending(items, {
      keySet,
      issuer,
      tenantId: tenant.id,
      deviceId,
      userId: user.id,
      now,
    })
    return { ...read, state }
  }

  /** For calls that the person confirms by biometrics or PIN. */
  #verifier(purpose: string): Signer {
    const { possession, verification, passkey } = this.#keys
    if (verification) return { key: verification }
    if (passkey) return { key: possession, passkey }
    throw new Error(`only a device with a verification key can ${purpose}`)
  }

  #call(method: Call['method'], target: string, body?: unknown): Promise<unknown> {
    return this.#send({ method, target, ...(body !== undefined && { body: () => body }) })
  }

  #send(
    call: Omit<Call, 'prover'>,
    signer: Signer = { key: this.#keys.possession },
  ): Promise<unknown> {
    const { tenant, deviceId } = this.#account
    const prover = { tenantId: tenant.id, deviceId, ...signer }
    return this.#connection.call({ ...call, target: `/device/v1${call.target}`, prover })
  }

  #change(changes: Partial<DeviceAccount>): void {
    this.#account = { ...this.#account, ...changes }
    this.#onAccountChange(this.#account)
  }
}
