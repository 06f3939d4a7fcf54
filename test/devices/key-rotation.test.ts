import { describe, expect } from 'vitest'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import { waitForChallenge } from '../../src/challenges/read-challenge.ts'
import { readEvidence } from '../../src/challenges/read-evidence.ts'
import { readSelf } from '../../src/devices/own-devices.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { openNextEnrollment, readNextEnrollment } from '../../src/enrollments/enroll-next-phone.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { until } from '../support/until.ts'
import {
  aClaimCommand,
  aProof,
  granted,
  type Phone,
  scannedCode,
  type World,
} from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'
import {
  aKey,
  anApproval,
  rotate,
  sql,
  verificationOf,
  watchWaits,
  withRotated,
} from './key-rotation-steps.ts'

const amrOf = (result: string | null) =>
  JSON.parse(Buffer.from((result ?? '').split('.')[1] ?? '', 'base64url').toString()).amr

describe('a device replaces', () => {
  test.for(['possession', 'verification'] as const)(
    'its %s key: from then on the new one counts, and the old one no more',
    async (role, { world, principal, phone }) => {
      const after = await withRotated(world, phone, role)
      const { id, give } = await anApproval(world, principal, after)
      const refused =
        role === 'possession'
          ? { refused: 'proof_invalid' }
          : { refused: 'answer_invalid', facts: { claim: 'kid' } }
      expect(await give(phone)).toEqual(refused)
      expect(await give(after)).toEqual({ status: 'approved' })
      const { result } = await granted(waitForChallenge(world, principal, id, 0))
      expect(amrOf(result)).toEqual(['pop', 'swk', 'user'])
    },
  )

  test('one key, and the other one still counts', async ({ world, phone }) => {
    const after = await withRotated(world, phone, 'possession')
    expect(await readSelf(world, await aProof(world, after, verificationOf(phone)))).toMatchObject({
      id: phone.id,
    })
    const last = await withRotated(world, after, 'verification')
    expect(await readSelf(world, await aProof(world, last))).toMatchObject({ id: phone.id })
  })

  test('a key, and answers what it was asked before with the new one', async ({
    world,
    principal,
    phone,
  }) => {
    const { give } = await anApproval(world, principal, phone)
    const after = await withRotated(world, phone, 'possession')
    expect(await fetchChallenges(world, await aProof(world, after))).toHaveLength(1)
    expect(await give(after)).toEqual({ status: 'approved' })
  })

  test('a key, and its user is notified, the other devices by a push', async ({
    world,
    principal,
    phone,
  }) => {
    await withRotated(world, phone, 'verification')
    const page = { limit: 10, before: null }
    const activities = await world.activities.list(principal.tenantId, phone.userId, page)
    expect(activities[0]).toMatchObject({
      type: 'device_key_rotated',
      severity: 'warning',
      actor: `device:${phone.id}`,
      deviceId: phone.id,
      details: { role: 'verification', name: 'Phone' },
    })
    const { rows } = await sql(
      world,
      `select notice from activities where type = 'device_key_rotated' and device_id = $1`,
      phone.id,
    )
    expect(rows).toEqual([{ notice: 'owed' }])
  })

  test('a key, and the revocation log has the old one, by a repeated call too', async ({
    world,
    phone,
  }) => {
    const key = await aKey()
    await granted(rotate(world, phone, { role: 'verification', key }))
    const { tenantId, userId, id: deviceId } = phone
    const line = {
      revocation: 'device_key_replaced',
      ...{ tenantId, userId, deviceId },
      kid: verificationOf(phone).kid,
      at: expect.any(Date),
    }
    const lines = () => world.revocations.filter((one) => 'kid' in one && one.kid === line.kid)
    expect(lines()).toEqual([line])
    await granted(rotate(world, phone, { role: 'verification', key, caller: key }))
    expect(lines()).toEqual([line, lines()[0]])
  })

  test('a key by the same call twice: the second changes nothing', async ({ world, phone }) => {
    const key = await aKey()
    await granted(rotate(world, phone, { role: 'possession', key }))
    await granted(rotate(world, phone, { role: 'possession', key }))
    const second = await aKey()
    await granted(rotate(world, phone, { role: 'verification', key: second }))
    expect(await rotate(world, phone, { role: 'verification', key: second })).toEqual({
      refused: 'proof_invalid',
    })
    // The reply was lost: the app tries the new key.
    const repetition = { role: 'verification', key: second, caller: second } as const
    await granted(rotate(world, phone, repetition))
    const { rows } = await sql(
      world,
      'select role from replaced_device_keys where device_id = $1 order by role',
      phone.id,
    )
    expect(rows).toEqual([{ role: 'possession' }, { role: 'verification' }])
  })

  test('a key by a repeated call, whose proof works once as well', async ({ world, phone }) => {
    const key = await aKey()
    await granted(rotate(world, phone, { role: 'possession', key }))
    const call = await aProof(world, phone, verificationOf(phone))
    await granted(rotate(world, phone, { role: 'possession', key, call }))
    expect(await rotate(world, phone, { role: 'possession', key, call })).toEqual({
      refused: 'proof_replayed',
    })
  })

  test('a key by the same call twice at once: both take effect, once', async ({ world, phone }) => {
    const key = await aKey()
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => rotate(world, phone, { role: 'possession', key })),
    )
    expect(outcomes).toEqual(outcomes.map(() => expect.objectContaining({ id: phone.id })))
  })

  test('a key, and a repeated call puts no other one into the revocation log', async ({
    world,
    phone,
  }) => {
    const key = await aKey()
    await granted(rotate(world, phone, { role: 'possession', key }))
    const claims = { replaces: verificationOf(phone).kid }
    await granted(rotate(world, phone, { role: 'possession', key, claims }))
    expect(world.revocations).not.toContainEqual(
      expect.objectContaining({ kid: verificationOf(phone).kid }),
    )
  })

  test('a key of two at once: one call wins, and the other one finds it so', async ({
    world,
    phone,
  }) => {
    const keys = await Promise.all([aKey(), aKey(), aKey()])
    const outcomes = await Promise.all(
      keys.map((key) => rotate(world, phone, { role: 'possession', key })),
    )
    const winners = outcomes.filter((outcome) => 'id' in outcome)
    expect(winners).toHaveLength(1)
    const others = outcomes.filter((outcome) => !('id' in outcome))
    // Its proof names the key that it replaces, which is another one by now.
    expect(others).toEqual([
      { refused: 'proof_invalid', facts: { claim: 'replaces' } },
      { refused: 'proof_invalid', facts: { claim: 'replaces' } },
    ])
  })
})

describe('what a key has signed before it was replaced', () => {
  test('stays evidence that anyone can verify', async ({ world, principal, phone }) => {
    const { id, give } = await anApproval(world, principal, phone)
    await granted(give(phone))
    const before = await granted(readEvidence(world, principal, id))
    await withRotated(world, phone, 'verification')
    const evidence = await granted(readEvidence(world, principal, id))
    expect(evidence.deviceKey).toEqual(before.deviceKey)
    expect(evidence.deviceKey.kid).toBe(verificationOf(phone).kid)
    expect(evidence.answer).toBe(before.answer)
  })

  test('is no evidence where somebody has changed the stored key', async ({
    world,
    principal,
    phone,
  }) => {
    const { id, give } = await anApproval(world, principal, phone)
    await granted(give(phone))
    await withRotated(world, phone, 'verification')
    const { publicJwk } = await aKey()
    await sql(
      world,
      'update replaced_device_keys set public_jwk = $2 where device_id = $1',
      ...[phone.id, JSON.stringify(publicJwk)],
    )
    expect(await readEvidence(world, principal, id)).toEqual({ refused: 'not_found' })
    expect(world.securityEvents).toMatchObject([{ event: 'device_key_tampered' }])
  })
})

describe('a call by a replaced key', () => {
  test('that somebody has put into the database is no such call', async ({ world, phone }) => {
    await withRotated(world, phone, 'possession')
    const forgedKey = await aKey()
    await sql(
      world,
      'update replaced_device_keys set kid = $2, public_jwk = $3 where device_id = $1',
      ...[phone.id, forgedKey.kid, JSON.stringify(forgedKey.publicJwk)],
    )
    const proof = await aProof(world, phone, forgedKey)
    expect(await readSelf(world, proof)).toEqual({ refused: 'proof_invalid' })
    expect(world.securityEvents).toMatchObject([{ event: 'device_key_tampered' }])
  })

  test('is refused like that of a foreign key, and the operator learns of it', async ({
    world,
    phone,
  }) => {
    await withRotated(world, phone, 'possession')
    const foreign = await aProof(world, phone, await aKey())
    expect(await readSelf(world, foreign)).toEqual({ refused: 'proof_invalid' })
    const forgedKey = { ...(await aKey()), kid: phone.keys.possession.kid }
    expect(await readSelf(world, await aProof(world, phone, forgedKey))).toEqual({
      refused: 'proof_invalid',
    })
    expect(world.securityEvents).toEqual([])
    expect(await readSelf(world, await aProof(world, phone))).toEqual({ refused: 'proof_invalid' })
    expect(world.securityEvents).toEqual([
      { event: 'replaced_key_used', tenantId: phone.tenantId, deviceId: phone.id },
    ])
  })
})

test('a wait that the old key has begun ends with it, and shows no number of a new phone', async ({
  world,
  principal,
  phone,
}) => {
  const opening = await aProof(world, phone, verificationOf(phone))
  const { enrollment, uri } = await granted(openNextEnrollment(world, opening, {}))
  const { watchedWorld, isWaiting } = watchWaits(world)
  const wait = { waitMs: 20_000, after: 'open' } as const
  const proof = await aProof(world, phone)
  const following = readNextEnrollment(watchedWorld, proof, enrollment.id, wait)
  await until('it has read that it is open, and waits', isWaiting)
  await withRotated(world, phone, 'possession')
  const { command } = await aClaimCommand(world, principal.tenantId, scannedCode(uri))
  await granted(claimEnrollment(world, command))
  expect(await following).toEqual({ refused: 'proof_invalid' })
})

describe('a new key is not attested', () => {
  const attest = (world: World, phone: Phone) =>
    sql(
      world,
      `update devices set attestation_level = 'strongbox', attestation_verdict = 'verified'
       where id = $1`,
      phone.id,
    )

  test('so that results say hwk of what was approved before alone', async ({
    world,
    principal,
    phone,
  }) => {
    await attest(world, phone)
    const early = await anApproval(world, principal, phone)
    await granted(early.give(phone))
    const after = await withRotated(world, phone, 'possession')
    const late = await anApproval(world, principal, after)
    await granted(late.give(after))
    const amrs = async ({ id }: typeof early) =>
      amrOf((await granted(waitForChallenge(world, principal, id, 0))).result)
    expect(await amrs(early)).toEqual(['pop', 'hwk', 'user'])
    expect(await amrs(late)).toEqual(['pop', 'swk', 'user'])
    expect(await readSelf(world, await aProof(world, after))).toMatchObject({
      attestation: { level: 'none', verdict: 'not_asked', why: null },
    })
    // Once more changes nothing about the time until which it was attested.
    await withRotated(world, after, 'possession')
    expect([await amrs(early), await amrs(late)]).toEqual([
      ['pop', 'hwk', 'user'],
      ['pop', 'swk', 'user'],
    ])
  })

  test('and none is replaced where the tenant requires that', async ({
    world,
    principal,
    phone,
  }) => {
    const overrides = { attestation: 'require' } as const
    await granted(setPolicy(world, principal.tenantId, { overrides, replace: true }, 'operator'))
    expect(await rotate(world, phone, { role: 'possession', key: await aKey() })).toMatchObject({
      refused: 'attestation_missing',
      hint: expect.stringContaining('enroll the device anew'),
    })
  })
})
