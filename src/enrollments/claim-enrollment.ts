import type { DeviceStore } from '../devices/device.store.ts'
import { bindKeys } from '../devices/device-keys.ts'
import type { StatedAddress } from '../devices/push-address.store.ts'
import { sealPushToken } from '../devices/rotate-push-token.ts'
import {
  readStatedAddress,
  type Dependencies as StatedDependencies,
} from '../devices/stated-address.ts'
import { type NotifyDependencies, notifyUnregistration } from '../devices/unregister-devices.ts'
import { activity } from '../domain/activity.ts'
import { checkApp } from '../domain/app.ts'
import { type Device, isBrowser, type Platform } from '../domain/device.ts'
import { confirmationDigits, type Enrollment, readCode, viewOf } from '../domain/enrollment.ts'
import { issuerOf } from '../domain/issuer.ts'
import { checkPasskey } from '../domain/passkey.ts'
import { checkProtocolVersion } from '../domain/protocol-version.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { createPasscodeSecret, type PasscodeSecret } from '../passcodes/passcode-secrets.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Macs, OneTimePasswords, Random, Sealing } from '../platform/world.ts'
import type { StoredSigningKey } from '../tenants/directory.store.ts'
import { attestKeys } from './attest-keys.ts'
import type { AttestationStatement, AttestationVerifier } from './attestation.store.ts'
import {
  type ClaimedKeys,
  type Dependencies as KeyDependencies,
  readClaimedKeys,
} from './claimed-keys.ts'
import type { ClaimTarget, EnrollmentStore } from './enrollment.store.ts'
import { typedCodeMessage } from './open-enrollment.ts'
import { enrollmentNumberBinding } from './read-enrollment.ts'

type Parts = NotifyDependencies & KeyDependencies & StatedDependencies

export type Dependencies = Parts & {
  readonly enrollments: Pick<EnrollmentStore, 'findByCode' | 'findByTypedCode' | 'claim'>
  readonly devices: Pick<DeviceStore, 'find'>
  readonly userQueue: UserQueue
  readonly hashing: Hashing
  readonly sealing: Sealing
  readonly oneTimePasswords: OneTimePasswords
  readonly macs: Pick<Macs, 'mac'>
  readonly random: Random
  readonly attestations: AttestationVerifier
}

export type Command = ClaimedKeys & {
  readonly code: string
  /** The user's name as typed; needed with a typed code only. */
  readonly user?: string
  readonly appId: string
  readonly device: Pick<Device, 'name' | 'model' | 'osVersion' | 'appVersion'> & {
    readonly platform: Platform
    readonly language?: string | null
  }
  readonly push?: StatedAddress
  readonly attestation?: AttestationStatement
}

/** What the response to a new device contains. */
export type ClaimResult = {
  readonly device: Device
  readonly confirmationRequired: boolean
  readonly tenantName: string
  readonly userName: string
  readonly issuer: string
  readonly signingKeys: readonly StoredSigningKey[]
  /** The secret from which it derives passcodes; null when the tenant allows none. */
  readonly passcode: PasscodeSecret | null
}

/**
 * Lets one device join one user. The device proves both keys over the code; unless the tenant's
 * policy waives it, it stays unconfirmed, and is no target, until the person has typed the number
 * from the relying party's page (confirm-enrollment.ts): a stolen code enrolls nobody.
 */
export async function claimEnrollment(
  dependencies: Dependencies,
  command: Command,
): Promise<
  | ClaimResult
  | Refusal<
      | 'clock_skew'
      | 'platform_retired'
      | 'app_too_old'
      | 'protocol_too_old'
      | 'attestation_missing'
      | 'attestation_invalid'
      | 'passkey_synced'
      | 'invalid_request'
      | 'proof_malformed'
      | 'proof_invalid'
      | 'too_many_requests'
      | 'enrollment_code_invalid'
      | 'enrollment_not_open'
      | 'enrollment_expired'
      | 'too_many_devices'
      | 'key_already_registered'
    >
> {
  const enrollmentCode = readCode(command.code)
  if (!enrollmentCode) return refuse('enrollment_code_invalid')
  const target = await findTarget(dependencies, command, enrollmentCode)
  if (isRefusal(target)) return target
  const { enrollment, policy } = target
  const fault = checkOpen(target) ?? checkApp({ ...command.device, appId: command.appId }, policy)
  if (fault) return fault
  // The keys are checked last: unauthenticated clients without a code must not cause costly
  // computations.
  const codeHash = dependencies.hashing.sha256Base64Url(enrollmentCode.code)
  const readClaim = await readClaimedKeys(dependencies, command, codeHash)
  if (isRefusal(readClaim)) return readClaim
  const { keys, protocolVersion } = readClaim
  const unfit = checkProtocolVersion(readClaim, policy) ?? checkPasskey(keys, policy)
  if (unfit) return unfit
  const attestation = await attestKeys(dependencies, policy.attestation, {
    issuer: issuerOf(dependencies.publicOrigin, enrollment.tenantId),
    codeHash,
    appId: command.appId,
    keys,
    // Nobody vouches for a browser.
    attestation: isBrowser({ ...command.device, appId: command.appId })
      ? undefined
      : command.attestation,
    at: target.now,
  })
  if (isRefusal(attestation)) return attestation

  const push = command.push
    ? await readStatedAddress(dependencies, command.push, command.appId)
    : null
  if (push && isRefusal(push)) return push

  const id = dependencies.random.id('device')
  const { tenantId, userId } = enrollment
  const origin = {
    userId,
    actor: `device:${id}`,
    deviceId: id,
    enrollmentId: enrollment.id,
  } as const
  const { appId, device } = command
  const passcode = createPasscodeSecret(dependencies, policy, tenantId, id)
  const details = {
    name: device.name,
    platform: device.platform,
    ...(policy.attestation !== 'off' && { attestation: attestation.verdict }),
  }
  const claim = {
    device: {
      tenantId,
      id,
      userId,
      enrollmentId: enrollment.id,
      appId,
      attestation,
      protocolVersion,
      ...device,
    },
    keys: bindKeys(dependencies, { tenantId, id, userId }, keys),
    push: push && sealPushToken(dependencies, tenantId, id, push),
    numberSealed: enrollment.confirmationRequired
      ? dependencies.sealing.seal(
          dependencies.random.digits(confirmationDigits),
          enrollmentNumberBinding(enrollment),
        )
      : null,
    passcodeSecret: passcode?.storedSecret ?? null,
    devicesPerUserMax: policy.devicesPerUserMax,
    activities: [
      activity({ ...origin, type: 'enrollment_claimed', details }),
      ...(enrollment.confirmationRequired
        ? []
        : [activity({ ...origin, type: 'device_added', details })]),
    ],
  }
  const outcome = await dependencies.userQueue.run(enrollment, `claims:${enrollment.id}`, () =>
    dependencies.enrollments.claim(claim),
  )
  if (isRefusal(outcome)) return outcome
  if (outcome.kind !== 'claimed') return refusalOf(outcome.kind)
  dependencies.signals.publish(enrollment.id)
  if (outcome.unregistration) await notifyUnregistration(dependencies, outcome.unregistration)
  return {
    device: outcome.device,
    confirmationRequired: enrollment.confirmationRequired,
    tenantName: target.tenantName,
    userName: target.userName,
    issuer: issuerOf(dependencies.publicOrigin, tenantId),
    signingKeys: target.signingKeys,
    passcode: passcode?.passcodeSecret ?? null,
  }
}

function refusalOf(
  kind: 'not_open' | 'too_many_devices' | 'key_already_registered',
): Refusal<'enrollment_not_open' | 'too_many_devices' | 'key_already_registered'> {
  return refuse(kind === 'not_open' ? 'enrollment_not_open' : kind)
}

async function findTarget(
  { enrollments, hashing }: Dependencies,
  { tenantId, user }: Command,
  { kind, code }: NonNullable<ReturnType<typeof readCode>>,
): Promise<ClaimTarget | Refusal<'enrollment_code_invalid'>> {
  if (kind === 'scanned') {
    const target = await enrollments.findByCode(tenantId, hashing.sha256(code))
    return target ?? refuse('enrollment_code_invalid')
  }
  if (user === undefined) {
    return refuse('enrollment_code_invalid', { hint: 'Type the user name together with the code.' })
  }
  const hash = hashing.hmac(typedCodeMessage(tenantId, code))
  return (
    (await enrollments.findByTypedCode(tenantId, user, hash)) ?? refuse('enrollment_code_invalid')
  )
}

function checkOpen({
  enrollment,
  now,
}: {
  enrollment: Enrollment
  now: Date
}): Refusal<'enrollment_not_open' | 'enrollment_expired'> | undefined {
  const status = viewOf(enrollment, now)
  if (status === 'open') return undefined
  return refuse(status === 'expired' ? 'enrollment_expired' : 'enrollment_not_open')
}
