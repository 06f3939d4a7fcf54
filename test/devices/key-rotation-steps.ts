// Rotating a device's keys as an app does.

import { newJti, signCompact } from '../../clients/device/src/compact-jws.ts'
import { createDeviceKeys, type DeviceKey } from '../../clients/device/src/keys.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { rotateKey } from '../../src/devices/keys/rotate-key.ts'
import type { KeyRole } from '../../src/domain/device.ts'
import type { DeviceProof } from '../../src/domain/device-proof.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { onServer } from '../support/cluster.ts'
import {
  anAnswer,
  aProof,
  ask,
  granted,
  type Phone,
  publicOrigin,
  signAnswer,
  type World,
} from '../support/world.ts'

export const aKey = async () => (await createDeviceKeys({ verification: false })).possession

export function verificationOf({ keys }: Phone): DeviceKey {
  if (!keys.verification) throw new Error('the phone has a verification key')
  return keys.verification
}

type Rotation = {
  readonly role: KeyRole
  readonly key: DeviceKey
  /** What the new key says in place of the honest claims. */
  readonly claims?: object
  /** The key that signs the call. */
  readonly caller?: DeviceKey
  /** The proof of the call, in place of a fresh one. */
  readonly call?: DeviceProof
  /** The key that signs the proof of the new key. */
  readonly signer?: DeviceKey
}

/** Rotates a key as an app does, and with what differs. */
export async function rotate(
  world: World,
  phone: Phone,
  { role, key, claims = {}, caller = verificationOf(phone), call, signer = key }: Rotation,
) {
  const oldKey = role === 'possession' ? phone.keys.possession : verificationOf(phone)
  const proof = await signCompact(signer, 'device-key+jwt', {
    aud: `${publicOrigin}/t/${phone.tenantId}`,
    did: phone.id,
    role,
    pk: key.kid,
    replaces: oldKey.kid,
    iat: Math.floor(world.clock.now().getTime() / 1000),
    jti: newJti(),
    ...claims,
  })
  return rotateKey(world, call ?? (await aProof(world, phone, caller)), {
    role,
    key: key.publicJwk,
    proof,
  })
}

const withKey = (phone: Phone, role: KeyRole, key: DeviceKey): Phone => ({
  ...phone,
  keys: { ...phone.keys, [role]: key },
})

/** The phone with a new key in this role. */
export async function withRotated(world: World, phone: Phone, role: KeyRole): Promise<Phone> {
  const key = await aKey()
  await granted(rotate(world, phone, { role, key }))
  return withKey(phone, role, key)
}

/** Answers a pending challenge; the answer is made now, and given when it is called. */
export async function anApproval(world: World, principal: Principal, phone: Phone) {
  const { challenge, number } = await granted(ask(world, principal))
  const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: number ?? '' })
  const give = async (by: Phone) =>
    answerChallenge(world, await aProof(world, by), {
      challengeId: challenge.id,
      answer: await signAnswer(by, claims),
    })
  return { id: challenge.id, give }
}

export const sql = (world: World, text: string, ...values: unknown[]) =>
  onServer(world.url, (client) => client.query(text, values))

/** The world in which it is known whether somebody waits. */
export function watchWaits(world: World) {
  let isWaiting = false
  const watch: World['signals']['watch'] = (...keys) => {
    const signalWatch = world.signals.watch(...keys)
    const next = (ms: number) => {
      isWaiting = true
      return signalWatch.next(ms)
    }
    return { next, close: () => signalWatch.close() }
  }
  const watchedWorld = { ...world, signals: { ...world.signals, watch } }
  return { watchedWorld, isWaiting: () => isWaiting }
}
