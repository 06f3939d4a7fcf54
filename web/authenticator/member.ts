// One account of this browser while the app is open: its client, and what waits for it.

import {
  type DeviceAccount,
  DeviceApiError,
  DeviceClient,
  type PendingRequest,
} from '../../clients/device/src/device.ts'
import { worldIn } from './service.ts'
import type { StoredAccount, Vault } from './vault.ts'

/** A stored account whose claim is complete. */
export type Enrolled = StoredAccount & { readonly account: DeviceAccount }

export const isEnrolled = (record: StoredAccount): record is Enrolled => record.account !== null

export class Member {
  readonly client: DeviceClient
  readonly #vault: Vault
  #stored: Enrolled
  requests: readonly PendingRequest[] = []
  refusedCount = 0
  checkedAt: number | null = null
  /** Why the last check failed; null when it did not. */
  trouble: unknown = null

  constructor(record: Enrolled, vault: Vault, language: string) {
    this.#stored = record
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

  /** The service's time. */
  now(): number {
    return Date.now() + this.account.clockOffsetMs
  }

  /** Fetches what waits; what was fetched before stays where that fails. */
  async check(): Promise<void> {
    try {
      const { requests, refusedRequests } = await this.client.pending()
      this.requests = requests
      this.refusedCount = refusedRequests.length
      this.checkedAt = Date.now()
      this.trouble = null
    } catch (error) {
      this.trouble = error
      await this.notice(error)
    }
  }

  /** Takes note of what an error says about the device itself. */
  async notice(error: unknown): Promise<void> {
    if (!(error instanceof DeviceApiError) || error.code !== 'device_unregistered') return
    this.requests = []
    await this.#save({ endedAt: new Date().toISOString() }).catch(() => undefined)
  }

  async #save(changes: Partial<Pick<Enrolled, 'account' | 'endedAt'>>): Promise<void> {
    this.#stored = { ...this.#stored, ...changes }
    await this.#vault.put(this.#stored)
  }
}
