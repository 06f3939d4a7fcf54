// Whom to serve first: callers that have authenticated of late at once, strangers in turns, so that no stranger makes anybody wait.

import ipaddr from 'ipaddr.js'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { Turns } from '../ports/turns.ts'

/**
 * What is judged: which judgement, and all that it looks at. The kind keeps judgements apart, or whoever shows one thing where
 * another belongs would be handed what that is worth.
 */
export type Shown = readonly [
  kind: 'api_key' | 'door' | 'portal_session' | 'realm_door' | 'signing_keys',
  ...parts: readonly (string | null)[],
]

export type Admission = {
  /**
   * Judges who calls from this address, or what they show (a code, a link), at once or in the turn of its network. Whoever is not
   * refused is known from then on. Calls of an address that wait and show the same share one turn and one judgement; null shares
   * none.
   */
  judge<T>(
    address: string,
    shown: Shown | null,
    work: () => Promise<T | Refusal>,
  ): Promise<T | Refusal>
  /** The same for what says nothing about the caller: it makes nobody known. */
  lookUp<T>(address: string, shown: Shown, work: () => Promise<T | Refusal>): Promise<T | Refusal>
  /**
   * Judges a token of a realm, for whose keys we may have to ask the realm: in a line of each integration, never in one with others,
   * and with places left for other tenants.
   */
  judgeToken<T>(
    address: string,
    of: { readonly tenantId: string; readonly integration: string },
    work: () => Promise<T | Refusal>,
  ): Promise<T | Refusal>
  /** Does what a device asks, whose proof is judged by the work itself; `isBelieved` says so afterwards. */
  serveDevice<T>(
    address: string,
    work: () => Promise<T>,
    isBelieved: () => boolean,
  ): Promise<T | Refusal>
}

export type AdmissionNeeds = {
  /** For those who show something that has yet to be looked up, and for what everybody may ask. */
  readonly strangers: Turns
  /** For devices: a phone is at another address each time, and should not wait behind the former. */
  readonly devices: Turns
  /** For tokens whose signature has yet to be verified. */
  readonly tokens: Turns
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

/** How long an address is known after it has authenticated. */
export const knownForMs = 60_000
/** Addresses that are known at once; the one that was quiet for the longest time is forgotten first. */
export const knownMax = 10_000
/** So often an address that goes on authenticating is noted anew. */
const notedEveryMs = 5_000

type Parsed = ipaddr.IPv4 | ipaddr.IPv6

function prefix(address: Parsed, bits: number): string {
  return address instanceof ipaddr.IPv4
    ? `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)}`
    : `${ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`).toNormalizedString()}`
}

/** The network whose callers wait in one line: nobody gets more turns by more addresses in an IPv4 /24 or an IPv6 /48. */
function lineOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address)
  return prefix(parsed, parsed.kind() === 'ipv4' ? 24 : 48)
}

/** What is known of an authenticated caller: the IPv4 address, or the IPv6 /64, in which a machine changes its address at will. */
function sourceOf(address: string): string {
  return address.includes(':') && ipaddr.isValid(address)
    ? prefix(ipaddr.process(address), ipaddr.process(address).kind() === 'ipv4' ? 32 : 64)
    : address
}

/** Addresses that have authenticated of late. */
class Acquaintances {
  readonly #since = new Map<string, number>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  has(source: string): boolean {
    const since = this.#since.get(source)
    return since !== undefined && this.#now() - since < knownForMs
  }

  add(source: string): void {
    const since = this.#since.get(source)
    if (since !== undefined && this.#now() - since < notedEveryMs) return
    this.#since.delete(source)
    this.#since.set(source, this.#now())
    const [oldest] = this.#since.size > knownMax ? this.#since.keys() : []
    if (oldest !== undefined) this.#since.delete(oldest)
  }
}

/** Admission for one process. */
export function createAdmission({
  strangers,
  devices,
  tokens,
  now = () => performance.now(),
}: AdmissionNeeds): Admission {
  const known = new Acquaintances(now)
  const waiting = new Map<string, Promise<unknown>>()

  function inTurn<T>(address: string, shown: Shown | null, work: () => Promise<T | Refusal>) {
    if (shown === null) return strangers.take(lineOf(address), work)
    const call = JSON.stringify([address, ...shown])
    const same = waiting.get(call) as Promise<T | Refusal> | undefined
    if (same !== undefined) return same
    const done = strangers.take(lineOf(address), work)
    const shared = done.finally(() => waiting.delete(call))
    waiting.set(call, shared)
    return shared
  }

  async function noting<T>(source: string, judged: Promise<T | Refusal>): Promise<T | Refusal> {
    const outcome = await judged
    if (!isRefusal(outcome)) known.add(source)
    return outcome
  }

  return {
    judge: (address, shown, work) => {
      const source = sourceOf(address)
      return noting(source, known.has(source) ? work() : inTurn(address, shown, work))
    },
    lookUp: (address, shown, work) =>
      known.has(sourceOf(address)) ? work() : inTurn(address, shown, work),
    judgeToken: (address, { tenantId, integration }, work) => {
      const source = sourceOf(address)
      if (known.has(source)) return noting(source, work())
      return noting(source, tokens.take(integration, work, { holder: tenantId }))
    },
    async serveDevice(address, work, isBelieved) {
      const source = sourceOf(address)
      const outcome = await (known.has(source) ? work() : devices.take(lineOf(address), work))
      if (!isRefusal(outcome) && isBelieved()) known.add(source)
      return outcome
    },
  }
}
