// Well-formed values of the domain that a test can start from.

import type { Challenge } from '../../src/domain/challenge.ts'
import type { UnverifiedJws } from '../../src/domain/device-proof.ts'

const suffix = '01h455vb4pex5vsknk084sn02q'

export const tenantId = `tnt_${suffix}` as const
export const rpId = `rp_${suffix}` as const
export const userId = `usr_${suffix}` as const
export const enrollmentId = `enr_${suffix}` as const
export const challengeId = `chl_${suffix}` as const
export const deviceId = `dev_${suffix}` as const
export const otherDeviceId = 'dev_01h455vb4pex5vsknk084sn02s'

/** The service's time in these tests. */
export const now = new Date('2027-01-01T00:00:00.000Z')
export const nowSeconds = now.getTime() / 1000
/** The service's time, moved. */
export const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)

/** Two different thumbprints. */
export const kid = 'a'.repeat(43)
export const otherKid = 'b'.repeat(43)
export const jti = 'jti-0123456789-A'

/** A JWS whose parts were read; nothing about it is verified. */
export function jwsOf(typ: string, payload: unknown, header: object = {}): UnverifiedJws {
  return {
    text: 'header.payload.signature',
    header: { alg: 'ES256', typ, kid, ...header },
    payload,
    signedHash: 'c'.repeat(43),
  }
}

/** A pending challenge that lives two minutes from `now`. */
export function aPendingChallenge(changes: Partial<Challenge> = {}): Challenge {
  return {
    tenantId,
    id: challengeId,
    rpId,
    userId,
    status: 'pending',
    reason: null,
    context: {},
    numberMode: 'service',
    numberDigits: 6,
    wrongNumbersLeft: 3,
    userVerification: 'preferred',
    binding: null,
    returnUrl: null,
    deliveryMode: 'push',
    suppressed: null,
    initiatorKey: null,
    budgetKey: 'others',
    signingKid: kid,
    resultJti: 'result-jti-0123456789',
    resendsLeft: 3,
    lastPushAt: now,
    createdAt: now,
    expiresAt: later(120),
    decidedAt: null,
    decidedDeviceId: null,
    ...changes,
  }
}
