// Browsers as devices: a possession key, and a passkey as the verification key.

import { newJti, sha256, signCompact } from '../../clients/device/src/compact-jws.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import { readDeviceProof } from '../../src/devices/authenticate-device.ts'
import type { Assertion } from '../../src/domain/assertion.ts'
import type { ChallengeId, TenantId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { type Command, claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { waitForEnrollment } from '../../src/enrollments/read-enrollment.ts'
import { aSoftwarePasskey, signedHashOf, type Untruth } from './software-passkey.ts'
import {
  anAnswer,
  aProof,
  granted,
  publicOrigin,
  scannedCode,
  signAnswer,
  type World,
} from './world.ts'

type Enrolling = { readonly synced?: boolean; readonly untruth?: Untruth }

/** What a browser sends to claim, with a new passkey that says what it should not in `untruth`. */
export async function aBrowserClaim(
  { clock }: World,
  tenantId: TenantId,
  code: string,
  { synced = false, untruth = {} }: Enrolling = {},
) {
  const keys = await createDeviceKeys({ verification: false })
  const passkey = aSoftwarePasskey({ origin: publicOrigin, synced })
  const proof = await signCompact(keys.possession, 'device-claim+jwt', {
    aud: `${publicOrigin}/t/${tenantId}`,
    ch: await sha256(code),
    pk: keys.possession.kid,
    vk: passkey.kid,
    iat: Math.floor(clock.now().getTime() / 1000),
    jti: newJti(),
  })
  const command: Command = {
    tenantId,
    code,
    appId: 'countersign.web',
    device: { name: 'Browser', platform: 'web', model: 'M', osVersion: '1', appVersion: '1' },
    keys: {
      possession: keys.possession.publicJwk,
      verification: { kind: 'webauthn', ...passkey.registration },
    },
    proofs: {
      possession: proof,
      verification: passkey.assert(signedHashOf(proof), untruth),
    },
  }
  return { keys, passkey, command, proof }
}

/** A confirmed browser of this user, who is created when new. */
export async function aBrowser(
  world: World,
  principal: Principal,
  { user = 'alice', synced = false }: { user?: string; synced?: boolean } = {},
) {
  const { tenantId } = principal
  const opening = await granted(openEnrollment(world, principal, { user, displayName: user }))
  const claim = await aBrowserClaim(world, tenantId, scannedCode(opening.uri), { synced })
  const { keys, passkey, command } = claim
  const { device } = await granted(claimEnrollment(world, command))
  const browser = { keys, id: device.id, userId: device.userId, tenantId, passkey }
  const { number } = await granted(
    waitForEnrollment(world, principal, opening.enrollment.id, { waitMs: 0 }),
  )
  await granted(confirmEnrollment(world, await aProof(world, browser), number ?? ''))
  return browser
}

export type Browser = Awaited<ReturnType<typeof aBrowser>>

/** An answer that the passkey confirms, with claims and an assertion that may be untrue. */
export async function aConfirmedAnswer(
  world: World,
  browser: Browser,
  challengeId: ChallengeId,
  decision: Parameters<typeof anAnswer>[3],
  { claims = {}, untruth = {} }: { readonly claims?: object; readonly untruth?: Untruth } = {},
) {
  const honest = await anAnswer(world, browser, challengeId, decision)
  const verification = { uv: 'webauthn', vk: browser.passkey.kid }
  const all = { ...honest, ...verification, ...claims } as unknown as typeof honest
  const answer = await signAnswer(browser, all, browser.keys.possession)
  const assertion = browser.passkey.assert(signedHashOf(answer), untruth)
  return { challengeId, answer, assertion }
}

/** A proof of a call by this browser, with the assertion that this makes of its hash. */
export async function anAssertedProof(
  world: World,
  browser: Browser,
  assert: (challenge: string) => Assertion = (challenge) => browser.passkey.assert(challenge),
) {
  const request = { method: 'POST', uri: `${publicOrigin}/device/v1/x`, bodyHash: null }
  const { jws } = await aProof(world, browser)
  const header = Buffer.from(JSON.stringify(assert(jws.signedHash))).toString('base64url')
  const proof = readDeviceProof(world, jws.text, request, header)
  if (isRefusal(proof)) throw new Error(`the proof was refused: ${proof.refused}`)
  return proof
}
