// A phone enrolled as people do it: opened, claimed with proofs of its keys, confirmed by a number.

import { newJti, sha256, signCompact } from '../../clients/device/src/compact-jws.ts'
import { createDeviceKeys, type DeviceKey, type DeviceKeys } from '../../clients/device/src/keys.ts'
import { readDeviceProof } from '../../src/devices/authenticate-device.ts'
import type { DeviceId, UserId } from '../../src/domain/ids.ts'
import { issuerOf } from '../../src/domain/issuer.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal, type Refusal } from '../../src/domain/refusal.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { readEnrollment } from '../../src/enrollments/read-enrollment.ts'
import type { Installation } from './installation.ts'
import type { Person, phoneAt } from './people.ts'

/** A phone that can answer; its keys are forgotten when the seed is sown. */
export type SeedPhone = {
  readonly deviceId: DeviceId
  readonly userId: UserId
  readonly keys: DeviceKeys
}

/** The result of a use case that has no reason to refuse. */
export function mustGrant<T>(result: T): Exclude<T, Refusal> {
  if (isRefusal(result)) throw new Error(`refused: ${result.refused}`)
  return result as Exclude<T, Refusal>
}

async function claimOf(
  { clock, publicOrigin }: Installation,
  { tenantId }: Principal,
  code: string,
  keys: DeviceKeys,
) {
  const { possession, verification } = keys
  if (!verification) throw new Error('a seeded phone has both keys')
  const claims = {
    aud: issuerOf(publicOrigin, tenantId),
    ch: await sha256(code),
    pk: possession.kid,
    vk: verification.kid,
    iat: Math.floor(clock.now().getTime() / 1000),
    jti: newJti(),
  }
  const prove = (key: DeviceKey) => signCompact(key, 'device-claim+jwt', claims)
  return {
    tenantId,
    code,
    appId: 'com.example.countersign',
    keys: { possession: possession.publicJwk, verification: verification.publicJwk },
    proofs: { possession: await prove(possession), verification: await prove(verification) },
  }
}

async function proofOf(
  installation: Installation,
  { tenantId }: Principal,
  deviceId: DeviceId,
  key: DeviceKey,
) {
  const { clock, publicOrigin } = installation
  const request = {
    method: 'POST',
    uri: `${publicOrigin}/device/v1/enrollments/confirm`,
    bodyHash: null,
  }
  const text = await signCompact(key, 'device-proof+jwt', {
    tid: tenantId,
    did: deviceId,
    htm: request.method,
    htu: request.uri,
    iat: Math.floor(clock.now().getTime() / 1000),
    jti: newJti(),
  })
  return mustGrant(readDeviceProof(installation, text, request))
}

/** Enrolls a phone of this person, who is created when new. */
export async function enrollPhone(
  installation: Installation,
  principal: Principal,
  { address, displayName }: Person,
  { platform, model, osVersion }: ReturnType<typeof phoneAt>,
): Promise<SeedPhone> {
  const opening = mustGrant(
    await openEnrollment(installation, principal, { user: address, displayName }),
  )
  const code = opening.uri.slice(opening.uri.indexOf('#') + 1)
  const keys = await createDeviceKeys({ verification: true })
  const device = {
    name: `${displayName}: ${model}`,
    platform,
    model,
    osVersion,
    appVersion: '1.0.0',
  }
  const claim = { ...(await claimOf(installation, principal, code, keys)), device }
  const { id, userId } = mustGrant(await claimEnrollment(installation, claim)).device
  const { number } = mustGrant(await readEnrollment(installation, principal, opening.enrollment.id))
  if (number !== null) {
    const proof = await proofOf(installation, principal, id, keys.possession)
    mustGrant(await confirmEnrollment(installation, proof, number))
  }
  return { deviceId: id, userId, keys }
}
