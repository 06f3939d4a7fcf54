// The keys of a new device, and the proofs that it holds them.

import { proofBytesMax } from '../devices/authenticate-device.ts'
import { faultOfAssertion, type PasskeyDependencies } from '../devices/keys/verify-assertion.ts'
import type { Assertion } from '../domain/assertion.ts'
import type { DeviceKey, Platform, PublicJwk } from '../domain/device.ts'
import { type ClaimFacts, checkClaimProof, readClaimedVersion } from '../domain/enrollment.ts'
import type { TenantId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import { checkBrowser, type NewPasskey, readNewPasskey } from '../domain/passkey.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Clock, Signatures } from '../platform/world.ts'

export type Dependencies = PasskeyDependencies & {
  readonly signatures: Pick<
    Signatures,
    'read' | 'verify' | 'thumbprint' | 'readAssertion' | 'verifyAssertion'
  >
  readonly clock: Clock
  readonly publicOrigin: string
}

/** What a claim says of its keys. */
export type ClaimedKeys = {
  readonly tenantId: TenantId
  readonly appId: string
  readonly device: { readonly platform: Platform }
  readonly keys: {
    readonly possession: PublicJwk
    readonly verification?: PublicJwk | (NewPasskey & { readonly kind: 'webauthn' })
  }
  readonly proofs: {
    readonly possession: string
    /** Of a passkey: its assertion over the possession key's proof. */
    readonly verification?: string | Assertion
  }
}

type KeyRefusal = Refusal<
  'clock_skew' | 'invalid_request' | 'proof_malformed' | 'proof_invalid' | 'key_already_registered'
>

/**
 * Reads and verifies the keys of a claim: each must prove itself over the code and over both keys.
 * A passkey, which signs no text, does so by an assertion over the proof of the possession key,
 * which names it.
 */
export async function readClaimedKeys(
  dependencies: Dependencies,
  claim: ClaimedKeys,
  codeHash: string,
): Promise<{ readonly keys: readonly DeviceKey[]; readonly protocolVersion: number } | KeyRefusal> {
  const { signatures, publicOrigin } = dependencies
  const { tenantId, keys, proofs } = claim
  const verification = await readVerificationKey(dependencies, claim)
  if (isRefusal(verification)) return verification
  const kid = await signatures.thumbprint(keys.possession)
  if (kid === undefined) return refuse('invalid_request', { hint: noKey })
  if (kid === verification?.kid) return refuse('key_already_registered')
  const possession = { role: 'possession', kid, publicJwk: keys.possession } as const
  const facts: ClaimFacts = {
    issuer: issuerOf(publicOrigin, tenantId),
    codeHash,
    possessionKid: kid,
    verificationKid: verification?.kid ?? null,
  }
  const first = await checkProof(dependencies, possession, facts, proofs.possession)
  if (isRefusal(first)) return first
  const { protocolVersion } = first
  if (!verification) return { keys: [possession], protocolVersion }
  const fault = verification.passkey
    ? checkPasskeyProof(dependencies, verification, proofs.verification, first.signedHash)
    : await checkSecondProof(dependencies, verification, facts, {
        proof: proofs.verification,
        protocolVersion,
      })
  return fault ?? { keys: [possession, verification], protocolVersion }
}

const noKey = 'Each key must be a P-256 public key as a JWK.'

async function readVerificationKey(
  { signatures }: Dependencies,
  { keys: { verification: givenKey }, device, appId }: ClaimedKeys,
): Promise<DeviceKey | undefined | Refusal<'invalid_request'>> {
  const misplacement = checkBrowser(
    { ...device, appId },
    givenKey !== undefined && 'kind' in givenKey,
  )
  if (misplacement) return misplacement
  if (givenKey === undefined) return undefined
  const read = 'kind' in givenKey ? readNewPasskey(givenKey) : { publicJwk: givenKey, facts: null }
  if (isRefusal(read)) return read
  const { publicJwk, facts: passkey } = read
  const kid = await signatures.thumbprint(publicJwk)
  if (kid === undefined) return refuse('invalid_request', { hint: noKey })
  return { role: 'verification', kid, publicJwk, ...(passkey && { passkey }) }
}

async function checkProof(
  { signatures, clock }: Dependencies,
  { publicJwk, kid }: DeviceKey,
  facts: ClaimFacts,
  proof: string | Assertion | undefined,
): Promise<{ readonly protocolVersion: number; readonly signedHash: string } | KeyRefusal> {
  const jws = typeof proof === 'string' ? signatures.read(proof, proofBytesMax) : undefined
  if (!jws) return refuse('proof_malformed')
  const fault = checkClaimProof(jws, kid, facts, clock.now())
  if (fault) return fault
  if (!(await signatures.verify(jws, publicJwk))) return refuse('proof_invalid')
  const protocolVersion = readClaimedVersion(jws)
  if (isRefusal(protocolVersion)) return protocolVersion
  return { protocolVersion, signedHash: jws.signedHash }
}

async function checkSecondProof(
  dependencies: Dependencies,
  key: DeviceKey,
  facts: ClaimFacts,
  {
    proof,
    protocolVersion,
  }: {
    readonly proof: string | Assertion | undefined
    readonly protocolVersion: number
  },
): Promise<KeyRefusal | undefined> {
  const second = await checkProof(dependencies, key, facts, proof)
  if (isRefusal(second)) return second
  // Both proofs have the same contents.
  return second.protocolVersion === protocolVersion
    ? undefined
    : refuse('proof_invalid', { facts: { claim: 'protocolVersion' } })
}

function checkPasskeyProof(
  dependencies: Dependencies,
  key: DeviceKey,
  proof: string | Assertion | undefined,
  challenge: string,
): Refusal<'proof_malformed' | 'proof_invalid'> | undefined {
  if (proof === undefined || typeof proof === 'string') return refuse('proof_malformed')
  const why = faultOfAssertion(dependencies, key, proof, challenge)
  return why && refuse('proof_invalid', { facts: { claim: 'assertion', why } })
}
