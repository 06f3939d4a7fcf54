import { activity } from '../../src/domain/activity.ts'
import { notAttested } from '../../src/domain/attestation.ts'
import { aDevice, aKey, aProof, type Stores, type TestUser } from '../support/stores.ts'

/** A device with two keys, and the rotation of its possession key. */
export async function aRotatingDevice(stores: Stores, user: TestUser) {
  const [possession, verification, newKey] = [
    aKey('possession'),
    aKey('verification'),
    aKey('possession'),
  ]
  const id = await aDevice(stores, user, { keys: [possession, verification] })
  const rotation = {
    tenantId: user.tenantId,
    deviceId: id,
    wasKids: [possession.kid, verification.kid],
    keys: [newKey, verification],
    newKid: newKey.kid,
    replacedKey: possession,
    attestation: notAttested,
    activity: activity({
      userId: user.userId,
      type: 'device_key_rotated',
      actor: `device:${id}`,
      deviceId: id,
    }),
  }
  const proof = { ...aProof(user, id), kid: verification.kid }
  const rotate = () => stores.devices.rotateKey(rotation, proof)
  return { id, rotate, rotation }
}
