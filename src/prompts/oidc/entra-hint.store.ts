import type { EntraBinding } from '../../domain/entra.ts'

/** The claims of a token, whose signature was verified. */
export type VerifiedClaims = Readonly<Record<string, unknown>>

/** The hints by which Entra says who is to be asked. */
export interface EntraHints {
  /**
   * The claims of a hint that a key of the cloud signed for this tenant of it; `refused` for any
   * other text, `unreachable` when the keys of the cloud cannot be fetched. Says nothing of its
   * times, audience or person: domain/entra.ts does.
   */
  verify(hint: string, binding: EntraBinding): Promise<VerifiedClaims | 'refused' | 'unreachable'>
}
