// A refused question must leave the relying party an alternative: it lists the user's other
// factors. The type makes sure that no new refusal omits them.

import type { PasscodeMethod } from './passcode.ts'
import type { Refusal, RefusalCode } from './refusal.ts'

/** Refusals that are decided before a user is known, and so must reveal nothing about one. */
export type UserlessRefusalCode =
  | 'user_not_found'
  | 'namespace_not_granted'
  | 'not_found'
  | 'idempotency_key_reused'
  | 'api_key_invalid'

/** Why a known user is not asked, with the factors they could use instead. */
export type KnownUserRefusal<Code extends RefusalCode = RefusalCode> = Refusal<Code> & {
  readonly facts: { readonly otherFactors: readonly PasscodeMethod[] }
}

/** Why a user is not asked, with the factors they could use instead, once the user is known. */
export type QuestionRefusal<Code extends RefusalCode = RefusalCode> =
  | Refusal<Extract<Code, UserlessRefusalCode>>
  | KnownUserRefusal<Code>

/** The factors that a user could use although they are not asked for this reason. */
export function factorsDespite(
  refusal: Pick<Refusal, 'refused'>,
  otherFactors: readonly PasscodeMethod[],
): readonly PasscodeMethod[] {
  // A suspension stops codes as well.
  return refusal.refused === 'user_suspended' ? [] : otherFactors
}

/** Completes the refusal of a question to a known user. */
export function withOtherFactors<Code extends RefusalCode>(
  refusal: Refusal<Code>,
  otherFactors: readonly PasscodeMethod[],
): KnownUserRefusal<Code> {
  const facts = { ...refusal.facts, otherFactors: factorsDespite(refusal, otherFactors) }
  return { ...refusal, facts }
}
