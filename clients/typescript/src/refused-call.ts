import type { components } from './generated/server-api.ts'

type Problem = components['schemas']['Problem']

/**
 * Why a call was refused: a code of the service, or one of the three of this client. A newer
 * service may have codes that this client has no name for.
 */
export type RefusalCode =
  | Problem['code']
  /** There was no response, or the connection broke. */
  | 'unreachable'
  /** The response did not come within `timeoutMs`. */
  | 'timed_out'
  /** The response is not from Countersign: a proxy's page, say. */
  | 'unexpected_response'
  | (string & {})

const retryAfterSecondsMax = 60 * 60

/**
 * A refusal of Countersign (RFC 9457). Decide by `code`; `message` is for developers, and names
 * each member that is wrong.
 */
export class RefusedCall extends Error {
  override readonly name = 'RefusedCall'
  readonly code: RefusalCode
  /** The HTTP status; 0 when there was no response. */
  readonly status: number
  /**
   * How long to wait before the call is made again, at most an hour; null when the service sent
   * none.
   */
  readonly retryAfterSeconds: number | null
  /**
   * All members of the problem, also the facts of its code; empty when there was no problem
   * document.
   */
  readonly facts: Readonly<Record<string, unknown>>

  constructor(
    status: number,
    code: RefusalCode,
    message: string,
    more: {
      readonly retryAfterSeconds?: number | null
      readonly facts?: Readonly<Record<string, unknown>>
      readonly cause?: unknown
    } = {},
  ) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined)
    this.status = status
    this.code = code
    this.retryAfterSeconds = more.retryAfterSeconds ?? null
    this.facts = more.facts ?? {}
  }

  /** Whether the same call may succeed a little later: it was not decided at all. */
  get isTransient(): boolean {
    if (this.status === 429) {
      return this.code === 'unexpected_response' || this.code === 'too_many_requests'
    }
    return (
      this.status === 0 || this.status === 408 || this.status >= 500 || this.code === 'conflict'
    )
  }
}

/** Reads the refusal in a response with the body `text`. */
export function refusalIn(response: Response, text: string): RefusedCall {
  const facts = response.headers.get('content-type')?.includes('json') ? objectIn(text) : {}
  const { code, detail, title } = facts
  const message = [title, detail, ...faultsIn(facts.errors)]
    .filter((part) => typeof part === 'string')
    .join(' ')
  const isProblem = typeof code === 'string'
  return new RefusedCall(
    response.status,
    isProblem ? code : 'unexpected_response',
    message || `The service responded with ${response.status} and no problem document.`,
    { facts, retryAfterSeconds: retryAfterIn(response.headers) },
  )
}

/** What is wrong with which member, so that a log shows it. */
function faultsIn(errors: unknown): readonly string[] {
  if (!Array.isArray(errors)) return []
  return errors.flatMap((one) =>
    typeof one?.message === 'string' ? [`${one.path || 'body'}: ${one.message}.`] : [],
  )
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterIn(headers: Headers): number | null {
  const header = headers.get('retry-after')
  if (header === null) return null
  const seconds = /^\d{1,9}$/.test(header)
    ? Number(header)
    : (Date.parse(header) - Date.now()) / 1000
  return Number.isNaN(seconds) ? null : Math.min(Math.max(0, seconds), retryAfterSecondsMax)
}
