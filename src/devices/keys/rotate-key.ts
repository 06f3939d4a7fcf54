import { activity } from '../../domain/activity.ts'
import { decideAttestation } from '../../domain/attestation.ts'
import {
  type Device,
  type DeviceKey,
  type KeyRole,
  keyOf,
  type PublicJwk,
} from '../../domain/device.ts'
import type { DeviceProof } from '../../domain/device-proof.ts'
import { issuerOf } from '../../domain/issuer.ts'
import { checkRotatable, checkRotationProof } from '../../domain/key-rotation.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { UserQueue } from '../../platform/fair-queue.ts'
import type { RevocationLog } from '../../platform/logs/revocation-log.store.ts'
import type { Clock, Macs, Signatures } from '../../platform/world.ts'
import {
  type Dependencies as DeviceDependencies,
  type ProofRefusal,
  proofBytesMax,
  verifyProof,
} from '../authenticate-device.ts'
import type { DeviceStore, KeyRotation, KnownDevice, ProofToSpend } from '../device.store.ts'
import { bindKeys, bindReplacedKey, ownKey } from '../device-keys.ts'

export type Dependencies = DeviceDependencies & {
  readonly devices: Pick<
    DeviceStore,
    'findKnown' | 'findReplacedKey' | 'rotateKey' | 'changeWithProof'
  >
  readonly signatures: Pick<Signatures, 'read' | 'verify' | 'thumbprint'>
  readonly macs: Pick<Macs, 'mac' | 'fits'>
  readonly clock: Clock
  readonly userQueue: UserQueue
  readonly revocationLog: RevocationLog
  readonly publicOrigin: string
}

export type Command = {
  readonly role: KeyRole
  readonly key: PublicJwk
  /** `device-key+jwt`, signed by the new key. */
  readonly proof: string
}

type RotationRefusal =
  | ProofRefusal<'verification'>
  | Refusal<
      | 'invalid_request'
      | 'proof_malformed'
      | 'clock_skew'
      | 'attestation_missing'
      | 'key_already_registered'
      | 'too_many_key_rotations'
      | 'too_many_requests'
      | 'proof_replayed'
      | 'conflict'
    >

// One lost round means that another rotation of this device, or its end, came first.
const attemptsMax = 3

/**
 * Replaces one of a device's keys by a new one. Requires the verification key, so that a thief with
 * an unlocked phone cannot lock its owner out. When it returns, nothing that is signed by the old
 * key counts any more; what it signed before stays verifiable. The maker of the phone vouches for
 * no key that is made later: the device's attestation ends. The same call again changes nothing.
 */
export async function rotateKey(
  dependencies: Dependencies,
  proof: DeviceProof,
  command: Command,
): Promise<Device | RotationRefusal> {
  let isProofSpent = false
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const knownDevice = await dependencies.devices.findKnown(proof.tenantId, proof.deviceId)
    const device = await verifyProof(dependencies, proof, knownDevice, { role: 'verification' })
    if (isRefusal(device) || !knownDevice)
      return isRefusal(device) ? device : refuse('proof_invalid')
    const rotation = await planRotation(dependencies, knownDevice, command)
    if (isRefusal(rotation)) return rotation
    const spending = { ...proof, isSpent: isProofSpent }
    const outcome =
      'repeatedKid' in rotation
        ? await repeatRotation(dependencies, device, rotation.repeatedKid, spending)
        : await replaceKey(dependencies, device, rotation, spending)
    if (outcome !== 'changed') return outcome
    isProofSpent = true
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

async function replaceKey(
  dependencies: Dependencies,
  device: Device,
  rotation: KeyRotation,
  proof: ProofToSpend,
): Promise<
  | Device
  | Refusal<
      | 'too_many_requests'
      | 'proof_replayed'
      | 'proof_invalid'
      | 'key_already_registered'
      | 'too_many_key_rotations'
    >
  | 'changed'
> {
  const result = await dependencies.userQueue.run(device, `device:${device.id}`, () =>
    dependencies.devices.rotateKey(rotation, proof),
  )
  if (isRefusal(result)) return result
  if (result.kind === 'rotated') {
    await logReplaced(dependencies, device, rotation.replacedKey.kid, result.at)
    return result.device
  }
  if (result.kind === 'too_many') {
    const { retryAfterSeconds } = result
    return refuse('too_many_key_rotations', { retryAfterSeconds })
  }
  return result.kind === 'changed' ? 'changed' : refuse(result.kind)
}

/** A call that was made before changes nothing; its proof works once as well. */
async function repeatRotation(
  dependencies: Dependencies,
  device: Device,
  replacedKid: string,
  proof: ProofToSpend,
): Promise<Device | Refusal<'proof_replayed' | 'proof_invalid'> | 'changed'> {
  const { tenantId, id } = device
  const result = await dependencies.devices.changeWithProof(tenantId, id, {}, null, proof)
  if (typeof result === 'string') return refuse(result)
  if (result === null) return 'changed'
  await logRepeated(dependencies, device, replacedKid)
  return result
}

async function planRotation(
  dependencies: Dependencies,
  knownDevice: KnownDevice,
  { role, key: publicJwk, proof }: Command,
): Promise<
  | KeyRotation
  | { readonly repeatedKid: string }
  | Refusal<
      | 'invalid_request'
      | 'proof_malformed'
      | 'proof_invalid'
      | 'clock_skew'
      | 'attestation_missing'
      | 'key_already_registered'
    >
> {
  const { device, policy } = knownDevice
  const kid = await dependencies.signatures.thumbprint(publicJwk)
  if (kid === undefined) {
    return refuse('invalid_request', { hint: 'The key must be a P-256 public key as a JWK.' })
  }
  const keys = ownKeys(dependencies, knownDevice)
  const oldKey = keys?.find((key) => key.role === role)
  if (!keys || !oldKey) return refuse('proof_invalid')
  const unfit = checkRotatable(oldKey)
  if (unfit) return unfit
  const earlier = keyOf(keys, kid)
  if (earlier && earlier.role !== role) return refuse('key_already_registered')
  const replacedKid = earlier ? null : oldKey.kid
  const newKey = { role, kid, publicJwk }
  const fault = await checkNewKey(dependencies, device, { newKey, replacedKid, proof })
  if (fault) return fault
  if (earlier) return { repeatedKid: replacedKidIn(dependencies, proof) }
  const attestation = decideAttestation(policy.attestation, null)
  if (isRefusal(attestation)) {
    return refuse('attestation_missing', {
      hint: 'The tenant requires attested keys, and a rotated key is not: enroll the device anew.',
    })
  }
  return { ...rotationOf(dependencies, device, { keys, oldKey, newKey }), attestation }
}

/** The new key in the place of the old one, and the activity that says so. */
function rotationOf(
  dependencies: Dependencies,
  device: Device,
  {
    keys,
    oldKey,
    newKey,
  }: {
    readonly keys: readonly DeviceKey[]
    readonly oldKey: DeviceKey
    readonly newKey: DeviceKey
  },
): Omit<KeyRotation, 'attestation'> {
  const { tenantId, id, userId, name } = device
  return {
    tenantId,
    deviceId: id,
    wasKids: keys.map((key) => key.kid),
    keys: bindKeys(
      dependencies,
      device,
      keys.map((key) => (key === oldKey ? newKey : key)),
    ),
    newKid: newKey.kid,
    replacedKey: bindReplacedKey(dependencies, device, oldKey),
    activity: activity({
      userId,
      type: 'device_key_rotated',
      actor: `device:${id}`,
      deviceId: id,
      details: { role: newKey.role, name },
    }),
  }
}

/** A restored database must not accept the key again. */
async function logReplaced(
  { revocationLog }: Dependencies,
  { tenantId, userId, id: deviceId }: Device,
  kid: string,
  at: Date,
): Promise<void> {
  const about = { tenantId, userId, deviceId, kid, at }
  await revocationLog.append([{ revocation: 'device_key_replaced', ...about }])
}

/**
 * A repeated call may follow one without a response, if the process died between the database and
 * the revocation log.
 */
async function logRepeated(dependencies: Dependencies, device: Device, kid: string): Promise<void> {
  const { tenantId, id } = device
  const replacedKey = await dependencies.devices.findReplacedKey(tenantId, id, kid)
  if (replacedKey) await logReplaced(dependencies, device, kid, replacedKey.replacedAt)
}

/** The claim of a proof that was checked. */
function replacedKidIn({ signatures }: Dependencies, proof: string): string {
  const payload = signatures.read(proof, proofBytesMax)?.payload as { readonly replaces: string }
  return payload.replaces
}

/**
 * All of the device's keys as they were enrolled. The key that stays gets a new MAC: one that
 * somebody has put into the database must not get it.
 */
function ownKeys(dependencies: Dependencies, knownDevice: KnownDevice): DeviceKey[] | undefined {
  const keys = knownDevice.keys.map(({ kid }) => ownKey(dependencies, knownDevice, kid))
  return keys.every((key) => key !== undefined) ? keys : undefined
}

async function checkNewKey(
  { signatures, clock, publicOrigin }: Dependencies,
  { tenantId, id: deviceId }: Device,
  {
    newKey: { role, kid, publicJwk },
    replacedKid,
    proof,
  }: {
    readonly newKey: DeviceKey
    readonly replacedKid: string | null
    readonly proof: string
  },
): Promise<Refusal<'proof_malformed' | 'proof_invalid' | 'clock_skew'> | undefined> {
  const jws = signatures.read(proof, proofBytesMax)
  if (!jws) return refuse('proof_malformed')
  const issuer = issuerOf(publicOrigin, tenantId)
  const facts = { issuer, deviceId, role, kid, replacedKid }
  const fault = checkRotationProof(jws, facts, clock.now())
  if (fault) return fault
  return (await signatures.verify(jws, publicJwk)) ? undefined : refuse('proof_invalid')
}
