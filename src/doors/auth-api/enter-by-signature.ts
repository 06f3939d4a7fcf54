import {
  algorithmOf,
  isTimely,
  legacyCandidates,
  type SignatureAlgorithm,
  type SignedCall,
  signatureCandidates,
} from '../../domain/auth-api-signature.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { Clock, Hashing } from '../../platform/world.ts'
import type {
  DoorCall,
  DoorClient,
  DoorRefusal,
  IntegrationAuthentication,
} from '../authenticate-integration.ts'
import type { IntegrationUsage } from '../integration.store.ts'

export type Dependencies = {
  readonly integrationAuthentication: Pick<IntegrationAuthentication, 'enter'>
  readonly hashing: Pick<Hashing, 'sha512Hex' | 'hmacHex' | 'equal'>
  readonly integrationUsage: IntegrationUsage
  readonly clock: Clock
}

/** A signed call and the client that claims to have signed it. */
export type SignedDoorCall = SignedCall & {
  readonly integrationKey: string
  readonly signature: string
  /** The client's address. */
  readonly address: string
  /** Whether it calls version 1, where the integration must allow it. */
  readonly isLegacy: boolean
}

/** An authenticated client, and the call to be validated again while it waits. */
export type SignedDoorClient = { readonly client: DoorClient; readonly call: DoorCall }

const integrationKeyPattern = /^DI[A-Z2-9]{18}$/

type CallRefusal = Refusal<'signature_too_weak' | 'clock_skew' | 'legacy_version_not_allowed'>

/**
 * Authenticates a client of the Auth API by its signature. A malformed key or signature is refused
 * without a query; a wrong signature costs one query and at most four HMACs, and affects nobody:
 * nothing is counted by user. Only a client with a valid proof learns that its clock is wrong or
 * its algorithm or version not allowed.
 */
export async function enterBySignature(
  { integrationAuthentication, hashing, integrationUsage, clock }: Dependencies,
  signedCall: SignedDoorCall,
): Promise<SignedDoorClient | DoorRefusal | CallRefusal> {
  const { integrationKey, signature, address, isLegacy } = signedCall
  const algorithm = algorithmOf(signature)
  if (algorithm === undefined || !integrationKeyPattern.test(integrationKey)) {
    return refuse('integration_invalid')
  }
  const candidates = isLegacy
    ? legacyCandidates(signedCall, algorithm)
    : signatureCandidates(signedCall, algorithm, hashing.sha512Hex)
  let isDated = true
  const fits = (secret: string) => {
    const fitting = candidates.filter(({ text }) =>
      hashing.equal(hashing.hmacHex(algorithm, secret, text), signature),
    )
    if (fitting.some((one) => !one.isDated)) isDated = false
    return fitting.length > 0
  }
  const call: DoorCall = {
    kind: 'duo_auth_api',
    handle: { integrationKey },
    proof: { fits },
    address,
  }
  const client = await integrationAuthentication.enter(call)
  if (isRefusal(client)) return client
  const reason = faultOf(client, signedCall, algorithm, isDated ? clock.now() : null)
  if (reason === null) return { client: client, call }
  integrationUsage.recordFailure(client.integration, reason)
  return refuse(reason)
}

/** What the integration does not allow of a call; `now` is null for one that signs no date. */
function faultOf(
  { integration: { settings } }: DoorClient,
  { date, isLegacy }: SignedDoorCall,
  algorithm: SignatureAlgorithm,
  now: Date | null,
): CallRefusal['refused'] | null {
  const isAllowed = (flag: 'sha1Allowed' | 'legacyV1Allowed') =>
    settings.kind === 'duo_auth_api' && settings[flag]
  if (isLegacy) {
    if (!isAllowed('legacyV1Allowed')) return 'legacy_version_not_allowed'
  } else if (algorithm === 'sha1' && !isAllowed('sha1Allowed')) return 'signature_too_weak'
  return now === null || isTimely(date, now) ? null : 'clock_skew'
}
