import type { IdTokenExpectations, StepReason } from '../../domain/connection-test.ts'
import type { EntraBinding, EntraCloud } from '../../domain/entra.ts'
import type { OidcAlgorithm } from '../../domain/oidc-key.ts'
import type { Parameters } from '../../domain/oidc-request.ts'
import type { ClientJwk } from '../../domain/prompt-settings.ts'
import type { EntraHints } from '../oidc/entra-hint.store.ts'
import type { OidcJwk } from '../oidc/oidc-key.store.ts'

/** An answer at the public origin. */
export type PublicAnswer = {
  readonly status: number
  /** The object that it is; undefined for anything else. */
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly hasLength: boolean
  /** The clock of who answered; null where it says none. */
  readonly date: Date | null
}

/** An ID token and what it is checked against. */
export type TokenCheck = {
  readonly token: string
  readonly keys: readonly OidcJwk[]
  readonly algorithm: OidcAlgorithm
  readonly issuer: string
  /** When it is checked: it is one that has expired long ago. */
  readonly at: Date
  readonly expectations: IdTokenExpectations
}

/**
 * Entra for one test, with a key that was made for it and that nothing else holds: what its key
 * signs counts for `hints` alone, and for nothing that the service asks.
 */
export type EntraDouble = {
  /** Takes what this double signed, as the service takes what Entra signs. */
  readonly hints: EntraHints
  readonly subject: string
  readonly nonce: string
  readonly acrValues: readonly string[]
  /** The form that Entra has a browser post, with a hint; a forged one where so ordered. */
  form(request: {
    readonly clientId: string
    readonly isForged: boolean
    readonly now: Date
  }): Promise<Parameters>
}

/** A client of the code flow for one test, with a key of its own. */
export type ClientDouble = {
  readonly publicJwk: ClientJwk
  /** Proves by `private_key_jwt` who it is (RFC 7523). */
  assertion(claims: {
    readonly clientId: string
    readonly issuer: string
    readonly now: Date
  }): Promise<Parameters>
}

/** What a test reaches outside of this process, and what it makes for itself. */
export interface ConnectionProbes {
  /**
   * Calls the public origin, and nothing else: `path` begins behind it. A form is posted; nothing
   * else is sent. Redirects are answers.
   */
  call(path: string, form?: Parameters): Promise<PublicAnswer | StepReason>
  /** The time at a cloud of Entra, null where it says none; `unreachable` when it is so. */
  readEntraClock(cloud: EntraCloud): Promise<Date | null | 'unreachable'>
  createEntraDouble(binding: EntraBinding): Promise<EntraDouble>
  createClientDouble(): Promise<ClientDouble>
  /** What is wrong with the certificate of a published key. */
  keyFault(key: Readonly<Record<string, unknown>>, now: Date): StepReason | undefined
  /** Whether a client takes the token. */
  isTokenValid(check: TokenCheck): Promise<boolean>
}

/** Opens the probes when the first test needs them. */
export interface ConnectionProbing {
  open(): Promise<ConnectionProbes>
}
