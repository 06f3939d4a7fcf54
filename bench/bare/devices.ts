import { createPublicKey, type KeyObject } from 'node:crypto'
import { claimsOf, digest, isSignedBy, nowSeconds } from './jws.ts'
import type { DeviceRow } from './store.ts'

export type Device = Pick<DeviceRow, 'id' | 'userId' | 'pushToken'> & {
  readonly possession: KeyObject
  readonly verification: KeyObject
}

type SignedCall = {
  readonly method: string
  readonly url: string
  readonly body?: string
  readonly proof: string
}

const proofLifeSeconds = 60

/** Devices and keys, in memory. Every statement asks the database whether the device is active. */
export class Devices {
  readonly #byId = new Map<string, Device>()
  readonly #byUser = new Map<string, Device>()

  remember({ id, userId, pushToken, possession, verification }: DeviceRow): void {
    const keyOf = (jwk: DeviceRow['possession']) => createPublicKey({ key: jwk, format: 'jwk' })
    const keys = { possession: keyOf(possession), verification: keyOf(verification) }
    const device = { id, userId, pushToken, ...keys }
    this.#byId.set(id, device)
    this.#byUser.set(userId, device)
  }

  ofUser(userId: string): Device | undefined {
    return this.#byUser.get(userId)
  }

  /** The device that signed this call. Replayed proofs are not detected. */
  whoSigned({ method, url, body, proof }: SignedCall): Device | undefined {
    const { did, htm, htu, iat, bh } = claimsOf(proof)
    const device = this.#byId.get(String(did))
    const isOfCall = htm === method && htu === url && (body === undefined || bh === digest(body))
    const isFresh = Math.abs(Number(iat) - nowSeconds()) < proofLifeSeconds
    return device && isOfCall && isFresh && isSignedBy(device.possession, proof)
      ? device
      : undefined
  }
}
