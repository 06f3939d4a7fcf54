// A device's signed answer to a request.

import type { DeviceAccount } from './account.ts'
import type { ApprovalRequest } from './approval-request.ts'
import { signCompact } from './compact-jws.ts'
import type { DeviceKey, DeviceKeys } from './keys.ts'
import type { Passkey } from './passkey.ts'

const answerTyp = 'approval-response+jwt'
const lifetimeSeconds = 60

export type Decision = 'approve' | 'deny' | 'report'

/** The person's decision. */
export type Verdict = {
  readonly decision: Decision
  /** The typed digits; null when there was nothing to type. */
  readonly number: string | null
  /** Identifies this answer: sent again under the same `jti` it counts once. */
  readonly jti: string
  /** The person's own text, at most 140 characters. */
  readonly reason?: string
}

/**
 * Whether approving needs the verification key, so that the app must ask for biometrics or PIN
 * first.
 */
export function approvalNeedsVerification(
  { userVerification }: Pick<ApprovalRequest, 'userVerification'>,
  keys: Pick<DeviceKeys, 'verification' | 'passkey'>,
): boolean {
  if (userVerification === 'required') return true
  const hasVerificationKey = keys.verification !== null || keys.passkey !== undefined
  return userVerification === 'preferred' && hasVerificationKey
}

/** The passkey that has to confirm this decision; undefined where none has to. */
export function confirmingPasskey(
  request: Pick<ApprovalRequest, 'userVerification'>,
  decision: Decision,
  keys: DeviceKeys,
): Passkey | undefined {
  const isNeeded = decision === 'approve' && approvalNeedsVerification(request, keys)
  return isNeeded && keys.verification === null ? keys.passkey : undefined
}

/**
 * The key that signs a decision. Throws when the request requires a verification key and the device
 * has none.
 */
function answeringKey(
  request: Pick<ApprovalRequest, 'userVerification'>,
  decision: Decision,
  keys: DeviceKeys,
): DeviceKey {
  if (decision !== 'approve' || !approvalNeedsVerification(request, keys)) return keys.possession
  if (keys.verification) return keys.verification
  if (keys.passkey) return keys.possession
  throw new Error('this request needs a verification key, and the device was enrolled without one')
}

/**
 * Signs a decision about exactly this request, valid for a minute from `now` (the service's time).
 */
export function signAnswer(
  request: ApprovalRequest,
  { decision, number, jti, reason }: Verdict,
  keys: DeviceKeys,
  account: Pick<DeviceAccount, 'deviceId' | 'user' | 'issuer'>,
  now: Date,
): Promise<string> {
  const key = answeringKey(request, decision, keys)
  const passkey = confirmingPasskey(request, decision, keys)
  const iat = Math.floor(now.getTime() / 1000)
  return signCompact(key, answerTyp, {
    iss: account.deviceId,
    sub: account.user.id,
    aud: account.issuer,
    jti,
    iat,
    exp: iat + lifetimeSeconds,
    cid: request.challengeId,
    nonce: request.nonce,
    rqh: request.requestHash,
    dec: decision,
    ...(number !== null && { num: number }),
    ...(passkey ? { uv: 'webauthn', vk: passkey.kid } : { uv: key === keys.verification }),
    ...(reason !== undefined && { rsn: reason }),
  })
}
