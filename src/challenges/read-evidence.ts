import { isOwnReplacedKey, type Dependencies as KeyDependencies } from '../devices/device-keys.ts'
import { requestHeader } from '../domain/approval-request.ts'
import type { Assertion } from '../domain/assertion.ts'
import type { PublicJwk } from '../domain/device.ts'
import type { ChallengeId, DeviceId, TenantId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { Sealing } from '../platform/world.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import type { ChallengeStore } from './challenge.store.ts'

export type Dependencies = KeyDependencies & {
  readonly challenges: Pick<ChallengeStore, 'findEvidence'>
  readonly sealing: Pick<Sealing, 'open'>
  readonly signingKeys: SigningKeys
}

/**
 * Proof that anyone can verify without us: the question as it was signed, the answer as it was
 * signed, and the key that answered.
 */
export type EvidenceReading = {
  readonly request: string
  readonly answer: string
  readonly deviceId: DeviceId
  readonly deviceKey: PublicJwk & { readonly kid: string }
  /** Of an answer that a passkey confirmed: its assertion, and what verifies it. */
  readonly passkey: PasskeyEvidence | null
}

/** The assertion over the answer, and the passkey that made it. */
export type PasskeyEvidence = {
  readonly assertion: Assertion
  readonly key: PublicJwk & { readonly kid: string }
}

/**
 * The evidence of a decided challenge. Refused while it is undecided: there is nothing to prove
 * yet. The key that answered may have been replaced since.
 */
export async function readEvidence(
  { challenges, sealing, signingKeys, ...keyDependencies }: Dependencies,
  { tenantId, rpId }: Principal,
  id: ChallengeId,
): Promise<EvidenceReading | Refusal<'not_found'>> {
  const evidence = await challenges.findEvidence(tenantId, rpId, id)
  if (!evidence) return refuse('not_found')
  const { challenge, requestPayload, answer, deviceId, deviceKey, passkeyKey, replacedMac } =
    evidence
  if (replacedMac) {
    const owner = { tenantId, id: deviceId, userId: challenge.userId }
    const key = { ...deviceKey, mac: replacedMac }
    if (!isOwnReplacedKey(keyDependencies, owner, key)) return refuse('not_found')
  }
  const binding = answerBinding({ tenantId, challengeId: id, jti: answer.jti })
  const header = requestHeader(challenge.signingKid)
  const text = typeof answer.jws === 'string' ? answer.jws : sealing.open(answer.jws, binding)
  const [signedAnswer = '', assertion] = text.split(assertionMark)
  return {
    request: await signingKeys.signWith(tenantId, challenge.signingKid, header, requestPayload),
    answer: signedAnswer,
    deviceId,
    deviceKey: { ...deviceKey.publicJwk, kid: deviceKey.kid },
    passkey:
      assertion !== undefined && passkeyKey
        ? {
            assertion: JSON.parse(assertion) as Assertion,
            key: { ...passkeyKey.publicJwk, kid: passkeyKey.kid },
          }
        : null,
  }
}

// A compact JWS has no line break.
const assertionMark = '\n'

/** What is kept of an answer, to be sealed: its text, and the assertion that came with it. */
export function evidenceText(answer: string, assertion: Assertion | undefined): string {
  return assertion ? `${answer}${assertionMark}${JSON.stringify(assertion)}` : answer
}

/** Binding under which the signed text of an answer is sealed. */
export function answerBinding(answer: {
  readonly tenantId: TenantId
  readonly challengeId: ChallengeId
  readonly jti: string
}): string {
  return `answer:${answer.tenantId}:${answer.challengeId}:${answer.jti}`
}
