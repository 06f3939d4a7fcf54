import type { CallbackResult, CallbackStatus } from '../domain/keycloak-callback.ts'

/** What a realm says by the token that comes with a question. */
export type RealmToken = {
  readonly issuer: string
  /** Names the question (`auth_result_id`): the same token again is the same question. */
  readonly jti: string
  /** The client of the realm that asks (`azp`). */
  readonly clientId: string
  readonly expiresAt: Date
}

/** Why the keys of a realm are none to go by. */
export type KeysFault =
  /** RSA below 2,048 bits. */
  | 'weak'
  /** Private keys, which whoever reads them signs with. */
  | 'not_public'
  /** Two of one name. */
  | 'ambiguous'
  | 'malformed'

/** The realms of identity providers that ask us, and that are told the end. */
export interface Realms {
  /** Why no realm may be there, whatever its name resolves to; undefined when it may. */
  fault(issuer: string): string | undefined
  /**
   * The token if one of these realms signed it for itself, and it has not expired; `refused` for every other text, `unreachable` when
   * the keys of the realm cannot be had, and what is wrong with them when they are none to go by.
   */
  verify(
    token: string,
    issuers: readonly string[],
  ): Promise<RealmToken | 'refused' | 'unreachable' | { readonly keys: KeysFault }>
  /** Tells the realm once, within a deadline. Never rejects. */
  callBack(issuer: string, token: string, status: CallbackStatus): Promise<CallbackResult>
}
