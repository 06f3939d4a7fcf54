import type { DeviceAccount } from '../clients/device/src/account.ts'
import { DeviceClient } from '../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../clients/device/src/keys.ts'
import type { PushService } from '../simulator/push-service.ts'
import type { Provider } from '../simulator/pushes.ts'
import { readWakeUp } from '../simulator/wake-up.ts'
import { HttpConnection } from './http-connection.ts'
import { type LeanKey, leanKeyOf, proveCall, signApproval } from './lean-signing.ts'
import { createdIn, okIn, type RelyingParty } from './relying-party.ts'
import { appId } from './target.ts'

const callTimeoutMs = 10_000
const pushTimeoutMs = 10_000

export type PendingRequest = { readonly id: string; readonly request: string }

type Parts = {
  readonly account: Pick<DeviceAccount, 'origin' | 'issuer' | 'deviceId' | 'tenant' | 'user'>
  readonly possession: LeanKey
  readonly verification: LeanKey
  /** Absent on a phone without push. */
  readonly inbox: Inbox | null
}

/** A phone of one user at the lowest cost. */
export class BenchPhone {
  readonly #parts: Parts
  readonly #connection: HttpConnection

  /** `origin` is where it connects to, whatever the public origin is that it signs for. */
  constructor(parts: Parts, origin = parts.account.origin) {
    this.#parts = parts
    this.#connection = new HttpConnection(origin)
  }

  /** The same phone on a connection to another process of the service. */
  through(origin: string): BenchPhone {
    return new BenchPhone(this.#parts, origin)
  }

  get isPushed(): boolean {
    return this.#parts.inbox !== null
  }

  get userId(): string {
    return this.#parts.account.user.id
  }

  /** When the push of this challenge reached the phone, on the clock of `performance.now()`. */
  async pushedAt(challengeId: string): Promise<number> {
    if (!this.#parts.inbox) throw new Error('this phone has no push address')
    return this.#parts.inbox.arrival(challengeId)
  }

  /** A call that fetches the pending requests: signed now, sent when called. */
  prepareFetch(): () => Promise<readonly PendingRequest[]> {
    const call = this.#prepare('GET', '/device/v1/challenges')
    return async () => {
      const { items } = okIn(await call()) as { readonly items: readonly PendingRequest[] }
      return items
    }
  }

  /** A call that approves the request: signed now, sent when called. */
  prepareApproval({ id, request }: PendingRequest, number: string): () => Promise<void> {
    const { verification, account } = this.#parts
    const input = { jws: request, challengeId: id, number }
    const answer = signApproval(verification, account, input, nowSeconds())
    const call = this.#prepare(
      'POST',
      `/device/v1/challenges/${id}/answer`,
      JSON.stringify({ answer }),
    )
    return async () => {
      okIn(await call())
    }
  }

  close(): void {
    this.#connection.close()
  }

  #prepare(method: 'GET' | 'POST', target: string, body?: string) {
    const { possession, account } = this.#parts
    const proofInput = { method, url: account.origin + target, ...(body !== undefined && { body }) }
    const headers = {
      'device-proof': proveCall(possession, account, proofInput, nowSeconds()),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const call = { method, target, headers, timeoutMs: callTimeoutMs }
    return () => this.#connection.call(body === undefined ? call : { ...call, body })
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

export type Inbox = {
  /** When the push of this challenge arrived, by `performance.now()`. Rejects when none arrives. */
  arrival(challengeId: string): Promise<number>
}

/** Remembers the last push only: a phone of the bench has one request at a time. */
export function openInbox(pushes: PushService, token: string): Inbox {
  let last = { challengeId: '', at: 0 }
  let wake: () => void = () => undefined
  pushes.listen(token, (push) => {
    const wakeUp = readWakeUp(push)
    if (wakeUp?.kind !== 'challenge_opened') return
    last = { challengeId: wakeUp.challengeId, at: performance.now() }
    wake()
  })
  return {
    async arrival(challengeId) {
      const deadline = performance.now() + pushTimeoutMs
      while (last.challengeId !== challengeId) {
        const leftMs = deadline - performance.now()
        if (leftMs <= 0) throw new Error(`no push in ${pushTimeoutMs} ms`)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      return last.at
    },
  }
}

/**
 * Enrolls a phone of a new user as people do, on the public API. With `pushes` null it finds its
 * requests by polling.
 */
export async function enrollPhone(
  party: RelyingParty,
  user: string,
  provider: Provider,
  pushes: PushService | null,
): Promise<BenchPhone> {
  const enrollment = createdIn(
    await party.post('/v1/enrollments', JSON.stringify({ user, displayName: user })),
  ) as { readonly id: string; readonly uri: string }
  const ticket = readEnrollmentUri(enrollment.uri)
  if (!ticket) throw new Error(`not an enrollment link: ${enrollment.uri}`)
  const keys = await createDeviceKeys({ verification: true, extractable: true })
  const { possession, verification } = keys
  if (!verification) throw new Error('a phone of the bench has both keys')
  const token = pushes && (await pushes.register({ provider, appId }))
  const account = await claimEnrollment({
    ticket,
    keys,
    appId,
    device: {
      name: `phone of ${user}`,
      platform: provider === 'apns' ? 'ios' : 'android',
      model: 'Bench',
      osVersion: '1',
      appVersion: '1.0.0',
    },
    ...(token !== null && { push: { provider, token } }),
  })
  const claim = okIn(await party.get(`/v1/enrollments/${enrollment.id}`))
  const { number } = claim as { readonly number?: string }
  if (number !== undefined) await new DeviceClient({ account, keys }).confirm(number)
  return new BenchPhone({
    account,
    possession: leanKeyOf(possession),
    verification: leanKeyOf(verification),
    inbox: pushes && token !== null ? openInbox(pushes, token) : null,
  })
}
