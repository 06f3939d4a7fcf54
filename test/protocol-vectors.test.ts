// Checks docs/test-vectors.json with the service's own code, and with the device's where a device
// reads. The file's texts were signed once; nothing here signs them again.

import { createPublicKey, verify } from 'node:crypto'
import { createLocalJWKSet, errors, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { type RequestFault, readRequest } from '../clients/device/src/approval-request.ts'
import { followLinks } from '../clients/device/src/key-set.ts'
import vectors from '../docs/test-vectors.json' with { type: 'json' }
import { answerChallenge } from '../src/challenges/answer-challenge.ts'
import type { AnswerToRecord } from '../src/challenges/challenge-answer.store.ts'
import { numberBinding } from '../src/challenges/creation/draft-challenge.ts'
import { authenticateDevice, readDeviceProof } from '../src/devices/authenticate-device.ts'
import { bindKeys } from '../src/devices/device-keys.ts'
import { attestationMessage, notAttested } from '../src/domain/attestation.ts'
import type { Challenge } from '../src/domain/challenge.ts'
import type { Device, DeviceKey } from '../src/domain/device.ts'
import type { DeviceProof } from '../src/domain/device-proof.ts'
import { type Enrollment, readCode } from '../src/domain/enrollment.ts'
import type { Id } from '../src/domain/ids.ts'
import { defaultPolicy } from '../src/domain/policy.ts'
import { isRefusal } from '../src/domain/refusal.ts'
import { clientDataHashOf } from '../src/enrollments/attestation/app-attest.ts'
import { claimEnrollment } from '../src/enrollments/claim-enrollment.ts'
import { oneTimePasswords } from '../src/passcodes/one-time-passwords.adapter.ts'
import { buildHashing } from '../src/platform/crypto/hashing.ts'
import { buildMacs } from '../src/platform/crypto/macs.ts'
import { systemRandom } from '../src/platform/crypto/random.ts'
import { buildSealing } from '../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../src/platform/crypto/signatures.ts'
import type { Signals } from '../src/platform/signals.ts'
import { buildQueues } from '../src/service/open-fair-queues.ts'
import { freshProtection } from './support/stores.ts'
import { authenticatorAt } from './support/world.ts'

const masterKey = Buffer.alloc(32, 5)
const sealing = buildSealing({ current: masterKey })
const hashing = buildHashing(masterKey)
const signatures = buildSignatures(sealing)
const now = new Date(vectors.time)
const clock = { now: () => now }
const silent = {
  ...{ publish: () => undefined, isWatched: () => false, watchCount: () => 0, isStopped: false },
  ...{ watch: never, stop: never },
} satisfies Signals

const tenantId = vectors.tenantId as Id<'tenant'>
const userId = vectors.userId as Id<'user'>
const deviceId = vectors.deviceId as Id<'device'>
const challengeId = vectors.challengeId as Id<'challenge'>
const rpId = vectors.relyingPartyId as Id<'relyingParty'>
const enrollmentId = 'enr_01kzw5qv8heg4tt2f8xj1c7m9f' as const

function never(): never {
  throw new Error('this is not part of what is tested here')
}

function storedKey(role: DeviceKey['role']): DeviceKey {
  const { kid, x, y } = vectors.keys[role]
  return { role, kid, publicJwk: { kty: 'EC', crv: 'P-256', x, y } }
}

const macs = buildMacs({ current: masterKey })
const deviceKeys = bindKeys({ macs }, { tenantId, id: deviceId, userId }, [
  storedKey('possession'),
  storedKey('verification'),
])
const authenticator = authenticatorAt(vectors.origin)
const trusting = { macs, hashing, authenticator, securityLog: { write: never } }

const device: Device = {
  tenantId,
  id: deviceId,
  userId,
  enrollmentId,
  status: 'active',
  name: 'Phone',
  platform: 'ios',
  model: 'm',
  osVersion: '1',
  appId: 'com.example',
  appVersion: '1',
  protocolVersion: 1,
  language: null,
  parentDeviceId: null,
  hasPushToken: false,
  ...{ hasVerificationKey: true, passkey: null },
  attestation: notAttested,
  createdAt: now,
  activatedAt: now,
  lastSeenAt: null,
  unregisteredAt: null,
  ...{ unregisterReason: null, suspendedAt: null },
}

const knownDevice = { device, keys: deviceKeys, keyRevision: 0, policy: defaultPolicy }

/** A refusal as the vectors write it. */
function outcomeOf(value: unknown): object {
  return isRefusal(value) ? { refused: value.refused, ...value.facts } : { ok: true }
}

/** Everything that the vector expects of the outcome; what it omits may be anything. */
function expectOutcome(outcome: object, expectation: object): void {
  const { serverTime: _, ...facts } = outcome as { serverTime?: unknown }
  expect(facts).toEqual(expectation)
}

test('the file has valid and invalid vectors of every kind', () => {
  const { claims, keyRotations, proofs, keySetLinks, requests, answers, results } = vectors
  const kinds = [claims, keyRotations, proofs, keySetLinks, requests, answers, results]
  for (const kind of kinds) {
    const valid = kind.filter(({ expected }) => 'ok' in expected)
    expect(valid.length).toBeGreaterThan(0)
    expect(kind.length - valid.length).toBeGreaterThan(4)
  }
})

describe('signatures out of a platform’s DER', () => {
  test.each(vectors.derSignatures)('$name', ({ input, der, raw }) => {
    const { x, y } = vectors.keys.possession
    const key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
    const bytes = Buffer.from(input)
    expect(verify('sha256', bytes, key, Buffer.from(der, 'hex'))).toBe(true)
    const rawKey = { key, dsaEncoding: 'ieee-p1363' } as const
    expect(verify('sha256', bytes, rawKey, Buffer.from(raw, 'base64url'))).toBe(true)
  })
})

describe('codes', () => {
  test.each(vectors.codes)('$given', ({ given, kind, ...read }) => {
    const result = readCode(given)
    expect(result?.kind ?? null).toBe(kind)
    if (!result || !('hash' in read)) return
    expect(result.code).toBe(read.code)
    expect(hashing.sha256Base64Url(result.code)).toBe(read.hash)
  })
})

describe('the challenge that an attestation signs', () => {
  test.each(vectors.attestations)(
    '$name',
    ({ code, codeHash, challenge, clientDataHash, keys }) => {
      expect(hashing.sha256Base64Url(code)).toBe(codeHash)
      expect(hashing.sha256Base64Url(attestationMessage(vectors.issuer, codeHash))).toBe(challenge)
      const kids = keys.map((role) => vectors.keys[role as DeviceKey['role']].kid)
      expect(clientDataHashOf(challenge, kids).toString('base64url')).toBe(clientDataHash)
    },
  )
})

describe('claims of an enrollment', () => {
  const enrollment: Enrollment = {
    tenantId,
    id: enrollmentId,
    userId,
    rpId,
    status: 'open',
    reason: null,
    codeAttemptsLeft: 5,
    wrongNumbersLeft: 3,
    confirmationRequired: true,
    replacesDeviceId: null,
    parentDeviceId: null,
    deviceId: null,
    openedByDeviceId: null,
    openedBySessionId: null,
    createdAt: now,
    expiresAt: new Date(now.getTime() + 1000),
    claimedAt: null,
    endedAt: null,
  }
  const target = {
    enrollment,
    numberSealed: null,
    now,
    policy: defaultPolicy,
    tenantName: 'Example',
    userName: 'Ada',
    signingKeys: [],
  }
  const needs = {
    enrollments: {
      findByCode: async () => target,
      findByTypedCode: async () => target,
      claim: async () => ({ kind: 'claimed', device, unregistration: null }) as const,
    },
    devices: { find: never },
    userQueue: buildQueues(1).userQueue,
    ...{ signatures, hashing, sealing, oneTimePasswords, macs },
    ...{ random: systemRandom, clock, signals: silent },
    revocationLog: { append: never },
    attestations: { verify: never },
    ...{ webPushKeys: { current: never, has: never }, webPushHosts: [] },
    ...{ publicOrigin: vectors.origin, authenticator },
  }

  test.each(vectors.claims)('$name', async ({ code, keys, proofs, expected }) => {
    const outcome = await claimEnrollment(needs, {
      tenantId,
      code,
      user: 'ada',
      appId: 'com.example',
      device,
      keys: keys as Parameters<typeof claimEnrollment>[1]['keys'],
      proofs: proofs as Parameters<typeof claimEnrollment>[1]['proofs'],
    })
    expectOutcome(outcomeOf(outcome), expected)
  })
})

describe('proofs of device calls', () => {
  const devices = {
    findKnown: async (_: string, id: string) => (id === deviceId ? knownDevice : null),
    recordRevokedUse: never,
    hadErasedKey: never,
    findReplacedKey: never,
  }

  test.each(vectors.proofs)('$name', async ({ request, routeKey, jws, expected }) => {
    const { method, uri, body } = request
    const bodyHash = body === null ? null : hashing.sha256Base64Url(body)
    const proof = readDeviceProof({ signatures, clock }, jws, { method, uri, bodyHash })
    const role = routeKey as DeviceKey['role']
    const verification = isRefusal(proof)
      ? proof
      : await authenticateDevice({ ...trusting, devices, signatures }, proof, { role })
    expectOutcome(outcomeOf(verification), expected)
  })
})

describe('answers to challenges', () => {
  const answerProof = vectors.proofs.find(({ name }) => name === 'a call with a body')

  function proofOfCall(): DeviceProof {
    const { method, uri, body } = answerProof?.request ?? never()
    const request = { method, uri, bodyHash: hashing.sha256Base64Url(body ?? '') }
    const proof = readDeviceProof({ signatures, clock }, answerProof?.jws, request)
    return isRefusal(proof) ? never() : proof
  }

  function challengeOf(vector: (typeof vectors.answers)[number]['challenge']): Challenge {
    return {
      tenantId,
      id: challengeId,
      rpId,
      userId,
      status: 'pending',
      reason: null,
      context: {},
      numberMode: vector.numberMode as Challenge['numberMode'],
      numberDigits: vector.numberDigits,
      wrongNumbersLeft: vector.wrongNumbersLeft,
      userVerification: vector.userVerification as Challenge['userVerification'],
      ...{ binding: null, returnUrl: null },
      deliveryMode: 'push',
      suppressed: null,
      initiatorKey: null,
      budgetKey: 'others',
      signingKid: vectors.keys.service1.kid,
      resultJti: '',
      resendsLeft: 0,
      lastPushAt: null,
      createdAt: now,
      expiresAt: now,
      decidedAt: null,
      decidedDeviceId: null,
    }
  }

  test.each(vectors.answers)('$name', async ({ challenge: vector, jws, expected }) => {
    const challenge = challengeOf(vector)
    const { nonce, requestHash } = vectors.request
    const numberSealed =
      vector.number === null ? null : sealing.seal(vector.number, numberBinding(challenge))
    const hasVerificationKey = vector.deviceHasVerificationKey
    const facts = {
      knownDevice: { ...knownDevice, device: { ...device, hasVerificationKey } },
      target: {
        challenge,
        numberSealed,
        requestPayload: JSON.stringify({ nonce }),
        protocolVersion: 1,
        requestHash,
        otherDeviceIds: [],
      },
      earlier: null,
      protection: freshProtection,
      budget: null,
      initiator: null,
      policy: defaultPolicy,
      now,
    }
    const recordings: AnswerToRecord[] = []
    const challenges = {
      loadAnswer: async () => facts,
      recordAnswer: async (answer: AnswerToRecord) => {
        recordings.push(answer)
        return { kind: 'recorded', pushes: [], cancelledChallenges: [], end: null } as const
      },
      expire: never,
    }
    const needs = {
      ...{ challenges, signatures, sealing, hashing, clock },
      devices: { recordRevokedUse: never, hadErasedKey: never, findReplacedKey: never },
      signals: silent,
      dispatcher: { leaseHolder: 'test', dispatch: () => undefined },
      userQueue: buildQueues(1).userQueue,
      endedChallenges: { add: never },
    }
    const answerOutcome = await answerChallenge(
      { ...needs, ...trusting, random: systemRandom, publicOrigin: vectors.origin },
      proofOfCall(),
      { challengeId, answer: jws },
    )
    const status = isRefusal(answerOutcome) ? {} : answerOutcome
    expectOutcome({ ...outcomeOf(answerOutcome), ...status }, expected)
    // A refusal for another reason than its number leaves no trace.
    const isRecorded = 'ok' in expected || expected.refused === 'wrong_number'
    expect(recordings).toHaveLength(isRecorded ? 1 : 0)
  })
})

describe('requests, as a device reads them', () => {
  const expectation = {
    keySet: vectors.keySet as Parameters<typeof followLinks>[0],
    issuer: vectors.issuer,
    tenantId,
    deviceId,
    userId,
    challengeId,
    now,
  }

  test.each(vectors.requests)('$name', async ({ jws, expected }) => {
    const read = await readRequest(jws, expectation)
    const outcome =
      typeof read === 'string' ? { refused: read satisfies RequestFault } : { ...read, ok: true }
    expect(outcome).toMatchObject(expected)
  })

  test('the hash of the valid request is the one that the service computes', () => {
    const [valid] = vectors.requests
    expect(signatures.read(valid?.jws ?? '', 4096)?.signedHash).toBe(vectors.request.requestHash)
  })
})

describe('links between key sets, as a device follows them', () => {
  test.each(vectors.keySetLinks)('$name', async ({ jws, expected }) => {
    const knownKeySet = vectors.keySet as Parameters<typeof followLinks>[0]
    const next = await followLinks(knownKeySet, [jws], vectors.issuer)
    const outcome = typeof next === 'string' ? { refused: next } : { ok: true, seq: next.seq }
    expect(outcome).toEqual(expected)
  })
})

describe('results, as a relying party checks them', () => {
  const { service1, service2 } = vectors.keys
  const keySet = createLocalJWKSet({
    keys: [service2, service1].map(({ kid, x, y }) => ({ kty: 'EC', crv: 'P-256', x, y, kid })),
  })

  /**
   * The checks of docs/protocol.md with an ordinary JWT library; a relying party also stores `jti`.
   */
  async function check(jws: string): Promise<object> {
    const { issuer, audience, challengeId: cid, binding } = vectors.resultExpectation
    try {
      const { payload } = await jwtVerify(jws, keySet, {
        algorithms: ['ES256'],
        typ: 'approval-result+jwt',
        issuer,
        audience,
        currentDate: now,
        requiredClaims: ['exp', 'jti', 'cid', 'decision'],
      })
      if (payload.cid !== cid) return { refused: 'challenge_wrong' }
      if (payload.binding !== binding) return { refused: 'binding_wrong' }
      const { must = [] } = payload
      if (!Array.isArray(must)) return { refused: 'malformed' }
      const isKnown = (name: unknown) => name === 'new_device' || name === 'ver'
      if (!must.every(isKnown)) return { refused: 'member_unknown' }
      return { ok: true, decision: payload.decision }
    } catch (error) {
      return { refused: faultOf(error) }
    }
  }

  function faultOf(error: unknown): string {
    if (error instanceof errors.JWTExpired) return 'expired'
    if (error instanceof errors.JWKSNoMatchingKey) return 'key_unknown'
    if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature_wrong'
    if (!(error instanceof errors.JWTClaimValidationFailed)) return 'malformed'
    return { iss: 'issuer_wrong', aud: 'audience_wrong' }[error.claim] ?? 'malformed'
  }

  test.each(vectors.results)('$name', async ({ jws, expected }) => {
    expect(await check(jws)).toEqual(expected)
  })
})
