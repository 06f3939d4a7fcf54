import { checkApp } from '../domain/app.ts'
import { type Device, type KeyRole, revokedUse } from '../domain/device.ts'
import { type DeviceProof, type ProvenRequest, readProof } from '../domain/device-proof.ts'
import { isRefusedPasskey } from '../domain/passkey.ts'
import { checkProtocolVersion } from '../domain/protocol-version.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { Clock, Hashing, Signatures } from '../platform/world.ts'
import type { DeviceStore, KnownDevice } from './device.store.ts'
import { isOwnReplacedKey, ownSigningKey } from './device-keys.ts'
import {
  type Dependencies as AssertionDependencies,
  faultOfOwnAssertion,
} from './keys/verify-assertion.ts'

/** Longest `Device-Proof` header that is read, in bytes. */
export const proofBytesMax = 4096

export type ReadProofDependencies = {
  readonly signatures: Pick<Signatures, 'read' | 'decodeAssertion'>
  readonly clock: Clock
}

/**
 * Reads the `Device-Proof` header and checks it against the request, and the `Device-Assertion`
 * header if there is one; their signatures are verified later.
 */
export function readDeviceProof(
  { signatures, clock }: ReadProofDependencies,
  header: string | undefined,
  request: ProvenRequest,
  assertionHeader?: string,
): DeviceProof | Refusal<'clock_skew' | 'proof_malformed' | 'proof_invalid' | 'proof_missing'> {
  if (header === undefined) return refuse('proof_missing')
  const jws = signatures.read(header, proofBytesMax)
  if (!jws) return refuse('proof_malformed')
  if (assertionHeader === undefined) return readProof(jws, request, clock.now())
  const assertion = signatures.decodeAssertion(assertionHeader)
  if (!assertion) return refuse('proof_malformed')
  return readProof(jws, request, clock.now(), assertion)
}

/** What a call requires of the calling device. */
export type DeviceRequirement<Role extends KeyRole = KeyRole> = {
  /** The weaker of the two keys that may sign. */
  readonly role?: Role
  /** Statuses in which the device may make this call; active by default. */
  readonly statuses?: readonly Device['status'][]
  /**
   * The call is open to apps that the tenant no longer accepts: to report their new version, and to
   * unregister.
   */
  readonly anyApp?: boolean
}

/** Why a proof is refused, for calls that the key `Role` must at least sign. */
export type ProofRefusal<Role extends KeyRole = 'possession'> = Refusal<
  | 'proof_invalid'
  | 'device_unregistered'
  | 'device_suspended'
  | 'device_not_active'
  | 'app_too_old'
  | 'protocol_too_old'
  | 'platform_retired'
  | (Role extends 'verification' ? 'proof_key_not_allowed' : never)
>

/** Dependencies of verifying a proof. */
export type VerifyProofDependencies = AssertionDependencies & {
  readonly devices: Pick<DeviceStore, 'recordRevokedUse' | 'hadErasedKey' | 'findReplacedKey'>
  readonly hashing: Pick<Hashing, 'sha256'>
  readonly signatures: Pick<Signatures, 'verify' | 'readAssertion' | 'verifyAssertion'>
}

/**
 * Verifies a proof: the key must be one of this device's own, as it is in the database now and as
 * it was enrolled, the signature must be by that key, and the device must not be unregistered or
 * suspended. An unknown device, a foreign key and a bad signature get the same refusal. A valid
 * signature by the key of an unregistered device is reported to the user; nothing is written for
 * any other device. Of a device that was erased with its user no key is left to verify a signature
 * by: a client that names one of its thumbprints, which cannot be guessed, learns that the device
 * is unregistered. A key that the device has replaced is a foreign key, and its use a security
 * event. A passkey signs no proof: its assertion over one that the possession key has signed makes
 * the call one of the verification key, while the tenant accepts that passkey. One that comes with
 * a proof must hold, whether the call needs it or not.
 */
export async function verifyProof<Role extends KeyRole = 'possession'>(
  dependencies: VerifyProofDependencies,
  proof: DeviceProof,
  knownDevice: KnownDevice | null,
  { role, statuses = ['active'], anyApp = false }: DeviceRequirement<Role> = {},
): Promise<Device | ProofRefusal<Role>> {
  const key = knownDevice && ownSigningKey(dependencies, knownDevice, proof.kid)
  if (!knownDevice || !key || !(await dependencies.signatures.verify(proof.jws, key.publicJwk))) {
    if (knownDevice === null) return refuse('proof_invalid')
    await reportReplaced(dependencies, knownDevice, proof)
    const isErased = await wasErasedWith(dependencies, knownDevice, proof.kid)
    return refuse(isErased ? 'device_unregistered' : 'proof_invalid')
  }
  const { device } = knownDevice
  if (device.status === 'unregistered') {
    await dependencies.devices.recordRevokedUse(device.tenantId, revokedUse(device))
    return refuse('device_unregistered')
  }
  if (device.status === 'suspended' && !statuses.includes('suspended')) {
    return refuse('device_suspended')
  }
  const { policy } = knownDevice
  const refusal = anyApp
    ? undefined
    : (checkApp(device, policy) ?? checkProtocolVersion(device, policy))
  if (refusal) return refusal
  if (!statuses.includes(device.status)) return refuse('device_not_active')
  const { assertion, jws } = proof
  const why = assertion && faultOfOwnAssertion(dependencies, knownDevice, assertion, jws.signedHash)
  if (why) return refuse('proof_invalid', { facts: { claim: 'assertion', why } })
  const isVerification =
    key.role === 'verification' || (assertion !== null && !isRefusedPasskey(device, policy))
  if (role === 'verification' && !isVerification) {
    return refuse('proof_key_not_allowed') as ProofRefusal<Role>
  }
  return device
}

/** No activity: an app whose call was answered and whose reply was lost signs with it once more. */
async function reportReplaced(
  dependencies: VerifyProofDependencies,
  { device, keyRevision }: KnownDevice,
  { kid, jws }: DeviceProof,
): Promise<void> {
  if (keyRevision === 0) return
  const { tenantId, id: deviceId } = device
  const key = await dependencies.devices.findReplacedKey(tenantId, deviceId, kid)
  if (!key || !isOwnReplacedKey(dependencies, device, key)) return
  if (!(await dependencies.signatures.verify(jws, key.publicJwk))) return
  dependencies.securityLog.write({ event: 'replaced_key_used', tenantId, deviceId })
}

async function wasErasedWith(
  { devices, hashing }: VerifyProofDependencies,
  { device, keys }: KnownDevice,
  kid: string,
): Promise<boolean> {
  if (device.status !== 'unregistered' || keys.length > 0) return false
  return devices.hadErasedKey(device.tenantId, device.id, hashing.sha256(kid))
}

export type Dependencies = VerifyProofDependencies & {
  readonly devices: Pick<DeviceStore, 'findKnown'>
}

/**
 * Finds the device and verifies its proof; for calls that load nothing else in the same round trip.
 */
export async function authenticateDevice<Role extends KeyRole = 'possession'>(
  dependencies: Dependencies,
  proof: DeviceProof,
  requirement?: DeviceRequirement<Role>,
): Promise<Device | ProofRefusal<Role>> {
  const knownDevice = await dependencies.devices.findKnown(proof.tenantId, proof.deviceId)
  return verifyProof(dependencies, proof, knownDevice, requirement)
}
