// The demo company's side: a relying party that has nothing of Countersign but its client and the
// account from an operator.

import {
  CountersignClient,
  type DecidedChallenge,
  type Result,
  type ResultExpectation,
  ResultVerifier,
  type Schemas,
} from '../clients/typescript/src/client.ts'
import type { RelyingPartyAccount } from './provisioning.ts'

/** The members of a device that the demo reads. */
export type Device = Pick<
  Schemas['Device'],
  'id' | 'status' | 'name' | 'model' | 'platform' | 'activatedAt' | 'unregisteredAt'
>
export type Challenge = Schemas['Challenge']
export type CreatedChallenge = Schemas['CreatedChallenge']

/**
 * The input of a challenge; always with a binding, and with a long-lived id that the company keeps
 * in the browser.
 */
export type Question = Schemas['NewChallenge'] & {
  readonly binding: string
  readonly initiator: { readonly browserId: string }
}

/** The company's connection to Countersign. */
export class RelyingParty {
  readonly #client: CountersignClient
  readonly #results: ResultVerifier
  /** `jti` of used results; a real company deletes each at the time that `useOnce` names. */
  readonly #usedResults = new Set<string>()

  constructor({ origin, apiKey, tenantId, relyingPartyId }: RelyingPartyAccount) {
    this.#client = new CountersignClient({ origin, apiKey })
    this.#results = new ResultVerifier({
      issuer: `${origin}/t/${tenantId}`,
      audience: relyingPartyId,
      useOnce: (jti) => {
        const isFirst = !this.#usedResults.has(jti)
        this.#usedResults.add(jti)
        return isFirst
      },
    })
  }

  /** The user of this name, if there is one. */
  async findUser(identifier: string): Promise<Schemas['User'] | undefined> {
    const { items } = await this.#client.call('GET', '/v1/users', { query: { identifier } })
    return items[0]
  }

  async devices(userId: string): Promise<readonly Device[]> {
    const path = { userId }
    return (await this.#client.call('GET', '/v1/users/{userId}/devices', { path })).items
  }

  unregister(id: string): Promise<Device> {
    const body = { reason: 'lost' } as const
    return this.#client.call('POST', '/v1/devices/{id}/unregister', { path: { id }, body })
  }

  async unregisterAll(userId: string): Promise<void> {
    const body = { reason: 'lost' } as const
    const path = { userId }
    await this.#client.call('POST', '/v1/users/{userId}/devices/unregister', { path, body })
  }

  /** The address of the portal for this user, who has just proven who it is. Opens once. */
  async portalAddress(userId: string): Promise<string> {
    const path = { userId }
    return (await this.#client.call('POST', '/v1/users/{userId}/portal-sessions', { path })).url
  }

  /** Opens an enrollment; a name that is new becomes a user. */
  openEnrollment(user: string): Promise<Schemas['OpenedEnrollment']> {
    return this.#client.call('POST', '/v1/enrollments', { body: { user, displayName: user } })
  }

  /** Reads an enrollment. */
  readEnrollment(id: string): Promise<Schemas['Enrollment']> {
    return this.#client.call('GET', '/v1/enrollments/{id}', { path: { id } })
  }

  /** Waits this many seconds for the status to change from the given one. */
  followEnrollment(
    id: string,
    after: Schemas['Enrollment']['status'],
    wait: number,
  ): Promise<Schemas['Enrollment']> {
    const query = { wait, after }
    return this.#client.call('GET', '/v1/enrollments/{id}', { path: { id }, query })
  }

  async cancelEnrollment(id: string): Promise<void> {
    await this.#client.call('POST', '/v1/enrollments/{id}/cancel', { path: { id } })
  }

  ask(question: Question): Promise<CreatedChallenge> {
    return this.#client.createChallenge(question)
  }

  /** Waits for the challenge to end. */
  waitForDecision(id: string, signal?: AbortSignal): Promise<DecidedChallenge> {
    return this.#client.waitForDecision(id, signal && { signal })
  }

  readChallenge(id: string): Promise<Challenge> {
    return this.#client.call('GET', '/v1/challenges/{id}', { path: { id } })
  }

  pushAgain(id: string): Promise<Challenge> {
    return this.#client.call('POST', '/v1/challenges/{id}/resend', { path: { id } })
  }

  cancelChallenge(id: string): Promise<Challenge> {
    return this.#client.call('POST', '/v1/challenges/{id}/cancel', { path: { id } })
  }

  /** Accepts a result once, when all its claims match. Rejects with RefusedResult otherwise. */
  verifyResult(token: string, expectation: ResultExpectation): Promise<Result> {
    return this.#results.verifyResult(token, expectation)
  }
}
