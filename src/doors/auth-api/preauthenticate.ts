import type { ChallengeStore } from '../../challenges/challenge.store.ts'
import { withOwnPolicy } from '../../challenges/create-challenge.ts'
import type { DeviceStore } from '../../devices/device.store.ts'
import { type DoorEnd, endOfRefusal } from '../../domain/door.ts'
import type { DeviceId } from '../../domain/ids.ts'
import { type Initiator, initiatorText } from '../../domain/initiator.ts'
import { planUsualNumber } from '../../domain/number-match.ts'
import { permittedAs } from '../../domain/principal.ts'
import type { ForecastRefusal } from '../../domain/readiness.ts'
import { type Readiness, readinessOf } from '../../domain/readiness.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { Hashing } from '../../platform/world.ts'
import type { User, UserStore } from '../../users/user.store.ts'
import type { DoorClient } from '../authenticate-integration.ts'
import { findAtDoor, type NamedUser } from '../find-at-door.ts'
import type { IntegrationUsage } from '../integration.store.ts'
import {
  type Dependencies as NumberDependencies,
  type NumberToShow,
  showNumber,
} from '../shown-numbers.ts'

export type Dependencies = NumberDependencies & {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly challenges: Pick<ChallengeStore, 'loadCreation'>
  readonly devices: Pick<DeviceStore, 'listOfUser'>
  readonly hashing: Pick<Hashing, 'sha256' | 'hmac' | 'hmacBase64Url'>
  readonly integrationUsage: IntegrationUsage
}

/** A client's request before it asks the person. */
export type Command = {
  readonly user: NamedUser
  readonly address: string
  readonly host: string
  readonly initiator?: Initiator
  /** Whether the client declares that it shows our texts: the number, above all. */
  readonly showsNumber: boolean
  /** Whether the client declares that it lets people in when there is no answer. */
  readonly failsOpen: boolean
  /**
   * Whether the sign-in needs this offer, of a number or not, because the calls of the client prove
   * no date: see `SignIn`.
   */
  readonly isOffer: boolean
}

/** The factors that the person can be offered; at least one. */
export type Preauthentication = {
  readonly user: User
  /** Devices that would be asked; none if nobody can be asked. */
  readonly devices: readonly { readonly deviceId: DeviceId; readonly name: string }[]
  /** Whether codes are accepted. */
  readonly codes: boolean
  /** The number of the next question; null if no number is to be typed, or nobody can be asked. */
  readonly shownNumber: NumberToShow | null
  /** The reason if nobody can be asked; null otherwise. */
  readonly cannotAsk: DoorEnd | null
}

/**
 * Returns the factors that a person could be offered, by the rules for asking them, and draws the
 * number that the client is to show first. A client that shows nothing gets none, and may ask
 * nobody unless the integration requires no number.
 */
export async function preauthenticate(
  dependencies: Dependencies,
  client: DoorClient,
  command: Command,
): Promise<Preauthentication | DoorEnd> {
  const offerResult = await offer(dependencies, client, command)
  if (!isRefusal(offerResult)) return offerResult
  dependencies.integrationUsage.recordFailure(client.integration, offerResult.refused)
  return endOfRefusal(offerResult)
}

async function offer(
  dependencies: Dependencies,
  client: DoorClient,
  command: Command,
): Promise<
  | Preauthentication
  | Refusal<
      | Unasked
      | 'fail_open_not_allowed'
      | 'namespace_not_granted'
      | 'caller_number_missing'
      | 'too_many_requests'
    >
> {
  const { settings, numberMode } = client.integration
  const mayFailOpen = settings.kind === 'duo_auth_api' && settings.failOpenAllowed
  if (command.failsOpen && !mayFailOpen) return refuse('fail_open_not_allowed')
  const user = await findAtDoor(dependencies, client, command.user)
  if (isRefusal(user)) return user
  const { digits, readiness } = await forecast(dependencies, client, user, command.initiator)
  if (readiness.refusal === 'user_suspended') return refuse('user_suspended')
  const codes = readiness.methods.some((method) => method !== 'push' && method !== 'pull')
  const refusalCode =
    readiness.refusal ??
    (numberMode === 'caller' && !command.showsNumber ? 'caller_number_missing' : null)
  if (refusalCode !== null && !codes) return refuse(refusalCode)
  const place = { userId: user.id, address: command.address, host: command.host }
  const shownDigits = refusalCode === null ? digits : null
  const number =
    shownDigits === null && !command.isOffer
      ? null
      : await showNumber(dependencies, client, place, shownDigits ?? unseenDigits, command.isOffer)
  if (isRefusal(number)) return number
  const cannotAsk = refusalCode === null ? null : endOfRefusal(refuse(refusalCode))
  const devices = cannotAsk ? [] : readiness.devices.filter(({ mayAnswer }) => mayAnswer)
  return { user, devices, codes, shownNumber: shownDigits === null ? null : number, cannotAsk }
}

/** Digits of a number that stands for an offer, and that nobody sees. */
const unseenDigits = 6

type Unasked = ForecastRefusal['refused'] | 'number_none_not_allowed' | 'user_not_found'

/** The predicted outcome of a question, and how many digits its number has. */
type Forecast = {
  readonly digits: number | null
  readonly readiness: Omit<Readiness, 'refusal'> & { readonly refusal: Unasked | null }
}

async function forecast(
  { challenges, devices, hashing }: Dependencies,
  { door, integration: { numberMode } }: DoorClient,
  { id: userId }: User,
  initiator: Initiator | undefined,
): Promise<Forecast> {
  const { tenantId, rpId, namespaces } = door
  const creationFacts = await challenges.loadCreation({
    tenantId,
    rpId,
    namespaces,
    user: { id: userId },
    idempotencyKey: null,
    keyId: null,
    maySupersede: false,
    continuedId: null,
    supersededId: null,
    initiatorKey: initiator ? hashing.hmacBase64Url(initiatorText(rpId, initiator)) : null,
  })
  const facts = withOwnPolicy(creationFacts, door)
  const { protection, policy } = facts
  if (facts.userId === null || protection === null) return none('user_not_found')
  const mode = numberMode === 'none' ? 'none' : 'service'
  const number = planUsualNumber(policy, mode, permittedAs(door))
  if (isRefusal(number)) return none(number.refused)
  const allDevices = await devices.listOfUser(tenantId, userId)
  const liveDevices = allDevices.filter(({ status }) => status !== 'unregistered')
  const readiness = readinessOf({
    ...facts,
    protection,
    number,
    userVerification: 'preferred',
    devices: liveDevices,
  })
  return { digits: number.digits, readiness }
}

function none(refusal: Unasked): Forecast {
  const nothing = { methods: [], retryAfterSeconds: null, suppressed: null, devices: [] }
  return { digits: null, readiness: { ...nothing, refusal } }
}
