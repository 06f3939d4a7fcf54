// One account of this browser while the app is open: its client, and what waits for it.

import {
  type DeviceAccount,
  DeviceApiError,
  DeviceClient,
  type PendingRequest,
  protocolVersion,
} from '../../clients/device/src/device.ts'
import { appVersion, worldIn } from './service.ts'
import type { BrowserPush } from './subscription.ts'
import { describeBrowser } from './this-browser.ts'
import type { Enrolled, Vault } from './vault.ts'

export class Member {
  readonly client: DeviceClient
  readonly #vault: Vault
  readonly #onStanding: () => void
  /** Which requests were fetched last; null until then, and where the service cannot wait. */
  #state: string | null = null
  #stored: Enrolled
  requests: readonly PendingRequest[] = []
  refusedCount = 0
  checkedAt: number | null = null
  /** Why the last check failed; null when it did not. */
  trouble: unknown = null

  /** `onStanding` is called when the device has become active or has ended. */
  constructor(record: Enrolled, vault: Vault, language: string, onStanding: () => void) {
    this.#stored = record
    this.#onStanding = onStanding
    this.#vault = vault
    const { account, keys } = record
    this.client = new DeviceClient({
      account,
      keys,
      ...worldIn(language),
      onAccountChange: (next) => void this.#save({ account: next }).catch(() => undefined),
    })
  }

  get id(): string {
    return this.#stored.id
  }

  get account(): DeviceAccount {
    return this.client.account
  }

  get stored(): Enrolled {
    return this.#stored
  }

  get endedAt(): string | null {
    return this.#stored.endedAt
  }

  get isLive(): boolean {
    return this.endedAt === null && this.account.status === 'active'
  }

  /** Whether it has what verifies the person: other devices and notifications need that. */
  get canVerify(): boolean {
    return this.client.keys.passkey !== undefined
  }

  /** The service's time. */
  now(): number {
    return Date.now() + this.account.clockOffsetMs
  }

  /** Whether the service can answer when something changes, instead of at once. */
  get canWait(): boolean {
    return this.#state !== null && this.trouble === null
  }

  /**
   * Fetches what waits, at once or when it is something else; what was fetched before stays where
   * that fails.
   */
  async check({ waitSeconds = 0 }: { readonly waitSeconds?: number } = {}): Promise<void> {
    try {
      const wait = this.canWait ? { waitSeconds, after: this.#state } : {}
      const { requests, refusedRequests, state } = await this.client.pending(wait)
      this.#state = state
      this.requests = requests
      this.refusedCount = refusedRequests.length
      this.checkedAt = Date.now()
      this.trouble = null
      await this.#describe()
    } catch (error) {
      this.trouble = error
      await this.notice(error)
    }
  }

  /** Whether notifications were turned on: the service got a subscription of this browser. */
  get isRegistered(): boolean {
    return typeof this.#stored.pushEndpoint === 'string'
  }

  /** Whether the service has given up the subscription that it got; false where nobody knows. */
  async isDroppedByService(): Promise<boolean> {
    if (!this.isRegistered) return false
    return this.client.self().then(
      ({ hasPushToken }) => !hasPushToken,
      (error: unknown) => this.notice(error).then(() => false),
    )
  }

  /** Has the service push to this browser. */
  async register(push: BrowserPush): Promise<void> {
    await this.#setPush(push)
    await this.#save({ pushEndpoint: push.endpoint })
  }

  /** Has the service push no more; one that refuses the device does not push either. */
  async endPushes(): Promise<void> {
    await this.#setPush(null).catch((error: unknown) => {
      const isRefusedDevice = error instanceof DeviceApiError && [401, 403].includes(error.status)
      if (!isRefusedDevice) throw error
    })
    await this.#save({ pushEndpoint: null })
  }

  async #setPush(push: BrowserPush | null): Promise<void> {
    try {
      await this.client.setPushToken(push)
    } catch (error) {
      await this.notice(error)
      throw error
    }
  }

  /** Takes note of what an error says about the device itself. */
  async notice(error: unknown): Promise<void> {
    if (!(error instanceof DeviceApiError) || error.code !== 'device_unregistered') return
    this.requests = []
    await this.#save({ endedAt: new Date().toISOString() }).catch(() => undefined)
  }

  /** Tells the service once that another version of the app, or of the protocol, is here now. */
  async #describe(): Promise<void> {
    if (this.#stored.appVersion === appVersion) return
    const { browser, system } = describeBrowser(navigator.userAgent)
    const device = { model: browser, osVersion: system, appVersion, protocolVersion }
    await this.client.updateSelf(device)
    await this.#save({ appVersion })
  }

  async #save(changes: Partial<Omit<Enrolled, 'id' | 'keys'>>): Promise<void> {
    const { account, endedAt } = this.#stored
    this.#stored = { ...this.#stored, ...changes }
    await this.#vault.change(this.id, changes)
    const { account: next, endedAt: end } = this.#stored
    if (next.status !== account.status || end !== endedAt) this.#onStanding()
  }
}
