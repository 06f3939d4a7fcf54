import { describe, expect } from 'vitest'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import { readSelf } from '../../src/devices/own-devices.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { buildMacs } from '../../src/platform/crypto/macs.ts'
import { onServer } from '../support/cluster.ts'
import {
  anAnswer,
  aPhone,
  aProof,
  ask,
  granted,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

/** Approvals of the phone, and the rows of its keys. */
function approvalsOf(world: World, principal: Principal, phone: Phone) {
  const sql = (text: string, ...values: unknown[]) =>
    onServer(world.url, (client) => client.query(text, values))
  const tamperEvent = () => ({
    event: 'device_key_tampered',
    tenantId: phone.tenantId,
    deviceId: phone.id,
  })

  /** An approval by this phone, with proof and answer signed by the given keys. */
  async function approval(keys = phone.keys) {
    const { challenge, number } = await granted(ask(world, principal))
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: number ?? '' })
    const answer = await signAnswer(phone, claims, keys.verification ?? keys.possession)
    const proof = await aProof(world, phone, keys.possession)
    return {
      id: challenge.id,
      send: () => answerChallenge(world, proof, { challengeId: challenge.id, answer }),
    }
  }

  const statusOf = async (id: Awaited<ReturnType<typeof approval>>['id']) =>
    (await world.challenges.find(principal.tenantId, principal.rpId, id))?.challenge.status
  return { sql, tamperEvent, approval, statusOf }
}

const test = phoneTest.extend('scene', ({ world, principal, phone }) =>
  approvalsOf(world, principal, phone),
)

test('an untouched key approves, and no alarm is raised', async ({ scene, world }) => {
  const { send } = await scene.approval()
  expect(await send()).toEqual({ status: 'approved' })
  expect(world.securityEvents).toEqual([])
})

describe('an answer fails, and the operator is alerted, after somebody', () => {
  test('replaced the verification key by a key of their own', async ({ scene, phone, world }) => {
    const { verification } = await createDeviceKeys({ verification: true })
    if (!verification) throw new Error('a verification key was requested')
    const { id, send } = await scene.approval({ ...phone.keys, verification })
    await scene.sql(
      `update device_keys set kid = $2, public_jwk = $3
       where device_id = $1 and role = 'verification'`,
      phone.id,
      verification.kid,
      JSON.stringify(verification.publicJwk),
    )
    expect(await send()).toEqual({ refused: 'proof_invalid' })
    expect(await scene.statusOf(id)).toBe('pending')
    expect(world.securityEvents).toEqual([scene.tamperEvent()])
  })

  test('changed the key and kept its thumbprint', async ({ scene, phone, world }) => {
    const { possession } = await createDeviceKeys({ verification: false })
    await scene.sql(
      `update device_keys set public_jwk = $2 where device_id = $1 and role = 'possession'`,
      phone.id,
      JSON.stringify(possession.publicJwk),
    )
    const forgedKey = { ...possession, kid: phone.keys.possession.kid }
    const proof = await aProof(world, phone, forgedKey)
    expect(await fetchChallenges(world, proof)).toEqual({ refused: 'proof_invalid' })
    expect(world.securityEvents).toEqual([scene.tamperEvent()])
  })

  test('removed the verification key, so that the possession key would suffice', async ({
    scene,
    phone,
    world,
  }) => {
    const { id, send } = await scene.approval({ ...phone.keys, verification: null })
    await scene.sql(
      `delete from device_keys where device_id = $1 and role = 'verification'`,
      phone.id,
    )
    expect(await send()).toEqual({ refused: 'proof_invalid' })
    expect(await scene.statusOf(id)).toBe('pending')
    expect(world.securityEvents).toEqual([scene.tamperEvent()])
  })

  test('exchanged the roles of the two keys, so that the one without a prompt approves', async ({
    scene,
    phone,
    world,
  }) => {
    const { rows } = await scene.sql(
      `delete from device_keys where device_id = $1 returning *`,
      phone.id,
    )
    for (const row of rows) {
      await scene.sql(
        `insert into device_keys (tenant_id, device_id, role, kid, public_jwk, mac)
         values ($1, $2, $3, $4, $5, $6)`,
        ...[row.tenant_id, row.device_id],
        ...[row.role === 'possession' ? 'verification' : 'possession'],
        ...[row.kid, row.public_jwk, row.mac],
      )
    }
    expect(await readSelf(world, await aProof(world, phone))).toEqual({ refused: 'proof_invalid' })
    expect(world.securityEvents).toEqual([scene.tamperEvent()])
  })

  test('assigned the device to another user', async ({ world, principal, scene, phone }) => {
    const victim = await aPhone(world, principal, { user: 'bob' })
    await scene.sql(`update devices set user_id = $2 where id = $1`, phone.id, victim.userId)
    expect(await readSelf(world, await aProof(world, phone))).toEqual({ refused: 'proof_invalid' })
    expect(world.securityEvents).toEqual([scene.tamperEvent()])
  })

  test('assigned the keys to another device', async ({ world, principal, scene, phone }) => {
    const victim = await aPhone(world, principal, { user: 'bob' })
    await scene.sql(`delete from device_keys where device_id = $1`, victim.id)
    await scene.sql(
      `update device_keys set device_id = $2 where device_id = $1`,
      phone.id,
      victim.id,
    )
    const proof = await aProof(world, { ...victim, keys: phone.keys })
    expect(await readSelf(world, proof)).toEqual({ refused: 'proof_invalid' })
    expect(world.securityEvents).toEqual([{ ...scene.tamperEvent(), deviceId: victim.id }])
  })

  test('copied the MAC of another row', async ({ world, principal, scene, phone }) => {
    const other = await aPhone(world, principal, { user: 'bob' })
    await scene.sql(
      `update device_keys k set mac = o.mac from device_keys o
       where k.device_id = $1 and o.device_id = $2 and o.role = k.role`,
      phone.id,
      other.id,
    )
    expect(await readSelf(world, await aProof(world, phone))).toEqual({ refused: 'proof_invalid' })
    expect(world.securityEvents).toEqual([scene.tamperEvent()])
  })

  test('changed the answering key alone: a proof by the other one still verifies', async ({
    phone,
    scene,
    world,
  }) => {
    const { verification } = await createDeviceKeys({ verification: true })
    if (!verification || !phone.keys.verification) throw new Error('both have one')
    const forgedKey = { ...verification, kid: phone.keys.verification.kid }
    const { id, send } = await scene.approval({ ...phone.keys, verification: forgedKey })
    await scene.sql(
      `update device_keys set public_jwk = $2 where device_id = $1 and role = 'verification'`,
      phone.id,
      JSON.stringify(verification.publicJwk),
    )
    expect(await send()).toMatchObject({ refused: 'answer_invalid' })
    expect(await scene.statusOf(id)).toBe('pending')
    expect(world.securityEvents).toEqual([scene.tamperEvent()])
  })
})

test('after a change of master key the earlier keys still work, and only if it is configured', async ({
  world,
  phone,
}) => {
  const current = Buffer.alloc(32, 8)
  const proof = await aProof(world, phone)
  const forgot = { ...world, macs: buildMacs({ current }) }
  expect(await readSelf(forgot, proof)).toEqual({ refused: 'proof_invalid' })
  const rotatedWorld = { ...world, macs: buildMacs({ current, previous: [world.sealingKey] }) }
  expect(await readSelf(rotatedWorld, proof)).toMatchObject({ id: phone.id })
})
