import { checkApp } from '../domain/app.ts'
import { type Device, type KeyRole, revokedUse } from '../domain/device.ts'
import { type DeviceProof, type ProvenRequest, readProof } from '../domain/device-proof.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { DeviceStore, KnownDevice } from '../ports/device-store.ts'
import type { Clock, Hashing, Signatures } from '../ports/world.ts'
import { type Needs as KeyNeeds, ownKey } from './device-keys.ts'

/** Longest `Device-Proof` header that is looked at, in bytes. */
export const proofBytesMax = 4096

export type ReadNeeds = { readonly signatures: Pick<Signatures, 'read'>; readonly clock: Clock }

/** Reads the `Device-Proof` header and holds it against the request; the signature is still to be verified. */
export function readDeviceProof(
  { signatures, clock }: ReadNeeds,
  header: string | undefined,
  request: ProvenRequest,
): DeviceProof | Refusal {
  if (header === undefined) return refuse('proof_missing')
  const jws = signatures.read(header, proofBytesMax)
  if (!jws) return refuse('proof_malformed')
  return readProof(jws, request, clock.now())
}

/** What a call asks of the device that makes it. */
export type DeviceRequirement = {
  /** The least of the two keys that must have signed. */
  readonly role?: KeyRole
  /** Statuses in which the device may make this call; active unless said otherwise. */
  readonly statuses?: readonly Device['status'][]
  /** The call is open to apps that the tenant does not accept any more: to say their new version, and to leave. */
  readonly anyApp?: boolean
}

/** What it takes to believe a proof. */
export type BelieveNeeds = KeyNeeds & {
  readonly devices: Pick<DeviceStore, 'recordRevokedUse' | 'hadErasedKey'>
  readonly hashing: Pick<Hashing, 'sha256'>
  readonly signatures: Pick<Signatures, 'verify'>
}

/**
 * Believes a proof, or not: the key must be one of this device's own as the database has it now and as it was enrolled, the signature must be its,
 * and the device must be alive. An unknown device, a foreign key and a bad signature look the same. A good signature by the key
 * of an unregistered device is told to the user; nothing is written for any other device. Of a
 * device that was erased with its user no key is left to verify a signature by: who names one of
 * its thumbprints, which nobody guesses, hears that it is unregistered.
 */
export async function believeProof(
  needs: BelieveNeeds,
  proof: DeviceProof,
  known: KnownDevice | null,
  { role = 'possession', statuses = ['active'], anyApp = false }: DeviceRequirement = {},
): Promise<Device | Refusal> {
  const key = known && ownKey(needs, known, proof.kid)
  if (!known || !key || !(await needs.signatures.verify(proof.jws, key.publicJwk))) {
    const isErased = known !== null && (await wasErasedWith(needs, known, proof.kid))
    return refuse(isErased ? 'device_unregistered' : 'proof_invalid')
  }
  const { device } = known
  if (device.status === 'unregistered') {
    await needs.devices.recordRevokedUse(device.tenantId, revokedUse(device))
    return refuse('device_unregistered')
  }
  if (device.status === 'suspended' && !statuses.includes('suspended')) {
    return refuse('device_suspended')
  }
  const outdated = anyApp ? undefined : checkApp(device, known.policy)
  if (outdated) return outdated
  if (!statuses.includes(device.status)) return refuse('device_not_active')
  if (role === 'verification' && key.role !== 'verification') return refuse('proof_key_not_allowed')
  return device
}

async function wasErasedWith(
  { devices, hashing }: BelieveNeeds,
  { device, keys }: KnownDevice,
  kid: string,
): Promise<boolean> {
  if (device.status !== 'unregistered' || keys.length > 0) return false
  return devices.hadErasedKey(device.tenantId, device.id, hashing.sha256(kid))
}

export type Needs = BelieveNeeds & { readonly devices: Pick<DeviceStore, 'findKnown'> }

/** Looks the device up and believes its proof; for calls that load nothing else in the same round trip. */
export async function authenticateDevice(
  needs: Needs,
  proof: DeviceProof,
  requirement?: DeviceRequirement,
): Promise<Device | Refusal> {
  const known = await needs.devices.findKnown(proof.tenantId, proof.deviceId)
  return believeProof(needs, proof, known, requirement)
}
