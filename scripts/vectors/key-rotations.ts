// Rotation of a device's keys: the proof by each new key.

import {
  deviceId,
  type Expected,
  headerOf,
  iat,
  issuer,
  keys,
  ok,
  other,
  refusal,
  signJson,
  type TestKey,
} from './world.ts'

const deviceKeyTyp = 'device-key+jwt'

export type KeyRotationVector = {
  readonly name: string
  readonly role: 'possession' | 'verification'
  readonly key: Readonly<Record<'kty' | 'crv' | 'x' | 'y', string>>
  readonly proof: string
  readonly expected: Expected
}

const { possession, verification, replacement, stranger } = keys
type Changes = Readonly<Record<string, unknown>>

const payload = (changes: Changes = {}) => ({
  aud: issuer,
  did: deviceId,
  role: 'possession',
  pk: replacement.kid,
  replaces: possession.kid,
  iat,
  jti: 'dmVjdG9yLXJvdGF0ZS0wMDE',
  ...changes,
})

function prove(changes: Changes = {}, key: TestKey = replacement, typ = deviceKeyTyp): string {
  return signJson(key, headerOf(typ, key), payload(changes))
}

function rotation(
  name: string,
  expectedOutcome: Expected,
  changes: Partial<KeyRotationVector> = {},
): KeyRotationVector {
  const { jwk } = replacement
  return {
    name,
    role: 'possession',
    key: jwk,
    proof: prove(),
    expected: expectedOutcome,
    ...changes,
  }
}

/** The proof of a new possession key with a fault. */
const faulty = (name: string, expectedOutcome: Expected, changes: Changes) =>
  rotation(name, expectedOutcome, { proof: prove(changes) })

const malformedProof = refusal('proof_malformed')
const invalid = (wrong?: string) => refusal('proof_invalid', wrong)
const verificationClaims = { role: 'verification', replaces: verification.kid }

export const keyRotationVectors: readonly KeyRotationVector[] = [
  rotation('a new possession key', ok),
  rotation('a new verification key', ok, {
    role: 'verification',
    proof: prove(verificationClaims),
  }),
  rotation('the key that the device has already: a repeated call', ok, {
    key: possession.jwk,
    proof: prove({ pk: possession.kid, replaces: stranger.kid }, possession),
  }),
  faulty('another tenant', invalid('aud'), { aud: issuer.replace(/.$/, '0') }),
  faulty('another device', invalid('did'), { did: `dev_${other}` }),
  faulty('a proof for the other role', invalid('role'), verificationClaims),
  faulty('another new key', invalid('pk'), { pk: stranger.kid }),
  faulty('in place of a key that is not the one in this role', invalid('replaces'), {
    replaces: verification.kid,
  }),
  rotation('a proof by another key than the new one', invalid('kid'), {
    proof: prove({}, stranger),
  }),
  rotation('a key introduced by somebody who does not hold it', invalid(), {
    proof: signJson(stranger, headerOf(deviceKeyTyp, replacement), payload()),
  }),
  faulty('a member we do not know', malformedProof, { sub: `usr_${other}` }),
  faulty('no jti', malformedProof, { jti: undefined }),
  faulty('no replaced key', malformedProof, { replaces: undefined }),
  faulty('61 seconds behind', refusal('clock_skew'), { iat: iat - 61 }),
  faulty('11 seconds ahead', refusal('clock_skew'), { iat: iat + 11 }),
  rotation('a claim proof in its place', malformedProof, {
    proof: prove({}, replacement, 'device-claim+jwt'),
  }),
  rotation('the key of the other role', refusal('key_already_registered'), {
    key: verification.jwk,
    proof: prove({ pk: verification.kid }, verification),
  }),
  rotation('a point that is not on the curve', refusal('invalid_request'), {
    key: { ...replacement.jwk, y: replacement.jwk.x },
  }),
]
