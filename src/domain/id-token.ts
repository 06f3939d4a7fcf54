// The ID token that answers a client of OpenID Connect: what is said of how the person was
// verified, and nothing that is not so.

import type { PromptEvidence, PromptRequest } from './prompt.ts'

/** A client verifies it when it comes. */
export const idTokenSeconds = 5 * 60

/**
 * Authentication contexts that a phone can satisfy: something that the person has. The names are
 * Entra's; other clients may ask for them, too.
 */
export const acrValues = [
  'possessionorinherence',
  'knowledgeorpossession',
  'knowledgeorpossessionorinherence',
  'possession',
] as const

/** What is said where a client asks for any context at all. */
export const usualAcr = 'possession' satisfies (typeof acrValues)[number]

/** The first of the contexts asked for that a phone can satisfy; undefined for none of them. */
export function chooseAcr(askedValues: readonly string[]): string | undefined {
  return askedValues.find((one) => acrValues.some((value) => value === one))
}

/** Methods that an approval by a device or a typed code can honestly name, those of Entra alone. */
const entraMethods = ['hwk', 'swk', 'pop', 'otp'] as const

/**
 * The one method that Entra learns, which refuses two: the first that says something true and
 * that it asked for. Undefined where there is none.
 */
export function chooseEntraMethod(
  methods: readonly string[],
  askedMethods: readonly string[] | null,
): string | undefined {
  return entraMethods.find(
    (one) => methods.includes(one) && (askedMethods === null || askedMethods.includes(one)),
  )
}

export type IdTokenFacts = {
  readonly issuer: string
  /** The client, as it calls itself. */
  readonly audience: string
  readonly evidence: PromptEvidence
  readonly amr: readonly string[]
  /** `preferred_username`, by which Okta finds its user; null for a client that wants none. */
  readonly userName: string | null
  /** When the answer was first given: a token that is signed again is the same. */
  readonly answeredAt: Date
}

const secondsOf = (time: Date) => Math.floor(time.getTime() / 1000)

/** Payload of the ID token of a prompt that was approved (OpenID Connect Core, 2). */
export function idTokenPayload(
  { subject, nonce, acr }: Pick<PromptRequest, 'subject' | 'nonce' | 'acr'>,
  { issuer, audience, evidence, amr, userName, answeredAt }: IdTokenFacts,
): string {
  const iat = secondsOf(answeredAt)
  return JSON.stringify({
    iss: issuer,
    aud: audience,
    sub: subject,
    iat,
    exp: iat + idTokenSeconds,
    auth_time: secondsOf(evidence.verifiedAt),
    ...(userName === null ? {} : { preferred_username: userName }),
    ...(nonce === null ? {} : { nonce }),
    ...(acr === null ? {} : { acr }),
    amr,
  })
}
