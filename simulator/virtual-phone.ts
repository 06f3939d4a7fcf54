// A phone without a screen: its caller acts as the user. For demo, benchmark and tests.

import type { DeviceAccount } from '../clients/device/src/account.ts'
import type { AnswerOutcome } from '../clients/device/src/answer-delivery.ts'
import type { ApprovalRequest } from '../clients/device/src/approval-request.ts'
import type { World } from '../clients/device/src/connection.ts'
import { DeviceClient } from '../clients/device/src/device-client.ts'
import {
  claimEnrollment,
  type DeviceDescription,
  type EnrollmentTicket,
  readEnrollmentUri,
} from '../clients/device/src/enrollment.ts'
import { createDeviceKeys, type DeviceKeys } from '../clients/device/src/keys.ts'
import type { Pending } from '../clients/device/src/pending-requests.ts'
import type { PushService } from './push-service.ts'
import type { Provider } from './pushes.ts'
import { readWakeUp, type WakeUp } from './wake-up.ts'

export type VirtualPhoneOptions = {
  readonly pushes: PushService
  readonly provider: Provider
  /** Bundle id or package name of the app. */
  readonly appId: string
  /** Its name. */
  readonly name: string
  /** Whether it has a key for biometrics or PIN; true by default. */
  readonly verification?: boolean
  /** What its person reads, a tag of BCP 47. */
  readonly language?: string
  readonly fetch?: typeof fetch
}

/** A phone with one account. Refusals of the service reject with DeviceApiError. */
export class VirtualPhone {
  readonly name: string
  readonly pushToken: string
  /** Receives every push; call the result to stop. */
  readonly onPush: Inbox['onPush']
  /**
   * The next push that opens a challenge, of this challenge when an id is given; each is returned
   * once.
   */
  readonly nextPush: Inbox['next']
  readonly #options: VirtualPhoneOptions
  readonly #keys: DeviceKeys
  #client: DeviceClient | undefined
  #fetched: readonly ApprovalRequest[] = []

  constructor(options: VirtualPhoneOptions, pushToken: string, keys: DeviceKeys) {
    this.name = options.name
    this.pushToken = pushToken
    this.#options = options
    this.#keys = keys
    const inbox = openInbox(options.pushes, pushToken)
    this.onPush = inbox.onPush
    this.nextPush = inbox.next
  }

  /**
   * The device's side of the protocol, for calls without a shorthand here. Throws before the phone
   * is enrolled.
   */
  get client(): DeviceClient {
    if (this.#client) return this.#client
    throw new Error(`${this.name} has no account yet: call enroll first`)
  }

  /** Claims an enrollment: the text of a QR code, or a typed code. */
  async enroll(codeOrTicket: string | EnrollmentTicket): Promise<DeviceAccount> {
    const ticket = typeof codeOrTicket === 'string' ? readEnrollmentUri(codeOrTicket) : codeOrTicket
    if (!ticket) throw new Error(`${codeOrTicket} is no enrollment link`)
    const { appId, provider, language } = this.#options
    const push = { provider, token: this.pushToken }
    const device = { ...describe(this.name, provider), ...(language && { language }) }
    const claim = { ticket, keys: this.#keys, appId, device, push }
    const account = await claimEnrollment(claim, this.#world)
    this.#client = new DeviceClient({ account, keys: this.#keys, ...this.#world })
    return account
  }

  /** Types the number of the enrollment page. */
  confirm(number: string): Promise<void> {
    return this.client.confirm(number)
  }

  /** Fetches the pending requests. */
  async pending(): Promise<Pending> {
    const pending = await this.client.pending()
    this.#fetched = pending.requests
    return pending
  }

  /**
   * Approves the request, or else the newest of the last fetch; null where there is no number to
   * type.
   */
  async approve(number: string | null, request = this.#newest()): Promise<AnswerOutcome> {
    return this.client.approve(request, number)
  }

  async deny(request = this.#newest()): Promise<AnswerOutcome> {
    return this.client.deny(request)
  }

  async report(request = this.#newest()): Promise<AnswerOutcome> {
    return this.client.report(request)
  }

  /**
   * The phone is lost: no push reaches it. Anyone who finds it can still try to answer with its
   * keys.
   */
  lose(): Promise<void> {
    return this.#options.pushes.setOnline(this.pushToken, false)
  }

  get #world(): World {
    const { fetch, language } = this.#options
    return { ...(fetch && { fetch }), ...(language && { language }) }
  }

  #newest(): ApprovalRequest {
    const [first] = this.#fetched
    if (first) return first
    throw new Error(`${this.name} has fetched no request: call pending first`)
  }
}

/**
 * Creates a phone: its keys and its push token, once. It has no timers; without pushes and calls it
 * does nothing.
 */
export async function createVirtualPhone(options: VirtualPhoneOptions): Promise<VirtualPhone> {
  const { pushes, provider, appId, verification = true } = options
  const [pushToken, keys] = await Promise.all([
    pushes.register({ provider, appId }),
    createDeviceKeys({ verification }),
  ])
  return new VirtualPhone(options, pushToken, keys)
}

/** Unread pushes; the oldest is dropped beyond this many. */
const unreadMax = 100

function describe(name: string, provider: Provider): DeviceDescription {
  return provider === 'apns'
    ? { name, platform: 'ios', model: 'Virtual iPhone', osVersion: '26', appVersion: '1.0' }
    : { name, platform: 'android', model: 'Virtual Android', osVersion: '16', appVersion: '1.0' }
}

type Waiter = {
  readonly challengeId: string | undefined
  readonly resolve: (wakeUp: WakeUp) => void
}

type Inbox = {
  readonly onPush: (listener: (wakeUp: WakeUp) => void) => () => void
  readonly next: (challengeId?: string) => Promise<WakeUp>
}

/** The pushes of one token: passed to listeners, and kept until they are read. */
function openInbox(pushes: PushService, token: string): Inbox {
  const listeners = new Set<(wakeUp: WakeUp) => void>()
  const waiters: Waiter[] = []
  const unread: WakeUp[] = []

  const keep = (wakeUp: WakeUp): void => {
    const index = waiters.findIndex((waiter) => fits(wakeUp, waiter.challengeId))
    const [waiter] = index < 0 ? [] : waiters.splice(index, 1)
    if (waiter) {
      waiter.resolve(wakeUp)
      return
    }
    unread.push(wakeUp)
    if (unread.length > unreadMax) unread.shift()
  }
  pushes.listen(token, (push) => {
    const wakeUp = readWakeUp(push)
    if (!wakeUp) return
    for (const listener of listeners) listener(wakeUp)
    if (wakeUp.kind === 'challenge_opened') keep(wakeUp)
  })
  return {
    onPush: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    next: (challengeId) => {
      const index = unread.findIndex((wakeUp) => fits(wakeUp, challengeId))
      const [receivedPush] = index < 0 ? [] : unread.splice(index, 1)
      if (receivedPush) return Promise.resolve(receivedPush)
      return new Promise((resolve) => waiters.push({ challengeId, resolve }))
    },
  }
}

function fits(wakeUp: WakeUp, challengeId: string | undefined): boolean {
  return challengeId === undefined || wakeUp.challengeId === challengeId
}
