import { isId, type UserId } from '../../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import { chooseShown, shownNumberSeconds } from '../../domain/shown-number.ts'
import type { DoorStore, KeptNumber } from '../../ports/door-store.ts'
import type { Hashing, Random, Sealing } from '../../ports/world.ts'
import type { Entered } from './authenticate-integration.ts'

export type Needs = {
  readonly doors: Pick<DoorStore, 'keepNumber' | 'takeNumbers'>
  readonly random: Pick<Random, 'id' | 'digits'>
  readonly sealing: Sealing
  readonly hashing: Pick<Hashing, 'keyed'>
}

/** Where a person signs in, in the words of the client: what two calls about one sign-in have in common. */
export type Place = {
  readonly userId: UserId
  readonly address: string
  readonly host: string
}

/** A number to be shown, and the name under which the client may ask with it. */
export type ShownNumber = {
  readonly id: KeptNumber['id']
  readonly number: string
  readonly expiresAt: Date
}

/** Binding under which a shown number is sealed. */
function shownNumberBinding({ tenantId, id }: Pick<KeptNumber, 'tenantId' | 'id'>): string {
  return `shown-number:${tenantId}:${id}`
}

const placeHash = ({ hashing }: Pick<Needs, 'hashing'>, { address, host }: Place) =>
  hashing.keyed(`shown-number-place:${JSON.stringify([address, host])}`)

/** Draws a number for the next question about this person at this place, which any process may ask. */
export async function showNumber(
  needs: Needs,
  { integration: { tenantId, id: integrationId } }: Entered,
  place: Place,
  digits: number,
): Promise<ShownNumber> {
  const id = needs.random.id('shownNumber')
  const number = needs.random.digits(digits)
  const kept: KeptNumber = {
    tenantId,
    integrationId,
    id,
    userId: place.userId,
    place: placeHash(needs, place),
    numberSealed: needs.sealing.seal(number, shownNumberBinding({ tenantId, id })),
  }
  return { id, number, expiresAt: await needs.doors.keepNumber(kept, shownNumberSeconds) }
}

/**
 * Takes the number that the person was shown: the one that the client names, else the one at this place. Whatever was found is gone
 * afterwards; two at one place are both gone, and neither counts.
 */
export async function takeNumber(
  needs: Needs,
  { integration: { tenantId, id: integrationId } }: Entered,
  place: Place,
  named: string | undefined,
): Promise<string | Refusal> {
  const of = { tenantId, integrationId, userId: place.userId }
  if (named !== undefined && !isId('shownNumber', named)) return refuse('caller_number_missing')
  const search =
    named === undefined ? { ...of, place: placeHash(needs, place) } : { ...of, id: named }
  const chosen = chooseShown(await needs.doors.takeNumbers(search))
  if (isRefusal(chosen)) return chosen
  return needs.sealing.open(chosen.numberSealed, shownNumberBinding({ tenantId, id: chosen.id }))
}
