// `Device-Proof`: a call and its proof.

import { spellings, wrongHeaders } from './spellings.ts'
import {
  challengeId,
  deviceId,
  type Expected,
  headerOf,
  iat,
  issuer,
  keys,
  ok,
  origin,
  other,
  refusal,
  sha256,
  signJson,
  type TestKey,
  tenantId,
} from './world.ts'

const proofTyp = 'device-proof+jwt'
const jti = 'dmVjdG9yLXByb29mLTAwMQ'

const body = '{"answer":"..."}'
const answerCall = {
  method: 'POST',
  uri: `${origin}/device/v1/challenges/${challengeId}/answer`,
  body,
}
const fetchCall = { method: 'GET', uri: `${origin}/device/v1/challenges`, body: null }
const pageCall = {
  method: 'GET',
  uri: `${origin}/device/v1/activities?cursor=act_1&limit=5`,
  body: null,
}
const lostPhoneCall = {
  method: 'DELETE',
  uri: `${origin}/device/v1/devices/dev_${other}`,
  body: null,
}

type Call = { readonly method: string; readonly uri: string; readonly body: string | null }

export type ProofVector = {
  readonly name: string
  readonly request: Call
  /** The least key that the route accepts. */
  readonly routeKey: 'possession' | 'verification'
  readonly jws: string
  readonly expected: Expected
}

function claims(request: Call) {
  return {
    tid: tenantId,
    did: deviceId,
    htm: request.method,
    htu: request.uri,
    iat,
    jti,
    ...(request.body !== null && { bh: sha256(request.body) }),
  }
}

type How = {
  readonly request?: Call
  readonly key?: TestKey
  readonly kid?: string
  readonly routeKey?: ProofVector['routeKey']
}

function proof(
  name: string,
  expectedOutcome: Expected,
  changes: Readonly<Record<string, unknown>> = {},
  { request = answerCall, key = keys.possession, kid = key.kid, routeKey = 'possession' }: How = {},
): ProofVector {
  const jws = signJson(key, headerOf(proofTyp, { kid }), { ...claims(request), ...changes })
  return { name, request, routeKey, jws, expected: expectedOutcome }
}

const invalid = (claim?: string) => refusal('proof_invalid', claim)
const malformedProof = refusal('proof_malformed')
const clockSkew = refusal('clock_skew')
const lostPhone: How = { request: lostPhoneCall, routeKey: 'verification' }
const swappedQuery = pageCall.uri.replace('cursor=act_1&limit=5', 'limit=5&cursor=act_1')

const good = [
  proof('a call with a body', ok),
  proof('a call without a body: no bh', ok, {}, { request: fetchCall }),
  proof('a call with a query: htu holds it as sent', ok, {}, { request: pageCall }),
  proof('the verification key may sign any call', ok, {}, { key: keys.verification }),
  proof('a call that takes the verification key', ok, {}, { ...lostPhone, key: keys.verification }),
  proof('60 seconds behind', ok, { iat: iat - 60 }),
  proof('10 seconds ahead', ok, { iat: iat + 10 }),
]

const bad = [
  proof('61 seconds behind', clockSkew, { iat: iat - 61 }),
  proof('11 seconds ahead', clockSkew, { iat: iat + 11 }),
  proof(
    'the possession key on a route of the verification key',
    refusal('proof_key_not_allowed'),
    {},
    lostPhone,
  ),
  proof('another method', invalid('htm'), { htm: 'GET' }),
  proof('method in lower case', invalid('htm'), { htm: 'post' }),
  proof('another path', invalid('htu'), { htu: fetchCall.uri }),
  proof('another host', invalid('htu'), { htu: answerCall.uri.replace('push', 'evil') }),
  proof('path without origin', invalid('htu'), { htu: new URL(answerCall.uri).pathname }),
  proof(
    'query left out',
    invalid('htu'),
    { htu: pageCall.uri.split('?')[0] },
    { request: pageCall },
  ),
  proof('query in another order', invalid('htu'), { htu: swappedQuery }, { request: pageCall }),
  proof('hash of another body', invalid('bh'), { bh: sha256(`${body} `) }),
  proof('a body without bh', invalid('bh'), { bh: undefined }),
  proof('bh without a body', invalid('bh'), { bh: sha256('') }, { request: fetchCall }),
  proof('another device', invalid(), { did: `dev_${other}` }),
  proof('a key that is none of this device', invalid(), {}, { key: keys.stranger }),
  proof(
    'a signature by another key',
    invalid(),
    {},
    { key: keys.stranger, kid: keys.possession.kid },
  ),
  proof('a member we do not know', malformedProof, { aud: issuer }),
  proof('an id of another kind', malformedProof, { did: `usr_${other}` }),
  proof('jti of 15 characters', malformedProof, { jti: 'A'.repeat(15) }),
  proof('jti of 65 characters', malformedProof, { jti: 'A'.repeat(65) }),
  proof('iat as text', malformedProof, { iat: String(iat) }),
  proof('iat with a fraction', malformedProof, { iat: iat + 0.5 }),
]

const answerProof = { request: answerCall, routeKey: 'possession' } as const

export const proofVectors: readonly ProofVector[] = [
  ...good,
  ...bad,
  ...wrongHeaders(proofTyp, keys.possession.kid).map(([name, header]) => ({
    name,
    ...answerProof,
    jws: signJson(keys.possession, header, claims(answerCall)),
    expected: malformedProof,
  })),
  ...spellings(keys.possession, headerOf(proofTyp, keys.possession), claims(answerCall), {
    malformed: malformedProof,
    notSigned: invalid(),
  }).map((vector) => ({ ...answerProof, ...vector })),
]
