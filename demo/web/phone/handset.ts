// The phone without its screen: keys, account, push line, and the pending requests.

import { approvalNeedsVerification, type Decision } from '../../../clients/device/src/answer.ts'
import type { AnswerOutcome } from '../../../clients/device/src/answer-delivery.ts'
import type { ApprovalRequest } from '../../../clients/device/src/approval-request.ts'
import { DeviceApiError } from '../../../clients/device/src/device-api-error.ts'
import { DeviceClient } from '../../../clients/device/src/device-client.ts'
import {
  claimEnrollment,
  type DeviceDescription,
  type EnrollmentTicket,
} from '../../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../../clients/device/src/keys.ts'
import type { AcceptedPush } from '../../../simulator/pushes.ts'
import { readWakeUp } from '../../../simulator/wake-up.ts'
import type { AppSettings } from '../../page-server.ts'
import { openPushLine, type PushLine } from './push-line.ts'
import type { PhoneStorage, StoredPhone } from './storage.ts'

/** An event that the screen has to show. */
export type HandsetEvent =
  | { readonly type: 'changed' }
  | { readonly type: 'push'; readonly request: ApprovalRequest }
  | { readonly type: 'closed'; readonly challengeId: string }

export type Condition = 'empty' | 'foreign' | 'unconfirmed' | 'active' | 'unregistered'

const models: Readonly<Record<StoredPhone['look'], Omit<DeviceDescription, 'name'>>> = {
  ios: { platform: 'ios', model: 'Virtual iPhone', osVersion: '26.1', appVersion: '1.0' },
  android: { platform: 'android', model: 'Virtual Android', osVersion: '16', appVersion: '1.0' },
}

export class Handset {
  readonly phoneName: string
  readonly settings: AppSettings
  readonly #storage: PhoneStorage
  readonly #tell: (event: HandsetEvent) => void
  #stored: StoredPhone
  #client: DeviceClient | null = null
  #line: PushLine | null = null
  #requests: readonly ApprovalRequest[] = []

  constructor(
    phoneName: string,
    settings: AppSettings,
    storage: PhoneStorage,
    storedPhone: StoredPhone,
    tell: (event: HandsetEvent) => void,
  ) {
    this.phoneName = phoneName
    this.settings = settings
    this.#storage = storage
    this.#stored = storedPhone
    this.#tell = tell
    this.#openClient()
  }

  get stored(): StoredPhone {
    return this.#stored
  }

  /** The pending requests, newest first. */
  get requests(): readonly ApprovalRequest[] {
    return this.#requests
  }

  get condition(): Condition {
    const { account, isUnregistered } = this.#stored
    if (!account) return 'empty'
    if (isUnregistered) return 'unregistered'
    return account.origin === this.settings.serviceOrigin ? account.status : 'foreign'
  }

  /** The service's time, as well as this phone knows it. */
  now(): number {
    return this.machineNow() + (this.#client?.account.clockOffsetMs ?? 0)
  }

  /** The time of the phone's own clock. */
  machineNow(): number {
    return Date.now() + this.#stored.clockErrorMs
  }

  get client(): DeviceClient {
    if (this.#client) return this.#client
    throw new Error('this phone has no account')
  }

  /** Registers for pushes. */
  async connect(): Promise<void> {
    const { look, pushToken } = this.#stored
    const provider = look === 'ios' ? 'apns' : 'fcm'
    const { appId } = this.settings
    const registration = {
      provider,
      appId,
      ...(pushToken !== null && { token: pushToken }),
    } as const
    const isOnline = () => !this.#stored.isOffline
    const line = await openPushLine(registration, isOnline, (push) => {
      void this.#receive(push)
    })
    this.#line = line
    await this.change({ pushToken: line.token })
  }

  /** Claims an enrollment with new keys: a key belongs to one device permanently. */
  async enroll(ticket: EnrollmentTicket): Promise<void> {
    const { look, pushToken } = this.#stored
    const keys = await createDeviceKeys({ verification: true })
    const provider = look === 'ios' ? 'apns' : 'fcm'
    const claim = {
      ticket,
      keys,
      appId: this.settings.appId,
      device: { ...models[look], name: this.phoneName },
      ...(pushToken !== null && { push: { provider, token: pushToken } as const }),
    }
    const account = await claimEnrollment(claim, this.#world)
    await this.change({ keys, account, isUnregistered: false })
    this.#openClient()
    this.#tell({ type: 'changed' })
  }

  async confirm(number: string): Promise<void> {
    await this.#watched(() => this.client.confirm(number))
    await this.check()
  }

  /** Fetches the pending requests. */
  async check(): Promise<void> {
    if (this.condition !== 'active') return
    const { requests } = await this.#watched(() => this.client.pending())
    this.#requests = requests
    this.#tell({ type: 'changed' })
  }

  needsBiometrics(request: ApprovalRequest): boolean {
    const { keys } = this.#stored
    return keys !== null && approvalNeedsVerification(request, keys)
  }

  async answer(
    request: ApprovalRequest,
    decision: Decision,
    number: string | null,
  ): Promise<AnswerOutcome> {
    const { client } = this
    const outcome = await this.#watched(() =>
      decision === 'approve' ? client.approve(request, number) : client[decision](request),
    )
    this.forget(request.challengeId)
    return outcome
  }

  /** The challenge has ended. */
  forget(challengeId: string): void {
    this.#requests = this.#requests.filter((request) => request.challengeId !== challengeId)
  }

  /** Makes any other call of the client, and notices when the phone was unregistered. */
  call<T>(make: (client: DeviceClient) => Promise<T>): Promise<T> {
    return this.#watched(() => make(this.client))
  }

  async setOffline(isOffline: boolean): Promise<void> {
    await this.change({ isOffline })
    await this.#line?.setOnline(!isOffline).catch(() => undefined)
    if (!isOffline) await this.check().catch(() => undefined)
  }

  async change(changes: Partial<StoredPhone>): Promise<void> {
    this.#stored = { ...this.#stored, ...changes }
    await this.#storage.save(this.#stored)
    this.#tell({ type: 'changed' })
  }

  async #receive(push: AcceptedPush): Promise<void> {
    const wakeUp = readWakeUp(push)
    const isForUs = wakeUp?.deviceId === this.#stored.account?.deviceId
    if (!wakeUp || !isForUs || this.condition !== 'active') return
    const { challengeId, kind } = wakeUp
    if (kind === 'challenge_closed') {
      this.forget(challengeId)
      this.#tell({ type: 'closed', challengeId })
      return
    }
    await this.client.reportReceipt(challengeId).catch(() => undefined)
    await this.check().catch(() => undefined)
    const request = this.#requests.find((pending) => pending.challengeId === challengeId)
    if (request) this.#tell({ type: 'push', request })
  }

  #openClient(): void {
    const { account, keys } = this.#stored
    if (!account || !keys) return
    const onAccountChange = (newAccount: typeof account) =>
      void this.change({ account: newAccount })
    this.#client = new DeviceClient({ account, keys, onAccountChange, ...this.#world })
  }

  async #watched<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      if (error instanceof DeviceApiError && error.code === 'device_unregistered') {
        await this.change({ isUnregistered: true })
      }
      throw error
    }
  }

  /**
   * The phone speaks to the service's public origin and signs for it; in between the demo's server
   * is a reverse proxy, because a browser lets this page call its own origin only, and the service,
   * made for apps, sends no CORS headers.
   */
  get #world() {
    const { serviceOrigin } = this.settings
    return {
      now: () => this.machineNow(),
      fetch: async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
        const url = new URL(String(input))
        if (this.#stored.isOffline) throw new TypeError('the phone is offline')
        if (url.origin !== serviceOrigin) throw new TypeError(`${url.origin} is out of reach`)
        const response = await fetch(url.pathname + url.search, init)
        // The reverse proxy's status for an unreachable service.
        if (response.status === 502) throw new TypeError('the service does not answer')
        return response
      },
    }
  }
}
