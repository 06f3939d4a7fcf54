// The demo company's side: a relying party that knows nothing of Countersign but its public API and the account that an operator gave it.

import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'
import type { RelyingPartyAccount } from './provisioning.ts'

/** A refusal of Countersign (RFC 9457), or `unreachable` with status 0 when nobody answered. */
export class RefusedCall extends Error {
  readonly status: number
  readonly code: string
  readonly retryAfterSeconds: number | null

  /** True when the call may simply be made again. */
  get isPassing(): boolean {
    return this.status === 0 || this.status >= 500
  }

  constructor(status: number, code: string, detail: string, retryAfterSeconds: number | null) {
    super(detail)
    this.status = status
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type User = { readonly id: string; readonly displayName: string }

export type Device = {
  readonly id: string
  readonly status: 'unconfirmed' | 'active' | 'unregistered'
  readonly name: string
  readonly model: string
  readonly platform: string
  readonly activatedAt: string | null
  readonly unregisteredAt: string | null
}

export type OpenedEnrolment = {
  readonly id: string
  readonly code: string
  readonly uri: string
  readonly qrSvg: string
  readonly expiresAt: string
}

export type Enrolment = {
  readonly id: string
  readonly status: 'open' | 'claimed' | 'completed' | 'cancelled' | 'void' | 'expired'
  readonly reason?: string
  readonly number?: string
  readonly wrongNumbersLeft: number
}

export type DeviceProgress = {
  readonly deviceId: string
  readonly fetchedAt: string | null
  readonly receivedAt: string | null
  readonly push: {
    readonly status: 'queued' | 'sent' | 'failed' | 'suppressed'
    readonly reason: string | null
    readonly settledAt: string | null
  } | null
}

export type Challenge = {
  readonly id: string
  readonly status: 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled'
  readonly reason: string | null
  readonly deliveryMode: 'push' | 'pull_only'
  /** Why no phone was woken; null when one was. */
  readonly suppressed: string | null
  readonly wrongNumbersLeft: number
  readonly resendsLeft: number
  readonly createdAt: string
  readonly expiresAt: string
  readonly decidedAt: string | null
  readonly decidedDeviceId: string | null
  readonly devices: readonly DeviceProgress[]
  /** The signed outcome, once there is one. */
  readonly result: string | null
}

export type CreatedChallenge = Omit<Challenge, 'devices'> & { readonly number: string | null }

/** What to ask, in the words of `POST /v1/challenges`. */
export type Question = {
  readonly user: string
  readonly context: Readonly<Record<string, string>>
  readonly binding: string
  /** Who starts the sign-in: an id that the company keeps in the browser for long. */
  readonly initiator: { readonly browserId: string }
  readonly number?: { readonly mode: 'caller'; readonly value: string }
}

/** The claims of a result token (docs/protocol.md), verified. */
export type Result = JWTPayload & {
  readonly decision: string
  readonly reason?: string
  readonly did?: string
  readonly number: string
  readonly amr?: readonly string[]
  readonly new_device?: boolean
}

const waitSeconds = 25
const callTimeoutMs = 10_000

/** The company's connection to Countersign. */
export class RelyingParty {
  readonly #account: RelyingPartyAccount
  readonly #issuer: string
  readonly #keys: ReturnType<typeof createRemoteJWKSet>
  /** `jti` of results that were used; a result lives for a minute, so a real company forgets them after that. */
  readonly #usedResults = new Set<string>()

  constructor(account: RelyingPartyAccount) {
    this.#account = account
    this.#issuer = `${account.origin}/t/${account.tenantId}`
    this.#keys = createRemoteJWKSet(new URL(`${this.#issuer}/.well-known/jwks.json`))
  }

  /** The user of this name, if there is one. */
  async findUser(name: string): Promise<User | undefined> {
    const query = new URLSearchParams({ identifier: name })
    const { items } = await this.#get<{ items: readonly User[] }>(`/v1/users?${query}`)
    return items[0]
  }

  async devices(userId: string): Promise<readonly Device[]> {
    return (await this.#get<{ items: readonly Device[] }>(`/v1/users/${userId}/devices`)).items
  }

  unregister(deviceId: string): Promise<Device> {
    return this.#post(`/v1/devices/${deviceId}/unregister`, { reason: 'lost' })
  }

  async unregisterAll(userId: string): Promise<void> {
    await this.#post(`/v1/users/${userId}/devices/unregister`, { reason: 'lost' })
  }

  /** Opens an enrolment; a name that is new becomes a user. */
  openEnrolment(user: string): Promise<OpenedEnrolment> {
    return this.#post('/v1/enrollments', { user, displayName: user })
  }

  /** Reads an enrolment. */
  readEnrolment(id: string): Promise<Enrolment> {
    return this.#get(`/v1/enrollments/${id}`)
  }

  /** Waits this long for the status to be another than the one seen. */
  followEnrolment(id: string, after: Enrolment['status'], waitSeconds: number): Promise<Enrolment> {
    return this.#get(`/v1/enrollments/${id}?wait=${waitSeconds}&after=${after}`)
  }

  async cancelEnrolment(id: string): Promise<void> {
    await this.#post(`/v1/enrollments/${id}/cancel`)
  }

  ask(question: Question): Promise<CreatedChallenge> {
    return this.#post('/v1/challenges', question)
  }

  /** Waits for the challenge to end. */
  followChallenge(id: string): Promise<Challenge> {
    return this.#get(`/v1/challenges/${id}?wait=${waitSeconds}`)
  }

  readChallenge(id: string): Promise<Challenge> {
    return this.#get(`/v1/challenges/${id}`)
  }

  pushAgain(id: string): Promise<Challenge> {
    return this.#post(`/v1/challenges/${id}/resend`)
  }

  cancelChallenge(id: string): Promise<Challenge> {
    return this.#post(`/v1/challenges/${id}/cancel`)
  }

  /**
   * Believes a result only when everything about it is ours: signed by a key of the tenant, of this kind, for this company, fresh,
   * about this challenge and this browser session, and never used before. Throws otherwise.
   */
  async verifyResult(token: string, challengeId: string, binding: string): Promise<Result> {
    const { payload } = await jwtVerify<Result>(token, this.#keys, {
      algorithms: ['ES256'],
      typ: 'approval-result+jwt',
      issuer: this.#issuer,
      audience: this.#account.relyingPartyId,
      requiredClaims: ['exp', 'iat', 'jti', 'cid', 'decision', 'binding'],
    })
    const { jti = '', cid, binding: bound } = payload
    if (cid !== challengeId) throw new Error('the result is about another challenge')
    if (bound !== binding) throw new Error('the result belongs to another browser session')
    if (this.#usedResults.has(jti)) throw new Error('the result was used before')
    this.#usedResults.add(jti)
    return payload
  }

  #get<Answer>(target: string): Promise<Answer> {
    return this.#call<Answer>('GET', target)
  }

  #post<Answer>(target: string, body?: unknown): Promise<Answer> {
    return this.#call<Answer>('POST', target, body)
  }

  async #call<Answer>(method: string, target: string, body?: unknown): Promise<Answer> {
    const timeoutMs = callTimeoutMs + (target.includes('wait=') ? waitSeconds * 1000 : 0)
    const response = await fetch(this.#account.origin + target, {
      method,
      headers: {
        authorization: `Bearer ${this.#account.apiKey}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch(() => {
      throw new RefusedCall(0, 'unreachable', 'Countersign does not answer', null)
    })
    if (!response.ok) throw await refusalOf(response)
    return (await response.json()) as Answer
  }
}

async function refusalOf(response: Response): Promise<RefusedCall> {
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string }
  const retryAfter = response.headers.get('retry-after')
  return new RefusedCall(
    response.status,
    problem.code ?? 'unexpected_response',
    problem.detail ?? `Countersign answered ${response.status}`,
    retryAfter === null ? null : Number(retryAfter),
  )
}
