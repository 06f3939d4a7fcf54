// A question that is not put must leave the relying party with a way on: it says what else the
// user has. The type keeps a new refusal from forgetting it.

import type { PasscodeMethod } from './passcode.ts'
import type { Refusal } from './refusal.ts'

/** Refusals that are said before a user is known, and so must say nothing of one. */
export type AboutNobody =
  | 'user_not_found'
  | 'namespace_not_granted'
  | 'not_found'
  | 'idempotency_key_reused'

/**
 * Why a user is not asked: with what they could sign in with instead, as soon as it is known who.
 */
export type QuestionRefusal =
  | (Refusal & { readonly refused: AboutNobody })
  | (Refusal & { readonly facts: { readonly otherFactors: readonly PasscodeMethod[] } })

/** What a user could sign in with although they are not asked for this reason. */
export function factorsBeside(
  refusal: Pick<Refusal, 'refused'>,
  otherFactors: readonly PasscodeMethod[],
): readonly PasscodeMethod[] {
  // A suspension stops codes as well.
  return refusal.refused === 'user_suspended' ? [] : otherFactors
}

/** Completes the refusal of a question to a user who is known. */
export function withOtherFactors(
  refusal: Refusal,
  otherFactors: readonly PasscodeMethod[],
): QuestionRefusal {
  const facts = { ...refusal.facts, otherFactors: factorsBeside(refusal, otherFactors) }
  return { ...refusal, facts }
}
