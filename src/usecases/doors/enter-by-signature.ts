import {
  algorithmOf,
  isTimely,
  type SignedCall,
  signatureCandidates,
} from '../../domain/auth-api-signature.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { IntegrationUsage } from '../../ports/integration-store.ts'
import type { Clock, Hashing } from '../../ports/world.ts'
import type { DoorCall, Entered, IntegrationAuthentication } from './authenticate-integration.ts'

export type Needs = {
  readonly enterDoor: IntegrationAuthentication['enter']
  readonly hashing: Pick<Hashing, 'sha512Hex' | 'hmacHex' | 'equal'>
  readonly integrationUsage: IntegrationUsage
  readonly clock: Clock
}

/** A signed call and who says to have signed it. */
export type SignedDoorCall = SignedCall & {
  readonly integrationKey: string
  readonly signature: string
  /** From where the client calls. */
  readonly address: string
}

/** A client that was let in, and the call to be judged again while it waits. */
export type AtDoor = { readonly entered: Entered; readonly call: DoorCall }

const integrationKeys = /^DI[A-Z2-9]{18}$/

/**
 * Lets a client of the Auth API in by its signature. What is no key and no signature is refused without a look-up; a wrong signature
 * costs one look-up and at most four HMACs, and harms nobody: nothing is counted by user. Only a client that proves itself learns
 * that its clock is wrong or its algorithm too weak.
 */
export async function enterBySignature(
  { enterDoor, hashing, integrationUsage, clock }: Needs,
  signed: SignedDoorCall,
): Promise<AtDoor | Refusal> {
  const { integrationKey, signature, address, date } = signed
  const algorithm = algorithmOf(signature)
  if (algorithm === undefined || !integrationKeys.test(integrationKey)) {
    return refuse('integration_invalid')
  }
  const candidates = signatureCandidates(signed, algorithm, hashing.sha512Hex)
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
  const entered = await enterDoor(call)
  if (isRefusal(entered)) return entered
  const { settings } = entered.integration
  const weak = algorithm === 'sha1' && !(settings.kind === 'duo_auth_api' && settings.sha1Allowed)
  const why = weak ? 'signature_too_weak' : isTimely(date, clock.now()) ? null : 'clock_skew'
  if (why === null) return { entered, call }
  integrationUsage.failed(entered.integration, why)
  return refuse(why)
}
