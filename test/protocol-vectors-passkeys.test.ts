// The passkeys of docs/test-vectors.json, read by the service's own code.

import { describe, expect, test } from 'vitest'
import vectors from '../docs/test-vectors.json' with { type: 'json' }
import { answerChallenge } from '../src/challenges/answer-challenge.ts'
import type { AnswerToRecord } from '../src/challenges/challenge-answer.store.ts'
import { numberBinding } from '../src/challenges/creation/draft-challenge.ts'
import { bindKeys } from '../src/devices/device-keys.ts'
import type { DeviceKey, PublicJwk } from '../src/domain/device.ts'
import { readProof } from '../src/domain/device-proof.ts'
import type { Id } from '../src/domain/ids.ts'
import { readNewPasskey } from '../src/domain/passkey.ts'
import { defaultPolicy } from '../src/domain/policy.ts'
import { isRefusal } from '../src/domain/refusal.ts'
import { type ClaimedKeys, readClaimedKeys } from '../src/enrollments/claimed-keys.ts'
import { buildHashing } from '../src/platform/crypto/hashing.ts'
import { buildMacs } from '../src/platform/crypto/macs.ts'
import { systemRandom } from '../src/platform/crypto/random.ts'
import { buildSealing } from '../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../src/platform/crypto/signatures.ts'
import { buildQueues } from '../src/service/open-fair-queues.ts'
import { aPendingChallenge } from './domain/examples.ts'
import { aStoredDevice } from './support/stored-device.ts'
import { freshProtection } from './support/stores.ts'
import { authenticatorAt } from './support/world.ts'

const now = new Date(vectors.time)
const { origin } = vectors
const never = () => {
  throw new Error('must not be called')
}
const masterKey = Buffer.alloc(32, 1)
const sealing = buildSealing({ current: masterKey })
const signatures = buildSignatures(sealing)
const macs = buildMacs({ current: masterKey })
const hashing = buildHashing(masterKey)
const authenticator = authenticatorAt(origin)
const clock = { now: () => now }
const tenantId = vectors.tenantId as Id<'tenant'>
const deviceId = vectors.deviceId as Id<'device'>
const userId = vectors.userId as Id<'user'>
const challengeId = vectors.challengeId as Id<'challenge'>

const jwkOf = ({ x, y }: { x: string; y: string }): PublicJwk => ({ kty: 'EC', crv: 'P-256', x, y })
const outcomeOf = (value: unknown, facts: object) =>
  isRefusal(value) ? { refused: value.refused, ...value.facts } : { ok: true, ...facts }

describe('new passkeys', () => {
  test.each(vectors.passkeys)('$name', ({ key, expected }) => {
    const read = readNewPasskey(key)
    const { backupEligible, backedUp } = isRefusal(read) ? {} : { ...read.facts }
    const flags = isRefusal(read) ? {} : { backupEligible, backedUp }
    expect(outcomeOf(read, flags)).toEqual(expected)
  })
})

describe('claims with a passkey', () => {
  const { id, publicKey, authenticatorData, kid } = vectors.passkey

  test.each(vectors.passkeyClaims)('$name', async ({ code, proofs, expected }) => {
    const claim: ClaimedKeys = {
      ...{ tenantId, appId: 'countersign.web', device: { platform: 'web' } },
      keys: {
        possession: jwkOf(vectors.keys.possession),
        verification: { kind: 'webauthn', id, publicKey, authenticatorData },
      },
      proofs: proofs as ClaimedKeys['proofs'],
    }
    const needs = { signatures, clock, authenticator, publicOrigin: origin }
    const outcome = await readClaimedKeys(needs, claim, hashing.sha256Base64Url(code))
    expect(outcomeOf(outcome, {})).toEqual(expected)
    if (!isRefusal(outcome)) expect(outcome.keys[1]).toMatchObject({ kid })
  })
})

describe('answers that a passkey confirms', () => {
  const key = (
    role: DeviceKey['role'],
    { kid, ...jwk }: { kid: string; x: string; y: string },
  ) => ({
    ...{ role, kid, publicJwk: jwkOf(jwk) },
  })
  const passkey = { credentialId: vectors.passkey.id, backupEligible: false, backedUp: false }
  const keys = bindKeys({ macs }, { tenantId, id: deviceId, userId }, [
    key('possession', vectors.keys.possession),
    { ...key('verification', vectors.keys.passkey), passkey },
  ])
  const device = aStoredDevice({ tenantId, id: deviceId, userId, passkey })
  const knownDevice = { device, keys, keyRevision: 0, policy: defaultPolicy }

  function proofOfCall() {
    const vector = vectors.proofs.find(({ name }) => name === 'a call with a body')
    const jws = signatures.read(vector?.jws ?? '', 4096)
    const { method, uri, body } = vector?.request ?? never()
    const bodyHash = hashing.sha256Base64Url(body ?? '')
    const proof = jws && readProof(jws, { method, uri, bodyHash }, now)
    return !proof || isRefusal(proof) ? never() : proof
  }

  test.each(vectors.passkeyAnswers)('$name', async ({ jws, assertion, expected }) => {
    const challenge = aPendingChallenge({ tenantId, id: challengeId, userId })
    const recordings: AnswerToRecord[] = []
    const challenges = {
      loadAnswer: async () => ({
        ...{ knownDevice, earlier: null, protection: freshProtection, budget: null },
        ...{ initiator: null, policy: defaultPolicy, now },
        target: {
          challenge,
          numberSealed: sealing.seal('083920', numberBinding(challenge)),
          requestPayload: JSON.stringify({ nonce: vectors.request.nonce }),
          protocolVersion: 2,
          requestHash: vectors.request.requestHash,
          otherDeviceIds: [],
        },
      }),
      recordAnswer: async (answer: AnswerToRecord) => {
        recordings.push(answer)
        return { kind: 'recorded', pushes: [], cancelledChallenges: [], end: null } as const
      },
      expire: never,
    }
    const outcome = await answerChallenge(
      {
        ...{ challenges, signatures, sealing, hashing, clock, macs, authenticator },
        devices: { recordRevokedUse: never, hadErasedKey: never, findReplacedKey: never },
        signals: { publish: () => undefined, isWatched: () => false } as never,
        dispatcher: { leaseHolder: 'test', dispatch: () => undefined },
        userQueue: buildQueues(1).userQueue,
        endedChallenges: { add: never },
        securityLog: { write: never },
        ...{ random: systemRandom, publicOrigin: origin },
      },
      proofOfCall(),
      { challengeId, answer: jws, ...(assertion && { assertion }) },
    )
    expect(outcomeOf(outcome, isRefusal(outcome) ? {} : outcome)).toEqual(expected)
    expect(recordings).toHaveLength('ok' in expected ? 1 : 0)
  })
})
