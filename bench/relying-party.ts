import { HttpConnection, type Reply } from './http-connection.ts'

const callTimeoutMs = 10_000
const waitSeconds = 30
const waitTimeoutMs = (waitSeconds + 5) * 1000

/** What the phone shows; the same for every challenge. */
const context = {
  application: 'Payroll',
  action: 'Sign in',
  ip: '203.0.113.7',
  location: 'Lisbon, Portugal',
  userAgent: 'Firefox on Linux',
}

export type Creation = { readonly id: string; readonly number: string }

/** One sign-in page: a connection for creations, and one for the long poll. */
export class RelyingParty {
  readonly #asking: HttpConnection
  readonly #waiting: HttpConnection
  readonly #getting: Readonly<Record<string, string>>
  readonly #posting: Readonly<Record<string, string>>

  constructor(origin: string, key: string) {
    this.#asking = new HttpConnection(origin)
    this.#waiting = new HttpConnection(origin)
    this.#getting = { authorization: `Bearer ${key}` }
    this.#posting = { ...this.#getting, 'content-type': 'application/json' }
  }

  post(
    target: string,
    body: string,
    moreHeaders: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    const headers = { ...this.#posting, ...moreHeaders }
    return this.#asking.call({ method: 'POST', target, headers, body, timeoutMs: callTimeoutMs })
  }

  get(target: string): Promise<Reply> {
    const headers = this.#getting
    return this.#asking.call({ method: 'GET', target, headers, timeoutMs: callTimeoutMs })
  }

  /** Creates a challenge for the user, by id. */
  async create(
    userId: string,
    moreHeaders: Readonly<Record<string, string>> = {},
  ): Promise<Creation> {
    const body = JSON.stringify({ user: { id: userId }, context })
    return createdIn(await this.post('/v1/challenges', body, moreHeaders)) as Creation
  }

  /**
   * Opens the long poll. Resolves when the challenge was approved, and rejects on any other end.
   */
  async approval(challengeId: string): Promise<void> {
    const reply = await this.#waiting.call({
      method: 'GET',
      target: `/v1/challenges/${challengeId}?wait=${waitSeconds}`,
      headers: this.#getting,
      timeoutMs: waitTimeoutMs,
    })
    const { status, result } = okIn(reply) as { readonly status: string; readonly result: unknown }
    if (status !== 'approved' || typeof result !== 'string') {
      throw new Error(`a challenge ended as ${status} instead of approved`)
    }
  }

  close(): void {
    this.#asking.close()
    this.#waiting.close()
  }
}

/** The JSON of a 200. Throws for anything else. */
export function okIn(reply: Reply): unknown {
  return bodyOf(reply, 200)
}

/** The JSON of a 201. Throws for anything else. */
export function createdIn(reply: Reply): unknown {
  return bodyOf(reply, 201)
}

function bodyOf({ status, body }: Reply, expectedStatus: number): unknown {
  if (status === expectedStatus) return JSON.parse(body)
  throw new Error(`the service answered ${status}: ${body.slice(0, 300)}`)
}
