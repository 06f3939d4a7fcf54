// The use cases on real stores, real signatures and real seals; only the pushes are not sent.

import { createHash, randomBytes } from 'node:crypto'
import { newJti, sha256, signCompact } from '../../clients/device/src/compact-jws.ts'
import { createDeviceKeys, type DeviceKey } from '../../clients/device/src/keys.ts'
import { createChallenge } from '../../src/challenges/create-challenge.ts'
import type { Command } from '../../src/challenges/creation/draft-challenge.ts'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import { buildEndedChallenges } from '../../src/challenges/memory/ended-challenges.ts'
import { buildOwnChallenges } from '../../src/challenges/memory/own-challenges.ts'
import { readDeviceProof } from '../../src/devices/authenticate-device.ts'
import type { ChallengeId, TenantId, UserId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { pushServiceHosts } from '../../src/domain/push-subscription.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import type { Revocation } from '../../src/domain/revocation.ts'
import { buildAttestationVerifier } from '../../src/enrollments/attestation/attestation.ts'
import { pinnedAttestationRoots } from '../../src/enrollments/attestation/attestation-roots.ts'
import { nothingRevoked } from '../../src/enrollments/attestation/revocation-file.ts'
import {
  type Command as ClaimCommand,
  claimEnrollment,
} from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { waitForEnrollment } from '../../src/enrollments/read-enrollment.ts'
import { oneTimePasswords } from '../../src/passcodes/one-time-passwords.adapter.ts'
import { buildHashing } from '../../src/platform/crypto/hashing.ts'
import { buildMacs } from '../../src/platform/crypto/macs.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../src/platform/crypto/signatures.ts'
import type { SecurityEvent } from '../../src/platform/logs/security-log.store.ts'
import { addresses } from '../../src/platform/net/addresses.ts'
import { buildFairQueue, buildUserQueue } from '../../src/platform/net/bounded-fair-queue.ts'
import { buildSignalHub } from '../../src/platform/net/signal-hub.ts'
import { buildSharedReads } from '../../src/platform/shared-reads.ts'
import type { DuePush } from '../../src/push/due-push.store.ts'
import { buildVapidKeys } from '../../src/push/web-push/vapid-keys.ts'
import { authenticatorSite } from '../../src/service/config-authenticator.ts'
import {
  entranceQueueLimits,
  passcodeQueueLimits,
  promptQueueLimits,
  userQueueLimits,
} from '../../src/service/open-fair-queues.ts'
import { createApiKey } from '../../src/tenants/api-keys.ts'
import { buildSigningKeys } from '../../src/tenants/signing-keys.ts'
import { createRelyingParty, createTenant } from '../../src/tenants/tenants.ts'
import { expectGranted } from './expect-granted.ts'
import { openStores } from './stores.ts'

export { expectGranted as granted } from './expect-granted.ts'

export const publicOrigin = 'https://push.example.com'

/** An authenticator on this origin, for passkeys of its host. */
export const authenticatorAt = (origin: string) =>
  authenticatorSite({ authenticatorOrigin: null, webauthnRpId: null }, origin)

/** All dependencies of the use cases, on a database of its own. */
export async function openWorld() {
  const masterKey = randomBytes(32)
  const stores = await openStores()
  const sealing = buildSealing({ current: masterKey })
  const signatures = buildSignatures(sealing)
  const keys = stores.signingKeys
  let offsetMs = 0
  const clock = { now: () => new Date(Date.now() + offsetMs) }
  const dispatchedPushes: DuePush[] = []
  const publishedKeys: string[] = []
  const securityEvents: SecurityEvent[] = []
  const revocations: Revocation[] = []
  const hub = await buildSignalHub(null, () => undefined)
  const ownChallenges = buildOwnChallenges(() => performance.now())
  hub.listen(ownChallenges.forget)
  return {
    ...stores,
    keys,
    sealing,
    /** The master key under which everything here is sealed. */
    sealingKey: masterKey,
    signatures,
    oneTimePasswords,
    hashing: buildHashing(masterKey),
    macs: buildMacs({ current: masterKey }),
    securityLog: { write: (event: SecurityEvent) => void securityEvents.push(event) },
    /** The entries of the security log, in order. */
    securityEvents,
    attestations: buildAttestationVerifier({
      roots: pinnedAttestationRoots(),
      revocations: nothingRevoked,
      androidApps: [],
      appleApps: [],
    }),
    random: systemRandom,
    addresses,
    clock,
    /** Moves the process's clock, not the database's. */
    moveClock: (ms: number) => {
      offsetMs += ms
    },
    signingKeys: buildSigningKeys({ keys, signatures }, () => clock.now().getTime()),
    signals: {
      ...hub,
      get isStopped() {
        return hub.isStopped
      },
      publish(key: string) {
        if (!key.startsWith('asked:')) publishedKeys.push(key)
        hub.publish(key)
      },
    },
    /** The entries of the revocation log, in order. */
    revocations,
    revocationLog: {
      append: async (lines: readonly Revocation[]) => void revocations.push(...lines),
    },
    /** The signaled keys, in order, but for those that wake open apps. */
    publishedKeys,
    /** Pushes handed over for immediate sending, in order. */
    dispatchedPushes,
    dispatcher: {
      leaseHolder: 'test',
      dispatch: (pushes: readonly DuePush[]) => void dispatchedPushes.push(...pushes),
    },
    ...patientQueues(),
    sharedReads: buildSharedReads(),
    ownChallenges,
    endedChallenges: buildEndedChallenges(() => performance.now()),
    webPushKeys: buildVapidKeys({ ...stores, sealing }),
    webPushHosts: pushServiceHosts,
    publicOrigin,
    authenticator: authenticatorAt(publicOrigin),
  }
}

/**
 * The queues of users in a process, except that a wait ends with its turn only: what waits longer
 * because a machine is busy is not refused for that.
 */
export function patientQueues() {
  const waitMs = 60_000
  const running = 5
  const limits = { ...userQueueLimits, waitMs }
  return {
    userQueue: buildUserQueue(limits),
    userCodeQueue: buildUserQueue(limits),
    passcodeQueue: buildFairQueue({ ...passcodeQueueLimits, running, waitMs }),
    entranceQueue: buildFairQueue(entranceQueueLimits),
    promptQueue: buildFairQueue({ ...promptQueueLimits, running, waitMs }),
  }
}

export type World = Awaited<ReturnType<typeof openWorld>>

/** The world as another process has it: with fair queues of its own. */
export const inAnotherProcess = (world: World): World => ({
  ...world,
  ...patientQueues(),
  ownChallenges: buildOwnChallenges(() => performance.now()),
  endedChallenges: buildEndedChallenges(() => performance.now()),
})

/**
 * A tenant and a relying party that may do everything in these namespaces; the first is its
 * default.
 */
export async function aPrincipal(
  world: World,
  namespaces: readonly string[] = ['default'],
  tenantId?: TenantId,
): Promise<Principal> {
  const tenant = tenantId ?? (await expectGranted(createTenant(world, 'Test', 'operator'))).id
  const party = { tenantId: tenant, name: 'Payroll', namespaces }
  const { id } = await expectGranted(createRelyingParty(world, party, 'operator'))
  const owner = { tenantId: tenant, rpId: id }
  const scopes = ['admin'] as const
  const command = { ...owner, name: 'Payroll', scopes, expiresAt: null }
  const { key } = await expectGranted(createApiKey(world, command, 'operator'))
  return { ...owner, rpName: 'Payroll', keyId: key.id, scopes, namespaces }
}

/** What a claim with these keys sends; proofs are made as the protocol says. */
export async function aClaimCommand(
  { clock }: World,
  tenantId: TenantId,
  code: string,
  verification = true,
  more: object = {},
) {
  const keys = await createDeviceKeys({ verification })
  const claims = {
    aud: `${publicOrigin}/t/${tenantId}`,
    ch: await sha256(code),
    pk: keys.possession.kid,
    ...(keys.verification && { vk: keys.verification.kid }),
    iat: Math.floor(clock.now().getTime() / 1000),
    jti: newJti(),
    ...more,
  }
  const prove = (key: DeviceKey, changes: object = {}) =>
    signCompact(key, 'device-claim+jwt', { ...claims, ...changes })
  const second = keys.verification
  const command: ClaimCommand = {
    tenantId,
    code,
    appId: 'com.example.app',
    device: { name: 'Phone', platform: 'ios', model: 'M', osVersion: '1', appVersion: '1' },
    keys: {
      possession: keys.possession.publicJwk,
      ...(second && { verification: second.publicJwk }),
    },
    proofs: {
      possession: await prove(keys.possession),
      ...(second && { verification: await prove(second) }),
    },
    push: { provider: 'apns', token: randomBytes(32).toString('hex'), environment: 'production' },
  }
  return { keys, prove, command }
}

/** The scanned code of an enrollment's picture. */
export const scannedCode = (uri: string) => uri.slice(uri.indexOf('#') + 1)

/** A confirmed phone of this user, who is created when new. */
export async function aPhone(
  world: World,
  principal: Principal,
  {
    user = 'alice',
    verification = true,
    protocolVersion = 1,
  }: { user?: string; verification?: boolean; protocolVersion?: number } = {},
) {
  const { tenantId } = principal
  const opening = await expectGranted(openEnrollment(world, principal, { user, displayName: user }))
  const code = scannedCode(opening.uri)
  const { keys, command } = await aClaimCommand(world, tenantId, code, verification, {
    ...(protocolVersion > 1 && { protocolVersion }),
  })
  const { device } = await expectGranted(claimEnrollment(world, command))
  const phone = { keys, id: device.id, userId: device.userId, tenantId }
  const { number } = await expectGranted(
    waitForEnrollment(world, principal, opening.enrollment.id, { waitMs: 0 }),
  )
  await expectGranted(confirmEnrollment(world, await aProof(world, phone), number ?? ''))
  return phone
}

export type Phone = Awaited<ReturnType<typeof aPhone>>

/** A fresh proof of a call by this phone, as the routes pass it to the use cases. */
export async function aProof(world: World, phone: Phone, key = phone.keys.possession) {
  const request = { method: 'POST', uri: `${publicOrigin}/device/v1/x`, bodyHash: null }
  const text = await signCompact(key, 'device-proof+jwt', {
    tid: phone.tenantId,
    did: phone.id,
    htm: request.method,
    htu: request.uri,
    iat: Math.floor(world.clock.now().getTime() / 1000),
    jti: newJti(),
  })
  const proof = readDeviceProof(world, text, request)
  if (isRefusal(proof)) throw new Error(`the proof was refused: ${proof.refused}`)
  return proof
}

/** Asks a user; the number that the sign-in page shows is returned with the challenge. */
export function ask(world: World, principal: Principal, more: Partial<Command> = {}) {
  return createChallenge(world, principal, {
    user: 'alice',
    context: {},
    number: { mode: 'service' },
    userVerification: 'preferred',
    ...more,
  })
}

/** What a phone would sign as its answer to a challenge that it fetches now. */
export async function anAnswer(
  world: World,
  phone: Phone,
  challengeId: ChallengeId,
  decision: { readonly dec: 'approve' | 'deny' | 'report'; readonly num?: string },
) {
  const requests = await expectGranted(fetchChallenges(world, await aProof(world, phone)))
  const request = requests.find((one) => one.challengeId === challengeId)?.request
  if (!request) throw new Error('the phone has no such challenge')
  const signedText = request.slice(0, request.lastIndexOf('.'))
  const payload = JSON.parse(
    Buffer.from(signedText.split('.')[1] ?? '', 'base64url').toString(),
  ) as Record<string, string>
  const iat = Math.floor(world.clock.now().getTime() / 1000)
  return {
    iss: phone.id as string,
    sub: phone.userId as UserId | string,
    aud: `${publicOrigin}/t/${phone.tenantId}`,
    jti: newJti(),
    iat,
    exp: iat + 60,
    cid: challengeId as string,
    nonce: payload.nonce,
    rqh: createHash('sha256').update(signedText).digest('base64url'),
    uv: decision.dec === 'approve' && phone.keys.verification !== null,
    ...decision,
  }
}

/** The key that the protocol wants under an answer with these claims. */
function keyFor(phone: Phone, { uv }: { readonly uv: boolean }): DeviceKey {
  return (uv && phone.keys.verification) || phone.keys.possession
}

/** Signs an answer. */
export function signAnswer(
  phone: Phone,
  claims: Awaited<ReturnType<typeof anAnswer>>,
  key = keyFor(phone, claims),
): Promise<string> {
  return signCompact(key, 'approval-response+jwt', claims)
}
