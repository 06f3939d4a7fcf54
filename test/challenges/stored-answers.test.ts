import { expect } from 'vitest'
import { sealPlainAnswers } from '../../src/audit/plain-answers.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { answerBinding, readEvidence } from '../../src/challenges/read-evidence.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { buildSigningKeys } from '../../src/tenants/signing-keys.ts'
import { onServer } from '../support/cluster.ts'
import {
  anAnswer,
  aProof,
  ask,
  granted,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

/** What the phone approved, and what is stored of it. */
function approvalsOf(world: World, principal: Principal, phone: Phone) {
  const sql = async (text: string, ...values: unknown[]) =>
    (await onServer(world.url, (client) => client.query(text, values))).rows

  /** An approved challenge, and the text that the phone signed. */
  async function approveChallenge() {
    const { challenge, number } = await granted(ask(world, principal))
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: number ?? '' })
    const answer = await signAnswer(phone, claims)
    const command = { challengeId: challenge.id, answer }
    expect(await answerChallenge(world, await aProof(world, phone), command)).toEqual({
      status: 'approved',
    })
    return { challengeId: challenge.id, answer }
  }

  const signingKeys = () => buildSigningKeys(world, () => Date.now())
  const evidenceOf = async (id: Awaited<ReturnType<typeof approveChallenge>>['challengeId']) =>
    granted(readEvidence({ ...world, signingKeys: signingKeys() }, principal, id))
  return { sql, approveChallenge, signingKeys, evidenceOf }
}

const test = phoneTest.extend('scene', ({ world, principal, phone }) =>
  approvalsOf(world, principal, phone),
)

test('the signed answer, which contains the number, is stored sealed, and its evidence reads as signed', async ({
  scene,
  phone,
}) => {
  const { challengeId, answer } = await scene.approveChallenge()
  const [row] = await scene.sql(
    'select a::text as whole from answers a where challenge_id = $1',
    challengeId,
  )
  const [, payload = ''] = answer.split('.')
  expect(row.whole).toContain('approve')
  expect(row.whole).not.toContain(payload)
  expect(Buffer.from(payload, 'base64url').toString()).toMatch(/"num":"\d{6}"/)
  expect(await scene.evidenceOf(challengeId)).toMatchObject({ answer, deviceId: phone.id })
})

test('an answer that an earlier release stored in plain text is readable, and the worker seals it', async ({
  scene,
  world,
}) => {
  const approvals = await Promise.all([
    scene.approveChallenge(),
    scene.approveChallenge(),
    scene.approveChallenge(),
  ])
  for (const { challengeId, answer } of approvals) {
    await scene.sql(
      'update answers set jws = $2, jws_sealed = null where challenge_id = $1',
      challengeId,
      answer,
    )
    expect(await scene.evidenceOf(challengeId)).toMatchObject({ answer })
  }
  expect(await sealPlainAnswers(world, 2)).toBe(true)
  while (await sealPlainAnswers(world, 2));
  expect(await scene.sql('select jti from answers where jws is not null')).toEqual([])
  for (const { challengeId, answer } of approvals) {
    expect(await scene.evidenceOf(challengeId)).toMatchObject({ answer })
  }
})

test('a sealed answer that was moved to another challenge is no evidence', async ({ scene }) => {
  const [one, other] = [await scene.approveChallenge(), await scene.approveChallenge()]
  await scene.sql(
    `update answers a set jws_sealed = b.jws_sealed from answers b
     where a.challenge_id = $1 and b.challenge_id = $2`,
    one.challengeId,
    other.challengeId,
  )
  await expect(scene.evidenceOf(one.challengeId)).rejects.toThrow(/changed or moved/)
})

test('an answer that another worker has sealed meanwhile is not sealed again', async ({
  scene,
  phone,
  world,
}) => {
  const { challengeId, answer } = await scene.approveChallenge()
  const [{ jti, sealed: sealedJws }] = await scene.sql(
    'select jti, jws_sealed as sealed from answers where challenge_id = $1',
    challengeId,
  )
  const key = { tenantId: phone.tenantId, challengeId, deviceId: phone.id, jti }
  await world.plainAnswers.saveSealed([
    { ...key, sealedJws: world.sealing.seal(answer, answerBinding(key)) },
  ])
  const [after] = await scene.sql(
    'select jws_sealed from answers where challenge_id = $1',
    challengeId,
  )
  expect(after.jws_sealed.equals(sealedJws)).toBe(true)
})
