import { type DecidedChallenge, decisionOf, type WaitOptions } from './decision.ts'
import type {
  AnswerTo,
  CallOptions,
  Method,
  OperationAt,
  Request,
  Route,
  Schemas,
} from './operations.ts'
import { RefusedCall, refusalIn } from './refused-call.ts'
import { callWithRetry } from './retry.ts'

const callTimeoutMs = 10_000
const createRetryMs = 15_000

/** The address of the service, and the API key to call it with. */
export type ClientOptions = {
  /** Scheme, host and port, as in `https://countersign.example`. */
  readonly origin: string
  /**
   * The API key of the relying party. Keep it on a server: anyone who has it can ask in your name.
   */
  readonly apiKey: string
  /** Milliseconds for a call that waits for nothing; 10,000 by default. */
  readonly timeoutMs?: number
  /** Another `fetch`, for proxies and tests. */
  readonly fetch?: typeof fetch
}

/** A call ready to be sent. */
type CallRequest = CallOptions & {
  readonly path?: unknown
  readonly query?: unknown
  readonly body?: unknown
  readonly idempotencyKey?: string
}

/** The server API of one Countersign installation, called as one relying party. */
export class CountersignClient {
  readonly #origin: string
  readonly #apiKey: string
  readonly #timeoutMs: number
  readonly #fetch: typeof fetch

  /** Throws TypeError when `origin` is not an origin. */
  constructor({ origin, apiKey, timeoutMs = callTimeoutMs, fetch: fetchOption }: ClientOptions) {
    this.#origin = originOf(origin)
    this.#apiKey = apiKey
    this.#timeoutMs = timeoutMs
    this.#fetch = fetchOption ?? ((...request) => fetch(...request))
  }

  /**
   * Makes one call and resolves to its response; placeholders such as `{id}` in the route are
   * filled in from `path`. Rejects with RefusedCall on any failure, or with the signal's reason.
   * Nothing is retried: `createChallenge` and `waitForDecision` do that.
   */
  call<M extends Method, R extends Route<M>>(
    method: M,
    route: R,
    ...[request]: Record<never, never> extends Request<OperationAt<M, R>>
      ? [request?: Request<OperationAt<M, R>>]
      : [request: Request<OperationAt<M, R>>]
  ): Promise<AnswerTo<OperationAt<M, R>>> {
    return this.#send(method, route, request ?? {}) as Promise<AnswerTo<OperationAt<M, R>>>
  }

  /**
   * Asks a user. Sends an Idempotency-Key, and while there is no response or the service is
   * unavailable the call is retried for up to 15 seconds: however often, there is one challenge.
   * Rejects with RefusedCall.
   */
  createChallenge(
    challenge: Schemas['NewChallenge'],
    options: CallOptions & { readonly idempotencyKey?: string } = {},
  ): Promise<Schemas['CreatedChallenge']> {
    const request = {
      idempotencyKey: crypto.randomUUID(),
      ...options,
      body: challenge,
    }
    return callWithRetry(() => this.call('POST', '/v1/challenges', request), {
      retryForMs: createRetryMs,
      signal: options.signal,
    })
  }

  /**
   * Waits until the challenge has ended and resolves to its last state, with the signed result:
   * pass that to a ResultVerifier. Retries through network failures and 5xx responses for as long
   * as the challenge lives, at the pace that `Retry-After` asks for. Rejects with RefusedCall, or
   * with the signal's reason.
   */
  waitForDecision(challengeId: string, options: WaitOptions = {}): Promise<DecidedChallenge> {
    const read = (wait: number, signal?: AbortSignal) =>
      this.call('GET', '/v1/challenges/{id}', {
        path: { id: challengeId },
        query: { wait },
        ...(signal && { signal }),
      })
    return decisionOf(read, options)
  }

  async #send(method: string, route: string, request: CallRequest): Promise<unknown> {
    const { signal, body, idempotencyKey } = request
    const url = this.#origin + fillPath(route, request.path) + queryOf(request.query)
    const timeout = AbortSignal.timeout(
      request.timeoutMs ?? this.#timeoutMs + waitMsOf(request.query),
    )
    signal?.throwIfAborted()
    try {
      const response = await this.#fetch(url, {
        method,
        headers: {
          accept: 'application/json, application/problem+json',
          authorization: `Bearer ${this.#apiKey}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        // Never follow a redirect: only the service may get the key.
        redirect: 'manual',
      })
      return answerIn(response, await response.text())
    } catch (cause) {
      if (cause instanceof RefusedCall) throw cause
      signal?.throwIfAborted()
      const [code, message] = timeout.aborted
        ? (['timed_out', 'The service did not respond in time.'] as const)
        : (['unreachable', 'The service does not respond.'] as const)
      throw new RefusedCall(0, code, message, { cause })
    }
  }
}

function answerIn(response: Response, text: string): unknown {
  if (!response.ok) throw refusalIn(response, text)
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new RefusedCall(response.status, 'unexpected_response', 'The response is not JSON.', {
      cause,
    })
  }
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin
  throw new TypeError(`not an origin such as https://countersign.example: ${text}`)
}

/** Fills in the placeholders of the path. */
function fillPath(route: string, path: unknown): string {
  const parts = (path ?? {}) as Readonly<Record<string, string | undefined>>
  return route.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const part = parts[name]
    // A dot alone would be resolved as a path segment and lead to another route.
    if (typeof part !== 'string' || /^\.{0,2}$/.test(part)) {
      throw new TypeError(`${name} of ${route} is missing or cannot be part of a path`)
    }
    return encodeURIComponent(part)
  })
}

function queryOf(query: unknown): string {
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== undefined)
  return entries.length === 0
    ? ''
    : `?${new URLSearchParams(entries.map(([k, v]): [string, string] => [k, String(v)]))}`
}

function waitMsOf(query: unknown): number {
  const { wait } = (query ?? {}) as { readonly wait?: unknown }
  return typeof wait === 'number' ? wait * 1000 : 0
}
