import type { Provider } from './pushes.ts'

/** The point of the gateway where a fault applies. */
export type FaultProvider = Provider | 'oauth' | 'web_push'

/** The request that a fault may affect: valid, authorized, just before the device is looked up. */
export type FaultRequest = {
  readonly provider: FaultProvider
  readonly token?: string
  readonly collapseId?: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The parsed JSON body; for the token endpoint its form fields. */
  readonly body: unknown
}

/**
 * The effect of a fault.
 * - `reason`: an ordinary refusal; APNs reason, FCM error code (`UNAUTHENTICATED`,
 *   `PERMISSION_DENIED`, `NOT_FOUND` and `RESOURCE_EXHAUSTED` come without `FcmError`) or OAuth
 *   error. `status` defaults to the provider's status for it; `timestamp` (ms) is APNs 410's.
 * - `delay`: answers as usual, `ms` later.
 * - `stall`: never answers. `stall_connection`: nor does anything else on that connection; new
 *   connections are unaffected.
 * - `reset`: ends the stream (HTTP/2) or the TCP connection (HTTP/1.1) with a reset. `code` is an
 *   HTTP/2 error code, default INTERNAL_ERROR (2).
 * - `close_socket`: the connection ends in the middle.
 * - `goaway`: one or two GOAWAY frames (RFC 9113, 6.8), then the request is answered as usual; on
 *   HTTP/1.1 `Connection: close`.
 * - `garbage`: an HTML page instead of JSON, status 502 by default. `empty_body`: only a status.
 * - `refuse_connection`: the next connection is closed immediately. `silent_connection`: it is
 *   accepted and TLS never begins. These two affect connections, so `token`, `collapseId` and
 *   `match` do not apply.
 * `processed` means that the gateway accepted the push before it failed to respond: an outcome that
 * a client cannot know.
 */
export type FaultEffect =
  | {
      readonly kind: 'reason'
      readonly reason: string
      readonly status?: number
      readonly retryAfterSeconds?: number
      readonly timestamp?: number
    }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'stall'; readonly processed?: boolean }
  | { readonly kind: 'stall_connection' }
  | { readonly kind: 'reset'; readonly processed?: boolean; readonly code?: number }
  | { readonly kind: 'close_socket'; readonly processed?: boolean }
  | { readonly kind: 'goaway'; readonly phases: 1 | 2; readonly reason?: string }
  | { readonly kind: 'garbage'; readonly status?: number }
  | { readonly kind: 'empty_body'; readonly status: number }
  | { readonly kind: 'refuse_connection' }
  | { readonly kind: 'silent_connection' }

/**
 * A fault and its filter; faults are tried in the order they were added, and at most one applies to
 * a request.
 */
export type Fault = FaultEffect & {
  readonly provider: FaultProvider
  /** How many requests it affects; 1 by default. */
  readonly times?: number | 'always'
  readonly token?: string
  readonly collapseId?: string
  readonly match?: (request: FaultRequest) => boolean
}

/** A handle of a fault: reads how often it still applies, or removes it. */
export type FaultHandle = { remaining(): number; remove(): void }

type Entry = { readonly fault: Fault; timesLeft: number }

function isConnectionFault(fault: Fault): boolean {
  return fault.kind === 'refuse_connection' || fault.kind === 'silent_connection'
}

function hits(fault: Fault, request: FaultRequest): boolean {
  return (
    !isConnectionFault(fault) &&
    fault.provider === request.provider &&
    (fault.token === undefined || fault.token === request.token) &&
    (fault.collapseId === undefined || fault.collapseId === request.collapseId) &&
    (fault.match === undefined || fault.match(request))
  )
}

/** The faults that are set up. */
export class Faults {
  readonly #entries = new Set<Entry>()

  /** Sets up a fault. Throws when `times` is not a positive integer or `'always'`. */
  add(fault: Fault): FaultHandle {
    const timesLeft = fault.times === 'always' ? Number.POSITIVE_INFINITY : (fault.times ?? 1)
    if (
      !(timesLeft === Number.POSITIVE_INFINITY || (Number.isInteger(timesLeft) && timesLeft > 0))
    ) {
      throw new Error("fault: times must be a positive integer or 'always'")
    }
    const entry = { fault, timesLeft }
    this.#entries.add(entry)
    return {
      remaining: () => (this.#entries.has(entry) ? entry.timesLeft : 0),
      remove: () => void this.#entries.delete(entry),
    }
  }

  /** Removes all faults; requests that already stall go on stalling until their connection ends. */
  clear(): void {
    this.#entries.clear()
  }

  /**
   * For the gateways: whether any fault is set up; lets the hot path skip describing the request.
   */
  get empty(): boolean {
    return this.#entries.size === 0
  }

  /** For the gateways: the fault for this request, decremented by one. */
  take(request: FaultRequest): Fault | undefined {
    return this.#use((fault) => hits(fault, request))
  }

  /**
   * For the gateways: the fault for a new connection at one of these points, decremented by one.
   */
  takeConnection(providers: readonly FaultProvider[]): Fault | undefined {
    return this.#use((fault) => isConnectionFault(fault) && providers.includes(fault.provider))
  }

  #use(matches: (fault: Fault) => boolean): Fault | undefined {
    for (const entry of this.#entries) {
      if (!matches(entry.fault)) continue
      entry.timesLeft -= 1
      if (entry.timesLeft <= 0) this.#entries.delete(entry)
      return entry.fault
    }
    return undefined
  }
}
