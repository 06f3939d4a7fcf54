import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import { waitForChallenge } from '../../src/challenges/read-challenge.ts'
import { readSelf, updateSelf } from '../../src/devices/own-devices.ts'
import type { ChallengeContext } from '../../src/domain/challenge-context.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import {
  aClaimCommand,
  anAnswer,
  aPhone,
  aProof,
  ask,
  granted,
  type Phone,
  scannedCode,
  signAnswer,
  type World,
} from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'

const payment = {
  action: 'Pay',
  transaction: { amount: '129.90', currency: 'EUR', payee: 'Bookshop' },
} satisfies ChallengeContext

/** The members of the request that the phone gets, as the service signed them. */
async function requestOf(world: World, phone: Phone): Promise<Record<string, unknown>> {
  const [listed] = await granted(fetchChallenges(world, await aProof(world, phone)))
  const [, payload = ''] = (listed?.request ?? '').split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString())
}

const resultClaims = (result: string | null) =>
  JSON.parse(Buffer.from((result ?? '').split('.')[1] ?? '', 'base64url').toString())

/** Opens an enrollment and claims it; the proofs have these members, too. */
async function claimWith(world: World, principal: Principal, more: object) {
  const { uri } = await granted(openEnrollment(world, principal, { user: 'bob', displayName: 'B' }))
  const claim = await aClaimCommand(world, principal.tenantId, scannedCode(uri), true, more)
  return { ...claim, outcome: await claimEnrollment(world, claim.command) }
}

describe('a claim', () => {
  test('enrolls a device in the first version unless both proofs name another', async ({
    world,
    principal,
  }) => {
    const versionOf = async (more: object) => {
      const { outcome } = await claimWith(world, principal, more)
      return (await granted(Promise.resolve(outcome))).device.protocolVersion
    }
    expect(await versionOf({})).toBe(1)
    expect(await versionOf({ protocolVersion: 1 })).toBe(1)
    expect(await versionOf({ protocolVersion: 2 })).toBe(2)
    expect(await versionOf({ protocolVersion: 7 })).toBe(7)
  })

  test.for([0, -2, 1001, 1.5, '2', null, true, [2]])(
    'that names %j is no claim, and uses up nothing',
    async (protocolVersion, { world, principal }) => {
      const { outcome, command, prove, keys } = await claimWith(world, principal, {
        protocolVersion,
      })
      expect(outcome).toMatchObject({ refused: 'invalid_request' })
      const better = { protocolVersion: 2 }
      const proofs = {
        possession: await prove(keys.possession, better),
        ...(keys.verification && { verification: await prove(keys.verification, better) }),
      }
      await granted(claimEnrollment(world, { ...command, proofs }))
    },
  )

  test('whose proofs name different versions is refused', async ({ world, principal }) => {
    const { uri } = await granted(
      openEnrollment(world, principal, { user: 'bob', displayName: 'B' }),
    )
    const { command, prove, keys } = await aClaimCommand(
      world,
      principal.tenantId,
      scannedCode(uri),
    )
    const possession = await prove(keys.possession, { protocolVersion: 2 })
    const proofs = { ...command.proofs, possession }
    expect(await claimEnrollment(world, { ...command, proofs })).toEqual({
      refused: 'proof_invalid',
      facts: { claim: 'protocolVersion' },
    })
  })
})

describe('the version of a device', () => {
  test('rises when the device says so, and is never lowered', async ({ world, phone }) => {
    const update = async (protocolVersion: number) =>
      updateSelf(world, await aProof(world, phone), { protocolVersion })
    expect(await update(2)).toMatchObject({ protocolVersion: 2 })
    expect(await update(2)).toMatchObject({ protocolVersion: 2 })
    expect(await update(1)).toEqual({
      refused: 'protocol_version_lowered',
      facts: { protocolVersion: 2 },
    })
    expect(await readSelf(world, await aProof(world, phone))).toMatchObject({ protocolVersion: 2 })
  })

  test('is not lowered by an update that was decided before it rose', async ({ world, phone }) => {
    const { tenantId, id } = phone
    await world.devices.change(tenantId, id, { protocolVersion: 3 }, null)
    await world.devices.change(tenantId, id, { protocolVersion: 2 }, null)
    expect(await world.devices.find(tenantId, id)).toMatchObject({ protocolVersion: 3 })
  })

  test('below the minimum of its tenant it can only report a newer one', async ({
    world,
    principal,
    phone,
  }) => {
    const overrides = { protocolVersionMin: 2 }
    await granted(setPolicy(world, principal.tenantId, { overrides, replace: true }, 'operator'))
    const tooOld = { refused: 'protocol_too_old', facts: { minimumProtocolVersion: 2 } }
    expect(await fetchChallenges(world, await aProof(world, phone))).toEqual(tooOld)
    expect(await readSelf(world, await aProof(world, phone))).toMatchObject({
      mayAnswer: false,
      whyNot: 'protocol_too_old',
    })
    expect((await claimWith(world, principal, {})).outcome).toEqual(tooOld)
    await granted(updateSelf(world, await aProof(world, phone), { protocolVersion: 2 }))
    expect(await fetchChallenges(world, await aProof(world, phone))).toEqual([])
    await granted(
      Promise.resolve((await claimWith(world, principal, { protocolVersion: 2 })).outcome),
    )
  })
})

describe('a challenge', () => {
  test('speaks to each device in its own version', async ({ world, principal, phone }) => {
    const second = await aPhone(world, principal, { protocolVersion: 2 })
    await granted(ask(world, principal, { context: { action: 'Sign in' } }))
    const [old, current] = [await requestOf(world, phone), await requestOf(world, second)]
    expect(old).not.toHaveProperty('ver')
    expect(old).not.toHaveProperty('must')
    expect(current).toMatchObject({
      ver: 2,
      must: ['ctx.relyingParty', 'ctx.action', 'number'],
      ctx: old.ctx,
    })
  })

  test('with what only newer devices can show asks no other, and nothing is left out', async ({
    world,
    principal,
    phone,
  }) => {
    expect(await ask(world, principal, { context: payment })).toMatchObject({
      refused: 'no_capable_device',
    })
    const second = await aPhone(world, principal, { protocolVersion: 2 })
    await granted(ask(world, principal, { context: payment }))
    expect(await fetchChallenges(world, await aProof(world, phone))).toEqual([])
    expect(await requestOf(world, second)).toMatchObject({
      ver: 2,
      must: ['ctx.relyingParty', 'ctx.action', 'ctx.transaction', 'number'],
      ctx: payment,
    })
  })

  test.for([
    [1, undefined],
    [2, 2],
    [9, 2],
  ] as const)(
    'that a device of version %i answers has the version in its result: %j',
    async ([protocolVersion, ver], { world, principal, phone: _ }) => {
      const device = await aPhone(world, principal, { user: 'carol', protocolVersion })
      const user = { namespace: 'default', value: 'carol' }
      const { challenge, number } = await granted(ask(world, principal, { user }))
      const claims = await anAnswer(world, device, challenge.id, {
        dec: 'approve',
        num: number ?? '',
      })
      const answer = await signAnswer(device, claims)
      const proof = await aProof(world, device)
      await granted(answerChallenge(world, proof, { challengeId: challenge.id, answer }))
      // What was asked counts, not what the device has learned since.
      await world.devices.change(device.tenantId, device.id, { protocolVersion: 10 }, null)
      const { result } = await granted(waitForChallenge(world, principal, challenge.id, 0))
      expect(resultClaims(result).ver).toBe(ver)
    },
  )
})
