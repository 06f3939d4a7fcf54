// Codes that a person types at a client, and clients that come back for the end of it.

import { type DoorEnd, endOfRefusal } from '../../domain/door.ts'
import type { Initiator } from '../../domain/initiator.ts'
import { isRefusal, type Refusal } from '../../domain/refusal.ts'
import type { IntegrationUsage } from '../../ports/integration-store.ts'
import type { Clock, Hashing, Random } from '../../ports/world.ts'
import { type Needs as PasscodeNeeds, verifyPasscode } from '../verify-passcode.ts'
import type { Entered } from './authenticate-integration.ts'
import { findAtDoor, type NamedUser } from './find-at-door.ts'
import { type Needs as NumberNeeds, takeNumber } from './shown-numbers.ts'

export type Needs = PasscodeNeeds &
  NumberNeeds & {
    readonly hashing: Hashing
    readonly random: Pick<Random, 'token' | 'id' | 'digits'>
    readonly clock: Clock
    readonly integrationUsage: IntegrationUsage
  }

/** Who signs in where, as the client says it with both of its calls. */
export type SignIn = {
  readonly user: NamedUser
  readonly address: string
  readonly host: string
  /** The number that the client showed, by its name. */
  readonly shownNumber: string | undefined
  readonly initiator?: Initiator
}

/** Seconds for which an accepted code can be asked for; its client does so at once. */
const acceptedSeconds = 60

/** Judges a code that the person typed. */
export async function enterCode(
  needs: Needs,
  entered: Entered,
  { user: named, address, host, shownNumber, initiator }: SignIn,
  code: string,
): Promise<DoorEnd> {
  const failed = (refusal: Refusal) => {
    needs.integrationUsage.failed(entered.integration, refusal.refused)
    return endOfRefusal(refusal)
  }
  const user = await findAtDoor(needs, entered, named)
  if (isRefusal(user)) return failed(user)
  // The number that was shown beside the prompt serves nobody any more, and must not stand beside the next one.
  await takeNumber(needs, entered, { userId: user.id, address, host }, shownNumber)
  const verified = await verifyPasscode(needs, entered.door, {
    userId: user.id,
    code,
    ...(initiator && { initiator }),
  })
  return isRefusal(verified) ? failed(verified) : { outcome: 'approved', why: null }
}

/**
 * The same for a client that comes back for the end, to whichever process: the name that it is given says by itself that the code was
 * accepted, at this integration and for a minute. The one who could show it to somebody else was let in already.
 */
export async function enterCodeToFollow(
  needs: Needs,
  entered: Entered,
  signIn: SignIn,
  code: string,
): Promise<string | DoorEnd> {
  const end = await enterCode(needs, entered, signIn, code)
  if (end.outcome !== 'approved') return end
  const until = Math.floor(needs.clock.now().getTime() / 1000) + acceptedSeconds
  const said = `${until}.${needs.random.token(16)}`
  return `accepted.${said}.${proofOf(needs, entered, said)}`
}

function proofOf(
  { hashing }: Pick<Needs, 'hashing'>,
  { integration: { tenantId, id } }: Entered,
  said: string,
): string {
  return hashing.keyedBase64Url(`accepted-code:${tenantId}:${id}:${said}`)
}

/** True for the name of a code that was accepted at this integration of late. */
export function isAcceptedCode(
  needs: Pick<Needs, 'hashing' | 'clock'>,
  entered: Entered,
  name: string,
): boolean {
  const [, until = '', nonce = '', proof = ''] =
    /^accepted\.([0-9]{1,12})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(name) ?? []
  const isOurs = needs.hashing.equal(proofOf(needs, entered, `${until}.${nonce}`), proof)
  return isOurs && Number(until) * 1000 > needs.clock.now().getTime()
}
