import { type Actor, activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import {
  confirmationTriesMax,
  type Enrollment,
  typedCodeAlphabet,
  typedCodeLength,
} from '../domain/enrollment.ts'
import type { DeviceId, UserId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import type { Policy } from '../domain/policy.ts'
import { type Asker, actorOf } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserReference } from '../ports/challenge-store.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import type { TenantStore, UserStore } from '../ports/directory-store.ts'
import type { EnrollmentStore } from '../ports/enrollment-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Hashing, Random } from '../ports/world.ts'
import { findUser } from './find-user.ts'
import { importUser } from './import-user.ts'

export type Needs = {
  readonly enrollments: Pick<EnrollmentStore, 'create'>
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier' | 'import'>
  readonly devices: Pick<DeviceStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly random: Random
  readonly hashing: Hashing
  readonly userTurns: UserTurns
  readonly publicOrigin: string
}

export type Command = {
  readonly user: UserReference | string
  /** Creates the user under this name when the identifier is new. */
  readonly displayName?: string
  /** Unregistered, reason `replaced`, when the new device becomes active. */
  readonly replacesDeviceId?: DeviceId
  /** The device becomes a companion (a watch) of this one. */
  readonly parentDeviceId?: DeviceId
}

/** The only time that the codes are readable. */
export type OpenedEnrollment = {
  readonly enrollment: Enrollment
  /** Ten characters to type together with the user name, in two groups of five. */
  readonly code: string
  /** What the QR picture holds: issuer and 256-bit code, for the app's own scanner. */
  readonly uri: string
}

/** The message of the keyed hash that keeps a typed code. */
export function typedCodeMessage(tenantId: string, code: string): string {
  return `typed-code:${tenantId}:${code}`
}

/** Where a phone finds the service, the tenant and the code. Not an operating-system URL scheme: any app could claim that. */
function enrollmentUri(
  publicOrigin: string,
  { tenantId }: Pick<Enrollment, 'tenantId'>,
  code: string,
): string {
  return `${issuerOf(publicOrigin, tenantId)}/enroll#${code}`
}

/** Opens an enrollment for a user, creating the user where a name for it is given. */
export async function openEnrollment(
  needs: Needs,
  principal: Asker,
  command: Command,
): Promise<OpenedEnrollment | Refusal> {
  const user = await userOf(needs, principal, command)
  if (isRefusal(user)) return user
  const { tenantId } = principal
  const replaced = command.replacesDeviceId
  if (replaced !== undefined) {
    const device = await needs.devices.find(tenantId, replaced)
    if (!device || !mayBeReplaced(device, user.id)) return refuse('not_found')
  }
  const parentId = command.parentDeviceId
  if (parentId !== undefined) {
    const parent = await needs.devices.find(tenantId, parentId)
    if (!parent || !mayBeParent(parent, user.id) || parentId === replaced) {
      return refuse('not_found')
    }
  }
  const policy = await needs.tenants.findPolicy(tenantId, principal.rpId)
  const { made, codes } = draftEnrollment(needs, policy, {
    tenantId,
    userId: user.id,
    rpId: principal.rpId,
    replacesDeviceId: replaced ?? null,
    parentDeviceId: parentId ?? null,
    openedByDeviceId: null,
    actor: actorOf(principal),
  })
  const enrollment = await needs.userTurns.take(made, `enrollments:${principal.rpId}`, () =>
    needs.enrollments.create(made),
  )
  if (isRefusal(enrollment)) return enrollment
  return enrollment === 'user_suspended' ? refuse('user_suspended') : { enrollment, ...codes }
}

/** Only a user's own devices are replaced, and only those that still stand. */
export function mayBeReplaced({ userId, status }: Device, ofUserId: UserId): boolean {
  return userId === ofUserId && (status === 'active' || status === 'suspended')
}

/** Only a user's own active devices have companions, and companions have none. */
export function mayBeParent({ userId, status, parentDeviceId }: Device, ofUserId: UserId): boolean {
  return userId === ofUserId && status === 'active' && parentDeviceId === null
}

/** A new enrollment under these rules, with its codes: readable this once, kept as hashes. */
export function draftEnrollment<const Opener extends DeviceId | null>(
  needs: Pick<Needs, 'random' | 'hashing' | 'publicOrigin'>,
  policy: Policy,
  asked: Pick<
    Enrollment,
    'tenantId' | 'userId' | 'rpId' | 'replacesDeviceId' | 'parentDeviceId'
  > & {
    readonly openedByDeviceId: Opener
    readonly actor: Actor
  },
) {
  const scanned = needs.random.token(32)
  const typed = needs.random.characters(typedCodeAlphabet, typedCodeLength)
  const id = needs.random.id('enrollment')
  const { actor, ...about } = asked
  const { tenantId, userId } = about
  const made = {
    ...about,
    id,
    codeTriesLeft: policy.enrollmentCodeTriesMax,
    wrongNumbersLeft: confirmationTriesMax,
    confirmationRequired: policy.enrollmentConfirmation,
    codeHash: needs.hashing.sha256(scanned),
    typedCodeHash: needs.hashing.keyed(typedCodeMessage(tenantId, typed)),
    ttlSeconds: policy.enrollmentTtlSeconds,
    activity: activity({ userId, type: 'enrollment_opened', actor, enrollmentId: id }),
  }
  const codes = {
    code: `${typed.slice(0, 5)}-${typed.slice(5)}`,
    uri: enrollmentUri(needs.publicOrigin, made, scanned),
  }
  return { made, codes }
}

const newUserHint = 'Give `displayName` to create the user, or check the name for a slip.'

async function userOf(needs: Needs, principal: Asker, { user, displayName }: Command) {
  const found = await findUser(needs, principal, user)
  const isNamed = !(typeof user === 'object' && 'id' in user)
  if (!isRefusal(found) || found.refused !== 'not_found' || !isNamed) return found
  if (displayName === undefined) return refuse('user_not_found', { hint: newUserHint })
  const imported = await importUser(needs, principal, { displayName, identifiers: [user] })
  return isRefusal(imported) ? imported : imported.user
}
