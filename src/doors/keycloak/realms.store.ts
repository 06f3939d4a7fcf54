import type { CallbackResult, CallbackStatus } from '../../domain/keycloak-callback.ts'

/** The claims of the token that comes with a question. */
export type RealmToken = {
  readonly issuer: string
  /** Identifies the question (`auth_result_id`): the same token again is the same question. */
  readonly jti: string
  /** The client of the realm that asks (`azp`). */
  readonly clientId: string
  readonly expiresAt: Date
}

/** Why the keys of a realm cannot be trusted. */
export type KeysFault =
  /** RSA below 2,048 bits. */
  | 'weak'
  /** Private keys: anyone who reads them can sign. */
  | 'not_public'
  /** Two with the same `kid`. */
  | 'ambiguous'
  | 'malformed'

/** The realms of identity providers that ask us, and that are called back with the end. */
export interface Realms {
  /**
   * Why this address is not allowed for a realm, whatever its name resolves to; undefined when it
   * may.
   */
  fault(issuer: string): string | undefined
  /**
   * The token if one of these realms signed it for itself, and it has not expired; `refused` for
   * any other text, `unreachable` when the keys of the realm cannot be fetched, and the fault of
   * its keys when they cannot be trusted.
   */
  verify(
    token: string,
    issuers: readonly string[],
  ): Promise<RealmToken | 'refused' | 'unreachable' | { readonly keys: KeysFault }>
  /** Calls the realm back once, within a deadline. Never rejects. */
  callBack(issuer: string, token: string, status: CallbackStatus): Promise<CallbackResult>
}
