// Writes docs/test-vectors.json. Contents are always the same; signatures are not, because ECDSA is
// randomised: run it only when the protocol changes, and commit what it wrote.

import { writeFile } from 'node:fs/promises'
import { answerVectors } from './vectors/answers.ts'
import { attestationVectors } from './vectors/attestations.ts'
import { claimVectors, codes } from './vectors/claims.ts'
import { derVectors } from './vectors/der-signatures.ts'
import { keyRotationVectors } from './vectors/key-rotations.ts'
import {
  passkey,
  passkeyAnswerVectors,
  passkeyClaimVectors,
  passkeyVectors,
} from './vectors/passkeys.ts'
import { proofVectors } from './vectors/proofs.ts'
import {
  heldKeySet,
  linkVectors,
  requestFacts,
  requestHash,
  requestVectors,
  resultExpectation,
  resultVectors,
} from './vectors/requests.ts'
import {
  challengeId,
  deviceId,
  issuer,
  keys,
  origin,
  relyingPartyId,
  tenantId,
  time,
  userId,
} from './vectors/world.ts'

const file = new URL('../docs/test-vectors.json', import.meta.url)

const vectors = {
  about:
    'Every signed text of the device protocol (protocol.md), valid and invalid. `expected` is `ok`, or the refusal of the first fault; `expectedOfVersion1` is what an app or service that speaks only version 1 makes of a text of version 2. The keys are public knowledge: never use them.',
  time: time.toISOString(),
  origin,
  tenantId,
  relyingPartyId,
  userId,
  deviceId,
  challengeId,
  issuer,
  keys: Object.fromEntries(
    Object.entries(keys).map(([name, { kid, jwk, d }]) => [name, { ...jwk, d, kid }]),
  ),
  derSignatures: derVectors,
  codes,
  attestations: attestationVectors,
  claims: claimVectors,
  keyRotations: keyRotationVectors,
  proofs: proofVectors,
  keySet: heldKeySet,
  keySetLinks: linkVectors,
  requests: requestVectors,
  request: { nonce: requestFacts.nonce, requestHash },
  answers: answerVectors,
  passkey,
  passkeys: passkeyVectors,
  passkeyClaims: passkeyClaimVectors,
  passkeyAnswers: passkeyAnswerVectors,
  resultExpectation,
  results: resultVectors,
}

await writeFile(file, `${JSON.stringify(vectors, null, 2)}\n`)
console.log(`wrote ${file.pathname}`)
