import { requestHeader, requestPayload } from '../domain/approval-request.ts'
import type { CandidateDevice, Challenge } from '../domain/challenge.ts'
import { issuerOf } from '../domain/issuer.ts'
import type { Questioner } from '../domain/principal.ts'
import { spokenVersion } from '../domain/protocol-version.ts'
import type { Random, Signatures } from '../platform/world.ts'
import type { DuePush } from '../push/due-push.store.ts'
import type { CreationFacts, NewChallenge } from './challenge.store.ts'

export type Dependencies = {
  readonly random: Pick<Random, 'token'>
  readonly signatures: Pick<Signatures, 'signedHash'>
  readonly publicOrigin: string
}

/** The payload of one device's signed request, and the hash that its answer covers. */
export function challengeTarget(
  { random, signatures, publicOrigin }: Dependencies,
  principal: Questioner,
  challenge: Challenge,
  device: Pick<CandidateDevice, 'id' | 'protocolVersion'>,
  number: string | null,
): NewChallenge['targets'][number] {
  const { id: deviceId } = device
  const protocolVersion = spokenVersion(device)
  const payload = requestPayload({
    protocolVersion,
    issuer: issuerOf(publicOrigin, challenge.tenantId),
    tenantId: challenge.tenantId,
    challengeId: challenge.id,
    deviceId,
    userId: challenge.userId,
    jti: random.token(16),
    nonce: random.token(32),
    relyingPartyName: principal.rpName,
    context: challenge.context,
    numberMode: challenge.numberMode,
    numberDigits: challenge.numberDigits,
    callerNumber: challenge.numberMode === 'caller' ? number : null,
    userVerification: challenge.userVerification,
    returnUrl: challenge.returnUrl,
    createdAt: challenge.createdAt,
    expiresAt: challenge.expiresAt,
  })
  const requestHash = signatures.signedHash(requestHeader(challenge.signingKid), payload)
  return { deviceId, requestPayload: payload, requestHash, protocolVersion }
}

/** The pushes of a new challenge, for the dispatcher. */
export function duePushes(
  { challenge, superseded, pushes }: NewChallenge,
  facts: CreationFacts,
): DuePush[] {
  const devices = new Map(facts.devices.map((device) => [device.id, device]))
  return pushes.flatMap(({ id, deviceId }) => {
    const { address, languages = [] } = devices.get(deviceId) ?? {}
    if (!address) return []
    const { tenantId, expiresAt } = challenge
    return {
      tenantId,
      id,
      kind: 'challenge_opened',
      challengeId: challenge.id,
      ...(superseded && { chainId: superseded.chain.id }),
      deviceId,
      address,
      languages,
      attempts: 1,
      expiresAt,
    }
  })
}
