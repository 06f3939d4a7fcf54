import {
  algorithmOf,
  isTimely,
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
}

/** An authenticated client, and the call to be validated again while it waits. */
export type SignedDoorClient = { readonly client: DoorClient; readonly call: DoorCall }

const integrationKeyPattern = /^DI[A-Z2-9]{18}$/

/**
 * Authenticates a client of the Auth API by its signature. A malformed key or signature is refused
 * without a query; a wrong signature costs one query and at most four HMACs, and affects nobody:
 * nothing is counted by user. Only a client with a valid proof learns that its clock is wrong or
 * its algorithm too weak.
 */
export async function enterBySignature(
  { integrationAuthentication, hashing, integrationUsage, clock }: Dependencies,
  signedCall: SignedDoorCall,
): Promise<SignedDoorClient | DoorRefusal | Refusal<'signature_too_weak' | 'clock_skew'>> {
  const { integrationKey, signature, address, date } = signedCall
  const algorithm = algorithmOf(signature)
  if (algorithm === undefined || !integrationKeyPattern.test(integrationKey)) {
    return refuse('integration_invalid')
  }
  const candidates = signatureCandidates(signedCall, algorithm, hashing.sha512Hex)
  const fits = (secret: string) =>
    candidates.filter(({ text }) =>
      hashing.equal(hashing.hmacHex(algorithm, secret, text), signature),
    ).length > 0
  const call: DoorCall = {
    kind: 'duo_auth_api',
    handle: { integrationKey },
    proof: { fits },
    address,
  }
  const client = await integrationAuthentication.enter(call)
  if (isRefusal(client)) return client
  const { settings } = client.integration
  const isWeak = algorithm === 'sha1' && !(settings.kind === 'duo_auth_api' && settings.sha1Allowed)
  const reason = isWeak ? 'signature_too_weak' : isTimely(date, clock.now()) ? null : 'clock_skew'
  if (reason === null) return { client: client, call }
  integrationUsage.recordFailure(client.integration, reason)
  return refuse(reason)
}
