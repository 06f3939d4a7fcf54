import { type Actor, activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import {
  confirmationTriesMax,
  type Enrolment,
  typedCodeAlphabet,
  typedCodeLength,
} from '../domain/enrolment.ts'
import type { DeviceId, UserId } from '../domain/ids.ts'
import { issuerOf } from '../domain/issuer.ts'
import type { Policy } from '../domain/policy.ts'
import { type Asker, actorOf } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserReference } from '../ports/challenge-store.ts'
import type { DeviceStore } from '../ports/device-store.ts'
import type { TenantStore, UserStore } from '../ports/directory-store.ts'
import type { EnrolmentStore } from '../ports/enrolment-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import type { Hashing, Random } from '../ports/world.ts'
import { findUser } from './find-user.ts'
import { importUser } from './import-user.ts'

export type Needs = {
  readonly enrolments: Pick<EnrolmentStore, 'create'>
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
export type OpenedEnrolment = {
  readonly enrolment: Enrolment
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
function enrolmentUri(
  publicOrigin: string,
  { tenantId }: Pick<Enrolment, 'tenantId'>,
  code: string,
): string {
  return `${issuerOf(publicOrigin, tenantId)}/enrol#${code}`
}

/** Opens an enrolment for a user, creating the user where a name for it is given. */
export async function openEnrolment(
  needs: Needs,
  principal: Asker,
  command: Command,
): Promise<OpenedEnrolment | Refusal> {
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
  const { made, codes } = draftEnrolment(needs, policy, {
    tenantId,
    userId: user.id,
    rpId: principal.rpId,
    replacesDeviceId: replaced ?? null,
    parentDeviceId: parentId ?? null,
    openedByDeviceId: null,
    actor: actorOf(principal),
  })
  const enrolment = await needs.userTurns.take(made, `enrolments:${principal.rpId}`, () =>
    needs.enrolments.create(made),
  )
  if (isRefusal(enrolment)) return enrolment
  return enrolment === 'user_suspended' ? refuse('user_suspended') : { enrolment, ...codes }
}

/** Only a user's own devices are replaced, and only those that still stand. */
export function mayBeReplaced({ userId, status }: Device, ofUserId: UserId): boolean {
  return userId === ofUserId && (status === 'active' || status === 'suspended')
}

/** Only a user's own active devices have companions, and companions have none. */
export function mayBeParent({ userId, status, parentDeviceId }: Device, ofUserId: UserId): boolean {
  return userId === ofUserId && status === 'active' && parentDeviceId === null
}

/** A new enrolment under these rules, with its codes: readable this once, kept as hashes. */
export function draftEnrolment<const Opener extends DeviceId | null>(
  needs: Pick<Needs, 'random' | 'hashing' | 'publicOrigin'>,
  policy: Policy,
  asked: Pick<Enrolment, 'tenantId' | 'userId' | 'rpId' | 'replacesDeviceId' | 'parentDeviceId'> & {
    readonly openedByDeviceId: Opener
    readonly actor: Actor
  },
) {
  const scanned = needs.random.token(32)
  const typed = needs.random.characters(typedCodeAlphabet, typedCodeLength)
  const id = needs.random.id('enrolment')
  const { actor, ...about } = asked
  const { tenantId, userId } = about
  const made = {
    ...about,
    id,
    codeTriesLeft: policy.enrolmentCodeTriesMax,
    wrongNumbersLeft: confirmationTriesMax,
    confirmationRequired: policy.enrolmentConfirmation,
    codeHash: needs.hashing.sha256(scanned),
    typedCodeHash: needs.hashing.keyed(typedCodeMessage(tenantId, typed)),
    ttlSeconds: policy.enrolmentTtlSeconds,
    activity: activity({ userId, type: 'enrolment_opened', actor, enrolmentId: id }),
  }
  const codes = {
    code: `${typed.slice(0, 5)}-${typed.slice(5)}`,
    uri: enrolmentUri(needs.publicOrigin, made, scanned),
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
