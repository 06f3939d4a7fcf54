import type { DeviceStore } from '../devices/device.store.ts'
import { type Actor, activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import {
  confirmationAttemptsMax,
  type Enrollment,
  typedCodeAlphabet,
  typedCodeLength,
} from '../domain/enrollment.ts'
import type { DeviceId, PortalSessionId, UserId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import type { Policy } from '../domain/policy.ts'
import { type Asker, actorOf } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Random } from '../platform/world.ts'
import type { PushSignInStore } from '../protection/push-sign-in.store.ts'
import { reasonForNotEnrolling } from '../protection/push-sign-in.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import { findUser, readUser } from '../users/find-user.ts'
import { importUser } from '../users/import-user.ts'
import type { User, UserReference, UserStore } from '../users/user.store.ts'
import type { EnrollmentStore } from './enrollment.store.ts'

export type Dependencies = {
  readonly enrollments: Pick<EnrollmentStore, 'create'>
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier' | 'import'>
  readonly devices: Pick<DeviceStore, 'find'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly pushSignIn: Pick<PushSignInStore, 'find'>
  readonly random: Random
  readonly hashing: Hashing
  readonly userQueue: UserQueue
  readonly publicOrigin: string
}

/** Other devices of the user that the new one has to do with. */
export type RelatedDevices = {
  /** Unregistered, reason `replaced`, when the new device becomes active. */
  readonly replacesDeviceId?: DeviceId
  /** The device becomes a companion (a watch) of this one. */
  readonly parentDeviceId?: DeviceId
}

export type Command = RelatedDevices & {
  readonly user: UserReference | string
  /** Creates the user under this name when the identifier is new. */
  readonly displayName?: string
}

/** An opened enrollment; the only time that the codes are readable. */
export type OpenedEnrollment = {
  readonly enrollment: Enrollment
  /** Ten characters to type together with the user name, in two groups of five. */
  readonly code: string
  /** The content of the QR code: issuer and 256-bit code, for the app's own scanner. */
  readonly uri: string
}

/** The message of the keyed hash under which a typed code is stored. */
export function typedCodeMessage(tenantId: string, code: string): string {
  return `typed-code:${tenantId}:${code}`
}

/**
 * Locates the service, the tenant and the code for a phone. Not an operating-system URL scheme: any
 * app could claim that.
 */
function enrollmentUri(
  publicOrigin: string,
  { tenantId }: Pick<Enrollment, 'tenantId'>,
  code: string,
): string {
  return `${issuerOf(publicOrigin, tenantId)}/enroll#${code}`
}

type OpenRefusal = Refusal<
  'user_suspended' | 'push_sign_in_off' | 'too_many_requests' | 'not_found'
>

/** Opens an enrollment for a user; creates the user if a display name is given. */
export async function openEnrollment(
  dependencies: Dependencies,
  principal: Asker,
  command: Command,
): Promise<
  | OpenedEnrollment
  | OpenRefusal
  | Refusal<'namespace_not_granted' | 'identifier_taken' | 'user_not_found'>
> {
  const user = await userOf(dependencies, principal, command)
  return isRefusal(user) ? user : openFor(dependencies, principal, user, command)
}

/** Opens an enrollment for an existing user. */
export async function openEnrollmentOfUser(
  dependencies: Dependencies,
  principal: Asker,
  userId: UserId,
  devices: RelatedDevices,
): Promise<OpenedEnrollment | OpenRefusal> {
  const user = await readUser(dependencies, principal, userId)
  return isRefusal(user) ? user : openFor(dependencies, principal, user, devices)
}

async function openFor(
  dependencies: Dependencies,
  principal: Asker,
  user: Pick<User, 'id'>,
  { replacesDeviceId: replacedId, parentDeviceId: parentId }: RelatedDevices,
): Promise<OpenedEnrollment | OpenRefusal> {
  const { tenantId } = principal
  if (replacedId !== undefined) {
    const device = await dependencies.devices.find(tenantId, replacedId)
    if (!device || !mayBeReplaced(device, user.id)) return refuse('not_found')
  }
  if (parentId !== undefined) {
    const parent = await dependencies.devices.find(tenantId, parentId)
    if (!parent || !mayBeParent(parent, user.id) || parentId === replacedId) {
      return refuse('not_found')
    }
  }
  const policy = await dependencies.tenants.findPolicy(tenantId, principal.rpId)
  const refusal = await reasonForNotEnrolling(dependencies, policy, tenantId, user.id)
  if (refusal) return refusal
  const { newEnrollment, codes } = draftEnrollment(dependencies, policy, {
    tenantId,
    userId: user.id,
    rpId: principal.rpId,
    replacesDeviceId: replacedId ?? null,
    parentDeviceId: parentId ?? null,
    openedByDeviceId: null,
    openedBySessionId: null,
    actor: actorOf(principal),
  })
  const enrollment = await dependencies.userQueue.run(
    newEnrollment,
    `enrollments:${principal.rpId}`,
    () => dependencies.enrollments.create(newEnrollment),
  )
  if (isRefusal(enrollment)) return enrollment
  return enrollment === 'user_suspended' ? refuse('user_suspended') : { enrollment, ...codes }
}

/** Only a user's own devices are replaced, and only active or suspended ones. */
export function mayBeReplaced({ userId, status }: Device, ofUserId: UserId): boolean {
  return userId === ofUserId && (status === 'active' || status === 'suspended')
}

/** Only a user's own active devices have companions, and companions have none. */
export function mayBeParent({ userId, status, parentDeviceId }: Device, ofUserId: UserId): boolean {
  return userId === ofUserId && status === 'active' && parentDeviceId === null
}

/** A new enrollment with these members, with its codes: readable this once, stored as hashes. */
export function draftEnrollment<
  const Opener extends DeviceId | null,
  const Session extends PortalSessionId | null,
>(
  dependencies: Pick<Dependencies, 'random' | 'hashing' | 'publicOrigin'>,
  policy: Policy,
  input: Pick<
    Enrollment,
    'tenantId' | 'userId' | 'rpId' | 'replacesDeviceId' | 'parentDeviceId'
  > & {
    readonly openedByDeviceId: Opener
    readonly openedBySessionId: Session
    readonly actor: Actor
  },
) {
  const scannedCode = dependencies.random.token(32)
  const typedCode = dependencies.random.characters(typedCodeAlphabet, typedCodeLength)
  const id = dependencies.random.id('enrollment')
  const { actor, ...about } = input
  const { tenantId, userId } = about
  const newEnrollment = {
    ...about,
    id,
    codeAttemptsLeft: policy.enrollmentCodeTriesMax,
    wrongNumbersLeft: confirmationAttemptsMax,
    confirmationRequired: policy.enrollmentConfirmation,
    codeHash: dependencies.hashing.sha256(scannedCode),
    typedCodeHash: dependencies.hashing.hmac(typedCodeMessage(tenantId, typedCode)),
    ttlSeconds: policy.enrollmentTtlSeconds,
    activity: activity({ userId, type: 'enrollment_opened', actor, enrollmentId: id }),
  }
  const codes = {
    code: `${typedCode.slice(0, 5)}-${typedCode.slice(5)}`,
    uri: enrollmentUri(dependencies.publicOrigin, newEnrollment, scannedCode),
  }
  return { newEnrollment, codes }
}

const newUserHint = 'Give `displayName` to create the user, or check the name for a typo.'

async function userOf(
  dependencies: Dependencies,
  principal: Asker,
  { user, displayName }: Command,
) {
  const result = await findUser(dependencies, principal, user)
  const isNamed = !(typeof user === 'object' && 'id' in user)
  if (!isRefusal(result) || result.refused !== 'not_found' || !isNamed) return result
  if (displayName === undefined) return refuse('user_not_found', { hint: newUserHint })
  const importResult = await importUser(dependencies, principal, {
    displayName,
    identifiers: [user],
  })
  return isRefusal(importResult) ? importResult : importResult.user
}
