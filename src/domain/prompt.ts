// A sign-in on a page of ours, which a client of OpenID Connect sends the browser to: what it asks
// for, how long it goes on, what its end means to the client.

import type { Challenge } from './challenge.ts'
import type { ChallengeId, EnrollmentId, IntegrationId, PromptId, TenantId } from './ids.ts'
import { type Refusal, refuse } from './refusal.ts'

/** From the client's request to its answer; Entra abandons after about ten minutes. */
export const promptSeconds = 10 * 60

/** Numbers that are shown: the first, and one more for who needs more time (WCAG 2.2, 2.2.1). */
export const roundsMax = 2

/** For how long the browser may load the answer again, and the client exchange the code. */
export const answerSeconds = 60

/** How the answer reaches the client: in the address (RFC 6749, 4.1.2), or as a form that posts. */
export type ResponseMode = 'query' | 'form_post'

/** The client's request, as far as the answer is built from it. */
export type PromptRequest = {
  /** Registered; the answer goes nowhere else. */
  readonly redirectUri: string
  readonly responseType: 'code' | 'id_token'
  readonly responseMode: ResponseMode
  readonly state: string | null
  readonly nonce: string | null
  /** Of PKCE with S256 (RFC 7636); null where there is no code. */
  readonly codeChallenge: string | null
  /** `sub` of the answer: the person as the client named them. */
  readonly subject: string
  /** A name to show to the person; never to decide by. */
  readonly displayName: string | null
  /** One `acr` of those that were asked for; null where none was. */
  readonly acr: string | null
  /** Methods of which the answer is to name one; null where none was asked for. */
  readonly askedMethods: readonly string[] | null
  /**
   * True where the client itself vouches for who is asked (a signed hint, a pushed or signed
   * request). Otherwise the browser may have changed the name, and nobody is asked before a click.
   */
  readonly isBound: boolean
}

export const promptOutcomes = [
  'approved',
  'denied',
  'reported',
  'expired',
  'cancelled',
  /** A recovery or temporary code was typed, which the integration takes for no second factor. */
  'code_not_allowed',
  /** The service could not ask, or could not learn the answer. */
  'unavailable',
] as const
export type PromptOutcome = (typeof promptOutcomes)[number]

/** How the person was verified: what the ID token says about it. */
export type PromptEvidence = {
  /** Authentication methods (RFC 8176), the one that says most first. */
  readonly amr: readonly string[]
  readonly verifiedAt: Date
}

/** One hosted sign-in; times are the database's. */
export type Prompt = {
  readonly tenantId: TenantId
  readonly id: PromptId
  readonly integrationId: IntegrationId
  readonly request: PromptRequest
  /** Who is asked, in the namespace of the integration; null where the name is no identifier. */
  readonly userName: string | null
  readonly language: string
  readonly round: number
  readonly roundAt: Date | null
  /** Until when the number of the round can be typed. */
  readonly roundUntil: Date | null
  /**
   * The id that the challenge of the round has. There is none where nobody is asked: the page looks
   * the same, so that it tells nobody who exists.
   */
  readonly challengeId: ChallengeId | null
  /** The same of the round before. */
  readonly formerChallengeId: ChallengeId | null
  /** The first device that its page enrolls, the last one of those that were begun. */
  readonly enrollmentId: EnrollmentId | null
  readonly outcome: PromptOutcome | null
  readonly evidence: PromptEvidence | null
  readonly answeredAt: Date | null
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** True once nothing about the prompt can change but that its answer is fetched. */
export function isPromptOver(prompt: Pick<Prompt, 'outcome' | 'expiresAt'>, now: Date): boolean {
  // Not `<=`: an invalid date counts as over.
  return prompt.outcome !== null || !(prompt.expiresAt > now)
}

/** The outcome; one whose time is over has expired without anybody writing it. */
export function outcomeOf(
  prompt: Pick<Prompt, 'outcome' | 'expiresAt'>,
  now: Date,
): PromptOutcome | null {
  return prompt.outcome ?? (isPromptOver(prompt, now) ? 'expired' : null)
}

/**
 * Until when an approval that came in time may still end its prompt, and the browser fetch its
 * first answer: the page may read it late.
 */
export const promptGraceSeconds = 60

/** What the page shows. */
export const promptStates = ['ready', 'asking', 'round_over', 'over'] as const
export type PromptState = (typeof promptStates)[number]

/** How far a prompt has come: the same whether somebody is asked or not. */
export function promptStateOf(
  prompt: Pick<Prompt, 'outcome' | 'expiresAt' | 'round' | 'roundUntil'>,
  now: Date,
): PromptState {
  if (isPromptOver(prompt, now)) return 'over'
  if (prompt.round === 0 || prompt.roundUntil === null) return 'ready'
  if (prompt.roundUntil > now) return 'asking'
  return prompt.round < roundsMax ? 'round_over' : 'over'
}

/** The next round, or why no other number is shown. */
export function nextRound(
  prompt: Pick<Prompt, 'outcome' | 'expiresAt' | 'round'>,
  now: Date,
): number | Refusal<'challenge_ended' | 'conflict'> {
  if (isPromptOver(prompt, now)) return refuse('challenge_ended')
  return prompt.round < roundsMax ? prompt.round + 1 : refuse('conflict')
}

/**
 * The challenge whose place the one with this id is to take: that of the round before, whether the
 * prompt was read before its round began or afterwards.
 */
export function continuedBy(
  { challengeId, formerChallengeId }: Pick<Prompt, 'challengeId' | 'formerChallengeId'>,
  id: ChallengeId,
): ChallengeId | null {
  return challengeId === id ? formerChallengeId : challengeId
}

/**
 * How the end of a challenge ends its prompt; null while it is pending, and where another number
 * may follow: its time is over, or the next round has taken its place.
 */
export function outcomeOfChallenge({
  status,
  reason,
}: Pick<Challenge, 'status' | 'reason'>): PromptOutcome | null {
  if (status === 'pending' || status === 'expired' || reason === 'superseded') return null
  if (status === 'denied' && reason === 'user_reported') return 'reported'
  return status
}

/** The error code of OAuth that tells the client of an outcome; null where it is none. */
export function errorOf(
  outcome: PromptOutcome,
): 'access_denied' | 'temporarily_unavailable' | null {
  if (outcome === 'approved') return null
  return outcome === 'unavailable' ? 'temporarily_unavailable' : 'access_denied'
}
