import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { sealPlainAnswers } from '../../src/audit/plain-answers.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { answerBinding, readEvidence } from '../../src/challenges/read-evidence.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { buildSigningKeys } from '../../src/tenants/signing-keys.ts'
import { onServer } from '../support/cluster.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
let phone: Phone
beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
})
afterAll(() => world.close())

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

test('the signed answer, which contains the number, is stored sealed, and its evidence reads as signed', async () => {
  const { challengeId, answer } = await approveChallenge()
  const [row] = await sql(
    'select a::text as whole from answers a where challenge_id = $1',
    challengeId,
  )
  const [, payload = ''] = answer.split('.')
  expect(row.whole).toContain('approve')
  expect(row.whole).not.toContain(payload)
  expect(Buffer.from(payload, 'base64url').toString()).toMatch(/"num":"\d{6}"/)
  expect(await evidenceOf(challengeId)).toMatchObject({ answer, deviceId: phone.id })
})

test('an answer that an earlier release stored in plain text is readable, and the worker seals it', async () => {
  const approvals = await Promise.all([approveChallenge(), approveChallenge(), approveChallenge()])
  for (const { challengeId, answer } of approvals) {
    await sql(
      'update answers set jws = $2, jws_sealed = null where challenge_id = $1',
      challengeId,
      answer,
    )
    expect(await evidenceOf(challengeId)).toMatchObject({ answer })
  }
  expect(await sealPlainAnswers(world, 2)).toBe(true)
  while (await sealPlainAnswers(world, 2));
  expect(await sql('select jti from answers where jws is not null')).toEqual([])
  for (const { challengeId, answer } of approvals) {
    expect(await evidenceOf(challengeId)).toMatchObject({ answer })
  }
})

test('a sealed answer that was moved to another challenge is no evidence', async () => {
  const [one, other] = [await approveChallenge(), await approveChallenge()]
  await sql(
    `update answers a set jws_sealed = b.jws_sealed from answers b
     where a.challenge_id = $1 and b.challenge_id = $2`,
    one.challengeId,
    other.challengeId,
  )
  await expect(evidenceOf(one.challengeId)).rejects.toThrow(/changed or moved/)
})

test('an answer that another worker has sealed meanwhile is not sealed again', async () => {
  const { challengeId, answer } = await approveChallenge()
  const [{ jti, sealed: sealedJws }] = await sql(
    'select jti, jws_sealed as sealed from answers where challenge_id = $1',
    challengeId,
  )
  const key = { tenantId: phone.tenantId, challengeId, deviceId: phone.id, jti }
  await world.plainAnswers.saveSealed([
    { ...key, sealedJws: world.sealing.seal(answer, answerBinding(key)) },
  ])
  const [after] = await sql('select jws_sealed from answers where challenge_id = $1', challengeId)
  expect(after.jws_sealed.equals(sealedJws)).toBe(true)
})
