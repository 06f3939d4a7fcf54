// One call to the service: a fresh proof, corrected to the service's time where this machine's
// clock is wrong.

import { base64url } from 'jose'
import { newJti, sha256, signCompact } from './compact-jws.ts'
import { DeviceApiError, errorOf } from './device-api-error.ts'
import type { DeviceKey } from './keys.ts'
import { assertText, type GetAssertion, type Passkey } from './passkey.ts'

const proofTyp = 'device-proof+jwt'
const callTimeoutMs = 15_000

/** What a client needs from its environment; all of it has a default. */
export type World = {
  readonly fetch?: typeof fetch
  /** Milliseconds since the epoch by this machine's clock. */
  readonly now?: () => number
  /** The language of `title` in a DeviceApiError, a tag of BCP 47; the runtime's by default. */
  readonly language?: string
  /** Of a device with a passkey: how the passkey is used. */
  readonly getAssertion?: GetAssertion
}

/** The device that proves a call. */
export type Prover = {
  readonly tenantId: string
  readonly deviceId: string
  readonly key: DeviceKey
  /** Confirms the proof, in the place of a verification key. */
  readonly passkey?: Passkey
}

/**
 * One call. The body is built anew for each attempt, because signatures within it name a time too.
 */
export type Call = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query, exactly as sent. */
  readonly target: string
  readonly body?: () => unknown
  /** Absent for the one call that no device can prove yet. */
  readonly prover?: Prover
}

/** A connection to one service, which learns by how much this machine's clock is wrong. */
export class Connection {
  readonly #origin: string
  readonly #fetch: typeof fetch
  readonly #language: string | undefined
  readonly #machineNow: () => number
  readonly #getAssertion: GetAssertion | undefined
  readonly #onOffset: (offsetMs: number) => void
  #offsetMs: number

  constructor(
    origin: string,
    world: World,
    offsetMs = 0,
    onOffset: (offsetMs: number) => void = () => undefined,
  ) {
    this.#origin = origin
    this.#fetch = world.fetch ?? ((...request) => fetch(...request))
    this.#language = world.language
    this.#machineNow = world.now ?? (() => Date.now())
    this.#offsetMs = offsetMs
    this.#getAssertion = world.getAssertion
    this.#onOffset = onOffset
  }

  get offsetMs(): number {
    return this.#offsetMs
  }

  /** The service's time, as well as this device knows it. */
  now(): Date {
    return new Date(this.#machineNow() + this.#offsetMs)
  }

  /** Adopts the service's time. Differences that a slow network explains change nothing. */
  learnTime(serverTime: unknown): boolean {
    const serverMs = typeof serverTime === 'string' ? Date.parse(serverTime) : Number.NaN
    const offsetMs = serverMs - this.#machineNow()
    if (!Number.isFinite(offsetMs)) return false
    if (Math.abs(offsetMs - this.#offsetMs) >= 2000) {
      this.#offsetMs = offsetMs
      this.#onOffset(offsetMs)
    }
    return true
  }

  /** Makes a call, and once more when only the clock was wrong. Throws DeviceApiError. */
  async call(call: Call): Promise<unknown> {
    try {
      return await this.#send(call)
    } catch (error) {
      const isSkewed = error instanceof DeviceApiError && error.code === 'clock_skew'
      if (!isSkewed || !this.learnTime(error.facts.serverTime)) throw error
      return this.#send(call)
    }
  }

  async #send({ method, target, body, prover }: Call): Promise<unknown> {
    const url = `${this.#origin}${target}`
    const text = body && JSON.stringify(await body())
    const headers: Record<string, string> = { accept: 'application/json, application/problem+json' }
    if (text !== undefined) headers['content-type'] = 'application/json'
    if (this.#language !== undefined) headers['accept-language'] = this.#language
    if (prover) Object.assign(headers, await this.#prove(prover, method, url, text))
    const response = await this.#answerTo(url, { method, headers, ...(text && { body: text }) })
    if (!response.ok) throw await errorOf(response)
    if (response.status === 204) return undefined
    return response.json().catch((cause: unknown) => {
      throw new DeviceApiError('unexpected_response', response.status, 'the response is not JSON', {
        cause,
      })
    })
  }

  #answerTo(url: string, request: RequestInit): Promise<Response> {
    return this.#fetch(url, {
      ...request,
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(callTimeoutMs),
    }).catch((cause: unknown) => {
      throw new DeviceApiError('unreachable', 0, 'the service did not respond; try again', {
        cause,
      })
    })
  }

  async #prove(
    prover: Prover,
    method: string,
    url: string,
    body?: string,
  ): Promise<Record<string, string>> {
    const proof = await signCompact(prover.key, proofTyp, {
      tid: prover.tenantId,
      did: prover.deviceId,
      htm: method,
      htu: url,
      iat: Math.floor(this.now().getTime() / 1000),
      jti: newJti(),
      ...(body !== undefined && { bh: await sha256(body) }),
    })
    if (!prover.passkey) return { 'device-proof': proof }
    const assertion = await assertText(prover.passkey, proof, this.#getAssertion)
    const header = base64url.encode(JSON.stringify(assertion))
    return { 'device-proof': proof, 'device-assertion': header }
  }
}
