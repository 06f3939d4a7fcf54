import { type DoorEnd, endOfRefusal } from '../../domain/door.ts'
import type { DeviceId } from '../../domain/ids.ts'
import { type Initiator, initiatorText } from '../../domain/initiator.ts'
import { planNumber } from '../../domain/number-match.ts'
import { permittedAs } from '../../domain/principal.ts'
import { type Readiness, readinessOf } from '../../domain/readiness.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { ChallengeStore } from '../../ports/challenge-store.ts'
import type { DeviceStore } from '../../ports/device-store.ts'
import type { User, UserStore } from '../../ports/directory-store.ts'
import type { IntegrationUsage } from '../../ports/integration-store.ts'
import type { Hashing } from '../../ports/world.ts'
import { withOwnPolicy } from '../create-challenge.ts'
import type { Entered } from './authenticate-integration.ts'
import { findAtDoor, type NamedUser } from './find-at-door.ts'
import { type Needs as NumberNeeds, type ShownNumber, showNumber } from './shown-numbers.ts'

export type Needs = NumberNeeds & {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly challenges: Pick<ChallengeStore, 'loadCreation'>
  readonly devices: Pick<DeviceStore, 'listOfUser'>
  readonly hashing: Pick<Hashing, 'sha256' | 'keyed' | 'keyedBase64Url'>
  readonly integrationUsage: IntegrationUsage
}

/** What a client asks before it asks the person. */
export type Command = {
  readonly user: NamedUser
  readonly address: string
  readonly host: string
  readonly initiator?: Initiator
  /** Whether the client says that it shows what it is told: the number, above all. */
  readonly showsNumber: boolean
  /** Whether the client says that it lets people in when nobody answers. */
  readonly failsOpen: boolean
}

/** What the person can be offered; at least one way. */
export type Preauthentication = {
  readonly user: User
  /** Devices that would be asked; none where nobody can be asked. */
  readonly devices: readonly { readonly deviceId: DeviceId; readonly name: string }[]
  /** Whether codes are taken. */
  readonly codes: boolean
  /** The number of the next question; null where nothing is to be typed, or nobody can be asked. */
  readonly shown: ShownNumber | null
  /** Why nobody can be asked; null when somebody can. */
  readonly cannotAsk: DoorEnd | null
}

/**
 * Says what a person could be offered, by the rules by which they would be asked, and draws the number that the client is to show
 * first. A client that shows nothing gets none, and may ask nobody unless the integration does without a number.
 */
export async function preauthenticate(
  needs: Needs,
  entered: Entered,
  command: Command,
): Promise<Preauthentication | DoorEnd> {
  const offered = await offer(needs, entered, command)
  if (!isRefusal(offered)) return offered
  needs.integrationUsage.failed(entered.integration, offered.refused)
  return endOfRefusal(offered)
}

async function offer(
  needs: Needs,
  entered: Entered,
  command: Command,
): Promise<Preauthentication | Refusal> {
  const { settings, numberMode } = entered.integration
  const mayFailOpen = settings.kind === 'duo_auth_api' && settings.failOpenAllowed
  if (command.failsOpen && !mayFailOpen) return refuse('fail_open_not_allowed')
  const user = await findAtDoor(needs, entered, command.user)
  if (isRefusal(user)) return user
  const { digits, readiness } = await judge(needs, entered, user, command.initiator)
  if (readiness.refusal === 'user_suspended') return refuse('user_suspended')
  const codes = readiness.methods.some((method) => method !== 'push' && method !== 'pull')
  const refused =
    readiness.refusal ??
    (numberMode === 'caller' && !command.showsNumber ? 'caller_number_missing' : null)
  if (refused !== null) {
    const cannotAsk = endOfRefusal(refuse(refused))
    return codes ? { user, devices: [], codes, shown: null, cannotAsk } : refuse(refused)
  }
  const place = { userId: user.id, address: command.address, host: command.host }
  const shown = digits === null ? null : await showNumber(needs, entered, place, digits)
  const devices = readiness.devices.filter(({ mayAnswer }) => mayAnswer)
  return { user, devices, codes, shown, cannotAsk: null }
}

/** What would become of a question, and how many digits its number has. */
async function judge(
  { challenges, devices, hashing }: Needs,
  { door, integration: { numberMode } }: Entered,
  { id: userId }: User,
  initiator: Initiator | undefined,
): Promise<{ readonly digits: number | null; readonly readiness: Readiness }> {
  const { tenantId, rpId, namespaces } = door
  const loaded = await challenges.loadCreation({
    tenantId,
    rpId,
    namespaces,
    user: { id: userId },
    idempotencyKey: null,
    requestHash: hashing.sha256(''),
    binding: null,
    initiatorKey: initiator ? hashing.keyedBase64Url(initiatorText(rpId, initiator)) : null,
  })
  const facts = withOwnPolicy(loaded, door)
  const { protection, policy } = facts
  if (facts.userId === null || protection === null) return none('user_not_found')
  const asked = { mode: numberMode === 'none' ? 'none' : 'service' } as const
  const number = planNumber(policy, asked, permittedAs(door))
  if (isRefusal(number)) return none(number.refused)
  const listed = await devices.listOfUser(tenantId, userId)
  const live = listed.filter(({ status }) => status !== 'unregistered')
  const readiness = readinessOf({
    ...facts,
    protection,
    number,
    userVerification: 'preferred',
    devices: live,
  })
  return { digits: number.digits, readiness }
}

function none(refusal: NonNullable<Readiness['refusal']>) {
  const nothing = { methods: [], retryAfterSeconds: null, suppressed: null, devices: [] }
  return { digits: null, readiness: { ...nothing, refusal } }
}
