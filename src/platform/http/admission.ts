// Admission control: recently authenticated callers are served immediately, unauthenticated clients
// through a fair queue, so that no unauthenticated client makes anybody wait.

import ipaddr from 'ipaddr.js'
import { isRefusal, type Refusal } from '../../domain/refusal.ts'
import type { FairQueue } from '../fair-queue.ts'

/**
 * Key of a check: its kind, and everything that the check reads. The kind keeps checks apart;
 * otherwise a client that presents one credential in place of another would receive the result of
 * the other check.
 */
export type CheckKey = readonly [
  kind:
    | 'api_key'
    | 'door'
    | 'oidc'
    | 'portal_session'
    | 'portal_entrance'
    | 'realm_door'
    | 'signing_keys'
    | 'logo'
    | 'web_push_key',
  ...parts: readonly (string | null)[],
]

export type Admission = {
  /**
   * Authenticates the caller at this address, or checks what it presents (a code, a link):
   * immediately, or in the queue of its network. An address that is not refused counts as recently
   * authenticated from then on. Waiting calls of one address with the same key share one slot and
   * one check; null shares none.
   */
  authenticate<T>(
    address: string,
    checkKey: CheckKey | null,
    work: () => Promise<T>,
  ): Promise<T | Refusal<'too_many_requests'>>
  /**
   * The same for checks that say nothing about the caller: no address counts as recently
   * authenticated by them.
   */
  lookUp<T>(
    address: string,
    checkKey: CheckKey,
    work: () => Promise<T>,
  ): Promise<T | Refusal<'too_many_requests'>>
  /**
   * Verifies a token of a realm, whose keys may have to be fetched from the realm: in a queue of
   * each integration, never in one with others, and with slots left for other tenants.
   */
  authenticateToken<T>(
    address: string,
    owner: { readonly tenantId: string; readonly integration: string },
    work: () => Promise<T>,
  ): Promise<T | Refusal<'too_many_requests'>>
  /**
   * The same for a token that says nothing about the caller: no address counts as recently
   * authenticated by it.
   */
  lookUpToken<T>(
    owner: { readonly tenantId: string; readonly integration: string },
    work: () => Promise<T>,
  ): Promise<T | Refusal<'too_many_requests'>>
  /**
   * Serves a call of a device, whose proof the work itself verifies; `isVerified` reports the
   * result afterwards.
   */
  serveDevice<T>(
    address: string,
    work: () => Promise<T>,
    isVerified: () => boolean,
  ): Promise<T | Refusal<'too_many_requests'>>
}

export type AdmissionDependencies = {
  /**
   * For clients whose credentials have yet to be looked up, and for calls that everybody may make.
   */
  readonly clientQueue: FairQueue
  /**
   * For devices: a phone has another address each time, and should not wait behind unauthenticated
   * clients.
   */
  readonly deviceQueue: FairQueue
  /** For tokens whose signature has yet to be verified. */
  readonly tokenQueue: FairQueue
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** How long an address counts as recently authenticated. */
export const recentAddressTtlMs = 60_000
/**
 * Addresses that are remembered at a time; the one that was quiet for the longest time is evicted
 * first.
 */
export const recentAddressesMax = 10_000
/** How often the entry of an address that goes on authenticating is refreshed. */
const refreshEveryMs = 5_000

type ParsedAddress = ipaddr.IPv4 | ipaddr.IPv6

function prefix(address: ParsedAddress, bits: number): string {
  return address instanceof ipaddr.IPv4
    ? `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)}`
    : `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`).toNormalizedString()}`
}

/**
 * The network whose callers share one queue: more addresses in an IPv4 /24 or an IPv6 /48 give
 * nobody more slots.
 */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsedAddress = ipaddr.process(address)
  return prefix(parsedAddress, parsedAddress.kind() === 'ipv4' ? 24 : 48)
}

/**
 * What is remembered of an authenticated caller: the IPv4 address, or the IPv6 /64, in which a
 * machine changes its address at will.
 */
function sourceOf(address: string): string {
  return address.includes(':') && ipaddr.isValid(address)
    ? prefix(ipaddr.process(address), ipaddr.process(address).kind() === 'ipv4' ? 32 : 64)
    : address
}

/** Recently authenticated addresses. */
class RecentAddresses {
  readonly #since = new Map<string, number>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  has(source: string): boolean {
    const since = this.#since.get(source)
    return since !== undefined && this.#now() - since < recentAddressTtlMs
  }

  add(source: string): void {
    const since = this.#since.get(source)
    if (since !== undefined && this.#now() - since < refreshEveryMs) return
    this.#since.delete(source)
    this.#since.set(source, this.#now())
    const [oldest] = this.#since.size > recentAddressesMax ? this.#since.keys() : []
    if (oldest !== undefined) this.#since.delete(oldest)
  }
}

/** Admission for one process. */
export function buildAdmission({
  clientQueue: strangers,
  deviceQueue: devices,
  tokenQueue: tokens,
  now = () => performance.now(),
}: AdmissionDependencies): Admission {
  const recentAddresses = new RecentAddresses(now)
  const waiting = new Map<string, Promise<unknown>>()

  function enqueue<T>(
    address: string,
    checkKey: CheckKey | null,
    work: () => Promise<T>,
  ): Promise<T | Refusal<'too_many_requests'>> {
    if (checkKey === null) return strangers.run(networkOf(address), work)
    const call = JSON.stringify([address, ...checkKey])
    const same = waiting.get(call) as Promise<T> | undefined
    if (same !== undefined) return same
    const result = strangers.run(networkOf(address), work)
    const sharedResult = result.finally(() => waiting.delete(call))
    waiting.set(call, sharedResult)
    return sharedResult
  }

  async function remember<T>(source: string, check: Promise<T>): Promise<T> {
    const outcome = await check
    if (!isRefusal(outcome)) recentAddresses.add(source)
    return outcome
  }

  return {
    authenticate: (address, checkKey, work) => {
      const source = sourceOf(address)
      return remember(
        source,
        recentAddresses.has(source) ? work() : enqueue(address, checkKey, work),
      )
    },
    lookUp: (address, checkKey, work) =>
      recentAddresses.has(sourceOf(address)) ? work() : enqueue(address, checkKey, work),
    authenticateToken: (address, { tenantId, integration }, work) => {
      const source = sourceOf(address)
      if (recentAddresses.has(source)) return remember(source, work())
      return remember(source, tokens.run(integration, work, { holder: tenantId }))
    },
    lookUpToken: ({ tenantId, integration }, work) =>
      tokens.run(integration, work, { holder: tenantId }),
    async serveDevice(address, work, isVerified) {
      const source = sourceOf(address)
      const outcome = await (recentAddresses.has(source)
        ? work()
        : devices.run(networkOf(address), work))
      if (!isRefusal(outcome) && isVerified()) recentAddresses.add(source)
      return outcome
    },
  }
}
