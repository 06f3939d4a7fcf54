/**
 * A call that the service refused (RFC 9457), under the `code` of its problem document; or one of
 * three codes of this library's own:
 * - `unreachable` (status 0): there was no response in time, and whether the call took effect is
 *   unknown;
 * - `unexpected_response`: the response is not from the service, or not what its API promises;
 * - `key_set_refused`: the service's new keys do not follow from those that this device trusts
 *   (`facts.fault` says why).
 */
export class DeviceApiError extends Error {
  override readonly name = 'DeviceApiError'
  readonly code: string
  readonly status: number
  /** One sentence for the person; null in this library's own errors. `message` is for the log. */
  readonly title: string | null
  /** Further members of the problem document, such as `wrongNumbersLeft` or `serverTime`. */
  readonly facts: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | null
  /** True when it is unknown whether the call took effect: the same call may be made again. */
  readonly outcomeUnknown: boolean

  constructor(
    code: string,
    status: number,
    detail: string,
    more: {
      readonly title?: string | null
      readonly facts?: Readonly<Record<string, unknown>>
      readonly retryAfterSeconds?: number | null
      readonly cause?: unknown
    } = {},
  ) {
    super(detail, { cause: more.cause })
    this.code = code
    this.status = status
    this.title = more.title ?? null
    this.facts = more.facts ?? {}
    this.retryAfterSeconds = more.retryAfterSeconds ?? null
    const isUnreadable = code === 'unexpected_response' && status < 300
    this.outcomeUnknown = status === 0 || status >= 500 || isUnreadable
  }
}

/**
 * Reads a refusal. Anything that is not a problem document of the service becomes
 * `unexpected_response`.
 */
export async function errorOf(response: Response): Promise<DeviceApiError> {
  const { status } = response
  const body: unknown = await response.json().catch(() => null)
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
  if (!isProblem || typeof body !== 'object' || body === null || !('code' in body)) {
    return new DeviceApiError('unexpected_response', status, `the service answered ${status}`)
  }
  const {
    type: _type,
    title,
    status: _status,
    code,
    detail,
    instance: _i,
    ...facts
  } = body as Record<string, unknown>
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new DeviceApiError(String(code), status, String(detail ?? title ?? code), {
    title: typeof title === 'string' ? title : null,
    facts,
    retryAfterSeconds: Number.isFinite(seconds) ? seconds : null,
  })
}

/** A response that lacks what every response to this call has. */
export function unexpectedResponse(what: string): DeviceApiError {
  return new DeviceApiError('unexpected_response', 200, `the service responded without ${what}`)
}
