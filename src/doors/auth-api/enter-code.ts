// Codes that a person types at a client, and clients that poll for the result.

import { type DoorEnd, endOfRefusal } from '../../domain/door.ts'
import type { Initiator } from '../../domain/initiator.ts'
import { isRefusal, type Refusal } from '../../domain/refusal.ts'
import {
  type Dependencies as PasscodeDependencies,
  verifyPasscode,
} from '../../passcodes/verify-passcode.ts'
import type { Clock, Hashing, Random } from '../../platform/world.ts'
import type { DoorClient } from '../authenticate-integration.ts'
import { findAtDoor, type NamedUser } from '../find-at-door.ts'
import type { IntegrationUsage } from '../integration.store.ts'
import { type Dependencies as NumberDependencies, useOffer } from '../shown-numbers.ts'

export type Dependencies = PasscodeDependencies &
  NumberDependencies & {
    readonly hashing: Hashing
    readonly random: Pick<Random, 'token' | 'id' | 'digits'>
    readonly clock: Clock
    readonly integrationUsage: IntegrationUsage
  }

/** The person and the place of a sign-in, as the client names them in both of its calls. */
export type SignIn = {
  readonly user: NamedUser
  readonly address: string
  readonly host: string
  /** The number that the client showed, by its id. */
  readonly shownNumber: string | undefined
  /**
   * Whether an offer that was made here is needed, and used up: a client that signs no date cannot
   * prove that its call is new.
   */
  readonly requiresOffer: boolean
  readonly initiator?: Initiator
}

/** Seconds for which the result of an accepted code can be read; the client does so immediately. */
const acceptedSeconds = 60

/** Verifies a code that the person typed. */
export async function enterCode(
  dependencies: Dependencies,
  client: DoorClient,
  { user: namedUser, address, host, shownNumber, requiresOffer, initiator }: SignIn,
  code: string,
): Promise<DoorEnd> {
  const recordFailure = (refusal: Refusal) => {
    dependencies.integrationUsage.recordFailure(client.integration, refusal.refused)
    return endOfRefusal(refusal)
  }
  const user = await findAtDoor(dependencies, client, namedUser)
  if (isRefusal(user)) return recordFailure(user)
  // The number that was shown next to the prompt is no longer needed, and must not exist together
  // with the next one.
  const place = { userId: user.id, address, host }
  const missing = await useOffer(dependencies, client, place, shownNumber)
  if (requiresOffer && missing) return recordFailure(missing)
  const result = await verifyPasscode(dependencies, client.door, {
    userId: user.id,
    code,
    ...(initiator && { initiator }),
  })
  return isRefusal(result) ? recordFailure(result) : { outcome: 'approved', why: null }
}

/**
 * The same for a client that polls for the result, at any process: the name that it receives proves
 * by itself that the code was accepted, at this integration and for a minute. Only a client that
 * was already let in could pass it on.
 */
export async function enterCodeToFollow(
  dependencies: Dependencies,
  client: DoorClient,
  signIn: SignIn,
  code: string,
): Promise<string | DoorEnd> {
  const end = await enterCode(dependencies, client, signIn, code)
  if (end.outcome !== 'approved') return end
  const until = Math.floor(dependencies.clock.now().getTime() / 1000) + acceptedSeconds
  const claim = `${until}.${dependencies.random.token(16)}`
  return `accepted.${claim}.${proofOf(dependencies, client, claim)}`
}

function proofOf(
  { hashing }: Pick<Dependencies, 'hashing'>,
  { integration: { tenantId, id } }: DoorClient,
  claim: string,
): string {
  return hashing.hmacBase64Url(`accepted-code:${tenantId}:${id}:${claim}`)
}

/** True for the name of a code that was recently accepted at this integration. */
export function isAcceptedCode(
  dependencies: Pick<Dependencies, 'hashing' | 'clock'>,
  client: DoorClient,
  name: string,
): boolean {
  const [, until = '', nonce = '', proof = ''] =
    /^accepted\.([0-9]{1,12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(name) ?? []
  const isOurs = dependencies.hashing.equal(
    proofOf(dependencies, client, `${until}.${nonce}`),
    proof,
  )
  return isOurs && Number(until) * 1000 > dependencies.clock.now().getTime()
}
