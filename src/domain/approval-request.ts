// The request that a device receives: the payload of the server-signed `approval-request+jwt`.

import type { UserVerification } from './challenge.ts'
import { type ChallengeContext, mustShowPaths } from './challenge-context.ts'
import type { ChallengeId, DeviceId, TenantId, UserId } from './ids.ts'
import { hideNumber, type NumberMode } from './number-match.ts'
import { firstVersion } from './protocol-version.ts'

export const requestTyp = 'approval-request+jwt'

/** Everything that is fixed when a challenge is created for one device. */
export type RequestFacts = {
  readonly issuer: string
  readonly tenantId: TenantId
  readonly challengeId: ChallengeId
  readonly deviceId: DeviceId
  readonly userId: UserId
  readonly jti: string
  /** 32 random bytes, base64url. */
  readonly nonce: string
  readonly relyingPartyName: string
  readonly context: ChallengeContext
  readonly numberMode: NumberMode
  readonly numberDigits: number | null
  /** The caller's own number, which must not be readable on the device; null in the other modes. */
  readonly callerNumber: string | null
  readonly userVerification: UserVerification
  /** Where to go after the answer; signed from version 2 on. */
  readonly returnUrl: string | null
  readonly createdAt: Date
  readonly expiresAt: Date
  /** In which the request speaks to its device. */
  readonly protocolVersion: number
}

/**
 * The context without the caller's own number, which is kept sealed: the person must type it from
 * the caller's screen.
 */
export function withoutNumber(context: ChallengeContext, number: string): ChallengeContext {
  const hide = (text: string) => hideNumber(text, number)
  const { fields, transaction, ...texts } = context
  const visibleTexts = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, hide(text)]),
  )
  return {
    ...visibleTexts,
    ...(fields && {
      fields: fields.map(({ label, value }) => ({ label: hide(label), value: hide(value) })),
    }),
    // An amount is never altered: the answer must cover what was asked.
    ...(transaction && { transaction: { ...transaction, payee: hide(transaction.payee) } }),
  }
}

/**
 * The payload as the exact text that is stored, signed at each fetch and covered by the answer's
 * `rqh`. It says how many digits to type, never which. The first version has exactly the members of
 * its first day: its devices refuse any other.
 */
export function requestPayload(facts: RequestFacts): string {
  const context =
    facts.callerNumber === null ? facts.context : withoutNumber(facts.context, facts.callerNumber)
  const isNumberTyped = facts.numberDigits !== null
  return JSON.stringify({
    iss: facts.issuer,
    aud: facts.deviceId,
    jti: facts.jti,
    iat: Math.floor(facts.createdAt.getTime() / 1000),
    exp: Math.floor(facts.expiresAt.getTime() / 1000),
    cid: facts.challengeId,
    tid: facts.tenantId,
    sub: facts.userId,
    nonce: facts.nonce,
    // Last, so that nothing in the context can pose as the relying party.
    ctx: { ...context, relyingParty: facts.relyingPartyName },
    number: facts.numberDigits === null ? null : { digits: facts.numberDigits },
    uv: facts.userVerification,
    ...(facts.protocolVersion > firstVersion && {
      ver: facts.protocolVersion,
      must: mustShowPaths(context, isNumberTyped),
      ...(facts.returnUrl !== null && { returnUrl: facts.returnUrl }),
    }),
  })
}

/** The header of a request; fixed at creation too, because `rqh` covers it. */
export function requestHeader(signingKid: string): string {
  return JSON.stringify({ alg: 'ES256', typ: requestTyp, kid: signingKid })
}

/** The nonce of a stored payload; the device must echo it. */
export function nonceOf(payload: string): string {
  const { nonce } = JSON.parse(payload) as { nonce: string }
  return nonce
}
