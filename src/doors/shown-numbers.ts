import { isId, type UserId } from '../domain/ids.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { chooseShownNumber, offerPauseSeconds, shownNumberSeconds } from '../domain/shown-number.ts'
import type { Hashing, Random, Sealing } from '../platform/world.ts'
import type { DoorClient } from './authenticate-integration.ts'
import type { DoorStore, StoredShownNumber } from './door.store.ts'

export type Dependencies = {
  readonly doors: Pick<DoorStore, 'saveNumber' | 'consumeNumbers'>
  readonly random: Pick<Random, 'id' | 'digits'>
  readonly sealing: Sealing
  readonly hashing: Pick<Hashing, 'hmac'>
}

/**
 * Where a person signs in, as the client names it: what the two calls of one sign-in have in
 * common.
 */
export type Place = {
  readonly userId: UserId
  readonly address: string
  readonly host: string
}

/** A number to show, and the id by which the client may ask with it. */
export type NumberToShow = {
  readonly id: StoredShownNumber['id']
  readonly number: string
  readonly expiresAt: Date
}

/** Binding under which a shown number is sealed. */
function shownNumberBinding({ tenantId, id }: Pick<StoredShownNumber, 'tenantId' | 'id'>): string {
  return `shown-number:${tenantId}:${id}`
}

const placeHash = ({ hashing }: Pick<Dependencies, 'hashing'>, { address, host }: Place) =>
  hashing.hmac(`shown-number-place:${JSON.stringify([address, host])}`)

/**
 * Draws a number for the next question to this person at this place, which any process may ask. An
 * offer is refused while another, made a moment ago, was not used: the call may be a repetition.
 */
export async function showNumber(
  dependencies: Dependencies,
  { integration: { tenantId, id: integrationId } }: DoorClient,
  place: Place,
  digits: number,
  isOffer: boolean,
): Promise<NumberToShow | Refusal<'too_many_requests'>> {
  const id = dependencies.random.id('shownNumber')
  const number = dependencies.random.digits(digits)
  const numberRow: StoredShownNumber = {
    tenantId,
    integrationId,
    id,
    userId: place.userId,
    place: placeHash(dependencies, place),
    numberSealed: dependencies.sealing.seal(number, shownNumberBinding({ tenantId, id })),
  }
  const pauseSeconds = isOffer ? offerPauseSeconds : 0
  const expiresAt = await dependencies.doors.saveNumber(numberRow, shownNumberSeconds, pauseSeconds)
  if (expiresAt === null) return refuse('too_many_requests', { retryAfterSeconds: pauseSeconds })
  return { id, number, expiresAt }
}

/**
 * Uses up what the person was offered at this place, whichever way they chose; the refusal where
 * there was nothing.
 */
export async function useOffer(
  dependencies: Dependencies,
  client: DoorClient,
  place: Place,
  numberId: string | undefined,
): Promise<Refusal<'caller_number_missing'> | undefined> {
  const number = await takeNumber(dependencies, client, place, numberId)
  if (!isRefusal(number) || number.refused !== 'caller_number_missing') return undefined
  return refuse('caller_number_missing')
}

/**
 * Takes the number that the person was shown: the one that the client names, else the one at this
 * place. Any number found is deleted; two at one place are both deleted, and neither counts.
 */
export async function takeNumber(
  dependencies: Dependencies,
  { integration: { tenantId, id: integrationId } }: DoorClient,
  place: Place,
  numberId: string | undefined,
): Promise<string | Refusal<'caller_number_missing' | 'numbers_ambiguous'>> {
  const owner = { tenantId, integrationId, userId: place.userId }
  if (numberId !== undefined && !isId('shownNumber', numberId))
    return refuse('caller_number_missing')
  const search =
    numberId === undefined
      ? { ...owner, place: placeHash(dependencies, place) }
      : { ...owner, id: numberId }
  const shownNumber = chooseShownNumber(await dependencies.doors.consumeNumbers(search))
  if (isRefusal(shownNumber)) return shownNumber
  return dependencies.sealing.open(
    shownNumber.numberSealed,
    shownNumberBinding({ tenantId, id: shownNumber.id }),
  )
}
