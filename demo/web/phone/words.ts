import { DeviceApiError } from '../../../clients/device/src/device-api-error.ts'
import type { ActivityDetails, DeviceDetails } from '../../../clients/device/src/views.ts'

type Sentence = (facts: Readonly<Record<string, unknown>>) => string

function attemptsLeftText({
  wrongNumbersLeft: attemptsLeft,
}: Readonly<Record<string, unknown>>): string {
  if (attemptsLeft === 0) return 'No tries are left.'
  return attemptsLeft === 1 ? 'One try is left.' : `${String(attemptsLeft)} tries are left.`
}

const sentences: Readonly<Record<string, Sentence>> = {
  unreachable: () => 'Countersign does not answer. Nothing was decided; try again in a moment.',
  wrong_number: (facts) => `That is not the number on the sign-in page. ${attemptsLeftText(facts)}`,
  challenge_ended: () => 'This request is closed: it was answered elsewhere or taken back.',
  challenge_expired: () => 'This request is over: the time ran out.',
  enrollment_code_invalid: () => 'This code is not valid. Check code and name, and try again.',
  enrollment_expired: () => 'This code is too old. Ask for a new one on the sign-in page.',
  enrollment_not_open: () => 'This code was used or taken back. Ask for a new one.',
  too_many_devices: () => 'This account has as many phones as it may. Unregister one first.',
  clock_skew: () => 'This phone’s clock is wrong, and setting it by the service did not help.',
  device_unregistered: () => 'This phone was unregistered. Its keys are worth nothing any more.',
}

/** The error text for the user of the phone. */
export function wordsOf(error: unknown, isOffline: boolean): string {
  if (!(error instanceof DeviceApiError)) {
    return error instanceof Error ? error.message : String(error)
  }
  if (error.code === 'unreachable' && isOffline) {
    return 'This phone is offline. Switch its network on and try again.'
  }
  return sentences[error.code]?.(error.facts) ?? error.message
}

const activities: Readonly<Record<string, string>> = {
  user_imported: 'Account created',
  user_suspended: 'Account suspended',
  user_activated: 'Account active again',
  enrollment_opened: 'Code for a new phone made',
  enrollment_claimed: 'A new phone read the code',
  enrollment_cancelled: 'Code for a new phone taken back',
  enrollment_void: 'A new phone was turned away',
  typed_code_ended: 'Code for a new phone typed wrongly too often',
  device_added: 'Phone added',
  device_renamed: 'Phone renamed',
  device_key_rotated: 'Key of a phone replaced',
  device_unregistered: 'Phone unregistered',
  device_suspended: 'Phone suspended',
  device_activated: 'Phone active again',
  revoked_device_used: 'An unregistered phone tried to answer',
  challenge_created: 'Sign-in asked for',
  challenge_resent: 'Sign-in pushed again',
  challenge_approved: 'Sign-in approved',
  challenge_denied: 'Sign-in denied',
  challenge_reported: 'Sign-in reported: not you',
  challenge_expired: 'Sign-in not answered in time',
  challenge_cancelled: 'Sign-in taken back',
  number_failed: 'Wrong number typed',
  passcode_used: 'Passcode used',
  passcode_failed: 'Wrong passcode typed',
  recovery_codes_made: 'Recovery codes made',
  recovery_code_used: 'Recovery code used',
  temporary_code_made: 'Temporary code made',
  temporary_code_used: 'Temporary code used',
}

/** An activity as its owner reads it; what happened to a phone names the phone. */
export function activityTitle({
  type,
  details,
}: Pick<ActivityDetails, 'type' | 'details'>): string {
  const title = activities[type] ?? type
  if (type === 'device_renamed') return `${title}: ${details.from} is now ${details.to}`
  return type.startsWith('device_') && details.name ? `${title}: ${details.name}` : title
}

/**
 * What the phones of this account are called: those it has now, and earlier ones from the list of
 * activities.
 */
export function phoneNames(
  devices: readonly Pick<DeviceDetails, 'id' | 'name'>[],
  pastActivities: readonly Pick<ActivityDetails, 'deviceId' | 'details'>[],
): ReadonlyMap<string, string> {
  const earlier = pastActivities.flatMap(({ deviceId, details }) =>
    deviceId && details.name ? [[deviceId, String(details.name)] as const] : [],
  )
  // The list begins with the newest, which takes precedence.
  return new Map([...earlier.toReversed(), ...devices.map(({ id, name }) => [id, name] as const)])
}

/** The actor, from the view of this phone. */
export function actorName(
  { actor, type }: Pick<ActivityDetails, 'actor' | 'type'>,
  ownDeviceId: string | undefined,
  names: ReadonlyMap<string, string>,
  company: string,
): string {
  const [kind, id = ''] = actor.split(':')
  if (kind === 'api_key') return `by ${company}`
  if (kind !== 'device') return `by the ${actor}`
  // A phone adds itself; what it does to another one comes from it.
  const where = type === 'device_unregistered' ? 'from' : 'on'
  return id === ownDeviceId ? `${where} this phone` : `${where} ${names.get(id) ?? 'another phone'}`
}

/** How long ago, in words. */
export function ago(thenMs: number, nowMs: number): string {
  const seconds = Math.round((nowMs - thenMs) / 1000)
  if (seconds < 5) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  const isToday = new Date(thenMs).toDateString() === new Date(nowMs).toDateString()
  return new Date(thenMs).toLocaleString('en-GB', {
    ...(isToday ? {} : { day: 'numeric', month: 'short' }),
    hour: '2-digit',
    minute: '2-digit',
  })
}
