import { describe, expect } from 'vitest'
import { listOwnActivities } from '../../src/activities/list-activities.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { confirmReceipt } from '../../src/challenges/confirm-receipt.ts'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import {
  listOwnDevices,
  readSelf,
  unregisterSelf,
  updateSelf,
} from '../../src/devices/own-devices.ts'
import { rotatePushToken } from '../../src/devices/rotate-push-token.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import {
  aClaimCommand,
  anAnswer,
  aProof,
  ask,
  granted,
  type Phone,
  scannedCode,
  signAnswer,
  type World,
} from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

/** The policy on versions, and the phone's own calls. */
function appOf(world: World, principal: Principal, phone: Phone) {
  const decide = (overrides: PolicyOverrides) =>
    granted(setPolicy(world, principal.tenantId, { overrides, replace: true }, 'operator'))
  const proof = () => aProof(world, phone)
  return { decide, proof }
}

const test = phoneTest.extend('scene', ({ world, principal, phone }) =>
  appOf(world, principal, phone),
)

const tooOld = { refused: 'app_too_old', facts: { minimumVersion: '3.2.0' } }

describe('an app that is too old', () => {
  test('can only ask for the reason and report its new version, and works from the next call on', async ({
    world,
    principal,
    phone,
    scene,
  }) => {
    const { challenge } = await granted(ask(world, principal))
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'deny' })
    await scene.decide({ appVersionsMin: ['com.example.app@3.2.0'] })
    const answer = { challengeId: challenge.id, answer: await signAnswer(phone, claims) }
    const page = { limit: 10, before: null }
    const refusals = [
      await fetchChallenges(world, await scene.proof()),
      await answerChallenge(world, await scene.proof(), answer),
      await confirmReceipt(world, await scene.proof(), challenge.id),
      await rotatePushToken(world, await scene.proof(), null),
      await listOwnDevices(world, await scene.proof()),
      await listOwnActivities(world, await scene.proof(), page),
    ]
    for (const one of refusals) expect(one).toEqual(tooOld)
    const answerability = { mayAnswer: false, whyNot: 'app_too_old' }
    expect(await granted(readSelf(world, await scene.proof()))).toMatchObject(answerability)
    await granted(updateSelf(world, await scene.proof(), { appVersion: '3.2.0' }))
    expect(await granted(fetchChallenges(world, await scene.proof()))).toHaveLength(1)
    expect(await granted(answerChallenge(world, await scene.proof(), answer))).toEqual({
      status: 'denied',
    })
  })

  test('can unregister', async ({ scene, world }) => {
    await scene.decide({ appVersionsMin: ['com.example.app@3.2.0'] })
    expect(await unregisterSelf(world, await scene.proof())).toBeUndefined()
  })

  test('cannot enroll, and the code stays valid for a newer one', async ({
    scene,
    world,
    principal,
  }) => {
    await scene.decide({ appVersionsMin: ['com.example.app@3.2.0'] })
    const { uri } = await granted(openEnrollment(world, principal, { user: 'alice' }))
    const { command } = await aClaimCommand(world, principal.tenantId, scannedCode(uri))
    expect(await claimEnrollment(world, command)).toEqual(tooOld)
    const device = { ...command.device, appVersion: '3.2.0' }
    await granted(claimEnrollment(world, { ...command, device }))
  })
})

test('a retired platform is refused everywhere', async ({ scene, world, principal }) => {
  await scene.decide({ retiredPlatforms: ['ios'] })
  const refusal = { refused: 'platform_retired', facts: { platform: 'ios' } }
  expect(await fetchChallenges(world, await scene.proof())).toEqual(refusal)
  const { uri } = await granted(openEnrollment(world, principal, { user: 'alice' }))
  const { command } = await aClaimCommand(world, principal.tenantId, scannedCode(uri))
  expect(await claimEnrollment(world, command)).toEqual(refusal)
})
