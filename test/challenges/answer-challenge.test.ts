import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import type { ChallengeId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  inAnotherProcess,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
let phone: Phone
let id: ChallengeId
let number: string

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
  const creation = await granted(ask(world, principal))
  id = creation.challenge.id
  number = creation.number ?? ''
  world.publishedKeys.length = 0
  world.dispatchedPushes.length = 0
})
afterAll(() => world.close())

type Claims = Awaited<ReturnType<typeof anAnswer>>

const wrongNumber = () => String((Number(number) + 1) % 1_000_000).padStart(6, '0')
const approval = (num = number) => anAnswer(world, phone, id, { dec: 'approve', num })

async function send(answer: string, by = phone, proof?: Awaited<ReturnType<typeof aProof>>) {
  const deviceProof = proof ?? (await aProof(world, by))
  return answerChallenge(world, deviceProof, { challengeId: id, answer })
}
const sendSigned = async (claims: Claims) => send(await signAnswer(phone, claims))

async function challenge() {
  const record = await world.challenges.find(principal.tenantId, principal.rpId, id)
  if (!record) throw new Error('the challenge exists')
  return record.challenge
}
const pendingState = { status: 'pending', wrongNumbersLeft: 3, decidedAt: null }

describe('an answer decides', () => {
  test('with the right number: approved, and every waiting client is notified', async () => {
    expect(await sendSigned(await approval())).toEqual({ status: 'approved' })
    expect(await challenge()).toMatchObject({ status: 'approved', decidedDeviceId: phone.id })
    expect(world.publishedKeys).toEqual([id])
  })

  test.each([
    ['deny', 'user_denied', 'challenge_denied', 'warning'],
    ['report', 'user_reported', 'challenge_reported', 'critical'],
  ] as const)('%s: denied, %s, shown to the user as %s', async (dec, reason, type, severity) => {
    expect(await sendSigned(await anAnswer(world, phone, id, { dec }))).toEqual({
      status: 'denied',
    })
    expect(await challenge()).toMatchObject({ status: 'denied', reason })
    const page = { limit: 3, before: null }
    const activities = await world.activities.list(phone.tenantId, phone.userId, page)
    const activity = activities.find((one) => one.type === type)
    expect(activity).toMatchObject({ type, severity, actor: `device:${phone.id}`, challengeId: id })
  })

  test('and the user’s other phones are notified, those that were pushed', async () => {
    const other = await aPhone(world, principal)
    const initiator = { kind: 'browser', id: 'another-browser' } as const
    await sendSigned(await approval())
    const creation = await granted(ask(world, principal, { initiator }))
    id = creation.challenge.id
    world.dispatchedPushes.length = 0
    await sendSigned(await anAnswer(world, phone, id, { dec: 'deny' }))
    expect(world.dispatchedPushes).toMatchObject([{ kind: 'challenge_closed', deviceId: other.id }])
  })

  test('of a phone without a verification key, and the result does not claim one', async () => {
    const plain = await aPhone(world, principal, { user: 'bob', verification: false })
    const creation = await granted(ask(world, principal, { user: 'bob' }))
    id = creation.challenge.id
    const claims = await anAnswer(world, plain, id, { dec: 'approve', num: creation.number ?? '' })
    expect(await send(await signAnswer(plain, claims), plain)).toEqual({ status: 'approved' })
    const record = await world.challenges.find(principal.tenantId, principal.rpId, id)
    expect(record?.decidedBy).toMatchObject({ id: plain.id, userVerified: false })
  })
})

describe('a wrong number', () => {
  test('costs an attempt, reports how many are left, and notifies no waiting client', async () => {
    expect(await sendSigned(await approval(wrongNumber()))).toEqual({
      refused: 'wrong_number',
      facts: { wrongNumbersLeft: 2, currentStatus: 'pending' },
    })
    expect(await challenge()).toMatchObject({ status: 'pending', wrongNumbersLeft: 2 })
    expect(world.publishedKeys).toEqual([])
    expect(await sendSigned(await approval())).toEqual({ status: 'approved' })
  })

  test('ends the challenge at the third, and that end is announced once', async () => {
    for (const attemptsLeft of [2, 1, 0]) {
      expect(await sendSigned(await approval(wrongNumber()))).toEqual({
        refused: 'wrong_number',
        facts: {
          wrongNumbersLeft: attemptsLeft,
          currentStatus: attemptsLeft === 0 ? 'denied' : 'pending',
        },
      })
      if (attemptsLeft > 0) expect(world.publishedKeys).toEqual([])
    }
    expect(await challenge()).toMatchObject({ status: 'denied', reason: 'number_mismatch' })
    expect(world.publishedKeys).toEqual([id])
    const page = { limit: 10, before: null }
    const activities = await world.activities.list(phone.tenantId, phone.userId, page)
    expect(activities.filter(({ type }) => type === 'number_failed')).toHaveLength(3)
    expect(activities.filter(({ type }) => type === 'challenge_denied')).toMatchObject([
      { challengeId: id, details: { reason: 'number_mismatch' } },
    ])
  })

  test('is any text that is no number of the right length, and costs an attempt too', async () => {
    for (const [num, attemptsLeft] of [
      ['48392', 2],
      ['٤٨٣٩٢٠', 1],
      [`${number} `, 0],
    ] as const) {
      expect(await sendSigned(await approval(num))).toMatchObject({
        facts: { wrongNumbersLeft: attemptsLeft },
      })
    }
  })

  test('ten at the same time cost three attempts, and the right one afterwards has no effect', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => signAnswer(phone, await approval(wrongNumber()))),
    )
    const right = await signAnswer(phone, await approval())
    const replies = await Promise.all(answers.map((answer) => send(answer)))
    const attemptsLeft = replies.flatMap((reply) =>
      'facts' in reply ? (reply.facts?.wrongNumbersLeft ?? []) : [],
    )
    expect(attemptsLeft.toSorted()).toEqual([0, 1, 2])
    expect(await send(right)).toEqual({
      refused: 'challenge_ended',
      facts: { currentStatus: 'denied' },
    })
  })

  test('leaves no copy of the typed text', async () => {
    await sendSigned(await approval(wrongNumber()))
    const rows = await world.database.query(
      'kept_of',
      'select jws, jws_sealed from answers where challenge_id = $1',
      [id],
    )
    expect(rows).toEqual([{ jws: null, jws_sealed: null }])
  })

  test('that is missing costs nothing, not even the proof', async () => {
    const proof = await aProof(world, phone)
    const empty = await signAnswer(phone, await anAnswer(world, phone, id, { dec: 'approve' }))
    expect(await send(empty, phone, proof)).toEqual({ refused: 'number_missing' })
    expect(await challenge()).toMatchObject(pendingState)
    expect(await send(await signAnswer(phone, await approval()), phone, proof)).toEqual({
      status: 'approved',
    })
  })
})

describe('the same answer again', () => {
  test('gets the same reply and counts nothing, with the same proof or a fresh one', async () => {
    const proof = await aProof(world, phone)
    const wrong = await signAnswer(phone, await approval(wrongNumber()))
    const reply = await send(wrong, phone, proof)
    expect(await send(wrong, phone, proof)).toEqual(reply)
    expect(await send(wrong)).toEqual(reply)
    expect(await challenge()).toMatchObject({ wrongNumbersLeft: 2 })
    const right = await signAnswer(phone, await approval())
    expect(await send(right)).toEqual({ status: 'approved' })
    expect(await send(right)).toEqual({ status: 'approved' })
    expect(await send(wrong)).toEqual(reply)
    expect(world.publishedKeys).toEqual([id])
  })

  test('ten times concurrently counts once, and every call gets the reply', async () => {
    const wrong = await signAnswer(phone, await approval(wrongNumber()))
    const replies = await Promise.all(Array.from({ length: 10 }, () => send(wrong)))
    expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1)
    expect(await challenge()).toMatchObject({ wrongNumbersLeft: 2 })
  })

  test('signed anew under its jti is the same answer: signatures and spellings identify nothing', async () => {
    const claims = await approval()
    const [one, other] = [await signAnswer(phone, claims), await signAnswer(phone, claims)]
    expect(one).not.toBe(other)
    expect(await send(one)).toEqual({ status: 'approved' })
    expect(await send(other)).toEqual({ status: 'approved' })
  })

  test('under another jti is a different answer: after the end it is refused with the current status', async () => {
    const claims = await anAnswer(world, phone, id, { dec: 'deny' })
    expect(await sendSigned(claims)).toEqual({ status: 'denied' })
    expect(await sendSigned({ ...claims, jti: systemRandom.token(16) })).toEqual({
      refused: 'challenge_ended',
      facts: { currentStatus: 'denied' },
    })
  })

  test('by another phone under the same jti is another answer', async () => {
    const other = await aPhone(world, principal)
    const creation = await granted(ask(world, principal))
    id = creation.challenge.id
    number = creation.number ?? ''
    const mine = await approval(wrongNumber())
    await sendSigned(mine)
    const claims = await anAnswer(world, other, id, { dec: 'approve', num: wrongNumber() })
    const reply = await send(await signAnswer(other, { ...claims, jti: mine.jti }), other)
    expect(reply).toMatchObject({ facts: { wrongNumbersLeft: 1 } })
  })
})

describe('an answer is refused and changes nothing', () => {
  test.each<[string, (answer: string) => string]>([
    ['empty', () => ''],
    ['no JWS', () => 'approve'],
    ['cut off', (answer) => answer.slice(0, -1)],
    ['followed by a line feed', (answer) => `${answer}\n`],
    ['padded', (answer) => `${answer}=`],
    ['without a signature', (answer) => `${answer.slice(0, answer.lastIndexOf('.'))}.`],
    ['longer than 4 KiB', (answer) => answer.replace('.', `${'A'.repeat(4_096)}.`)],
    ['in five parts', (answer) => `${answer}.a.b`],
  ])('when it is %s', async (_, spoil) => {
    expect(await send(spoil(await signAnswer(phone, await approval())))).toEqual({
      refused: 'answer_malformed',
    })
    expect(await challenge()).toMatchObject(pendingState)
  })

  test('and the reason is given only to a device whose proof is verified', async () => {
    const otherPhone = { ...phone, keys: await createDeviceKeys({ verification: false }) }
    const reply = await send('approve', phone, await aProof(world, otherPhone))
    expect(reply).toEqual({ refused: 'proof_invalid' })
  })

  test.each<[keyof Claims, string]>([
    ['iss', 'dev_01h455vb4pex5vsknk084sn02q'],
    ['sub', 'usr_01h455vb4pex5vsknk084sn02q'],
    ['aud', 'https://evil.example/t/tnt_01h455vb4pex5vsknk084sn02q'],
    ['cid', 'chl_01h455vb4pex5vsknk084sn02q'],
    ['nonce', 'A'.repeat(43)],
    ['rqh', 'A'.repeat(43)],
  ])('when its %s differs', async (claim, value) => {
    const reply = await sendSigned({ ...(await approval()), [claim]: value })
    expect(reply).toEqual({ refused: 'answer_invalid', facts: { claim } })
    expect(await challenge()).toMatchObject(pendingState)
  })

  test.each([
    ['is stale', -61, 60, { refused: 'clock_skew' }],
    ['lies ahead', 12, 60, { refused: 'clock_skew' }],
    ['lives too long', 0, 61, { facts: { claim: 'exp' } }],
    ['has expired', -40, 20, { facts: { claim: 'exp' } }],
  ])('when it %s', async (_, seconds, lifetime, refusal) => {
    const claims = await approval()
    const iat = claims.iat + seconds
    expect(await sendSigned({ ...claims, iat, exp: iat + lifetime })).toMatchObject(refusal)
    expect(await challenge()).toMatchObject(pendingState)
  })

  test('when it belongs to another challenge of the same device', async () => {
    const other = await granted(ask(world, principal))
    const capturedAnswer = await anAnswer(world, phone, other.challenge.id, {
      dec: 'approve',
      num: number,
    })
    expect(await sendSigned(capturedAnswer)).toMatchObject({ refused: 'answer_invalid' })
    expect(await sendSigned({ ...capturedAnswer, cid: id })).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'nonce' },
    })
    expect(await challenge()).toMatchObject(pendingState)
  })

  test('when it is signed by a key that is not the device’s, whichever key it names', async () => {
    const claims = await approval()
    const foreign = await createDeviceKeys({ verification: false })
    const other = await aPhone(world, principal)
    const own = phone.keys.possession
    const refusal = { refused: 'answer_invalid', facts: { claim: 'kid' } }
    for (const key of [
      foreign.possession,
      { ...foreign.possession, kid: own.kid },
      other.keys.possession,
      { ...other.keys.possession, kid: own.kid },
    ]) {
      expect(await send(await signAnswer(phone, claims, key))).toEqual(refusal)
    }
    expect(await challenge()).toMatchObject(pendingState)
  })

  test('when one letter of the signed text is changed', async () => {
    const answer = await signAnswer(phone, await anAnswer(world, phone, id, { dec: 'deny' }))
    const [header, , signature] = answer.split('.')
    const forgedClaims = await anAnswer(world, phone, id, { dec: 'approve', num: number })
    const payload = Buffer.from(JSON.stringify(forgedClaims)).toString('base64url')
    expect(await send(`${header}.${payload}.${signature}`)).toMatchObject({
      refused: 'answer_invalid',
    })
    expect(await challenge()).toMatchObject(pendingState)
  })

  test('when the possession key approves where the verification key is required', async () => {
    const claims = { ...(await approval()), uv: false }
    expect(await sendSigned(claims)).toEqual({ refused: 'answer_key_not_allowed' })
    const lie = await signAnswer(phone, { ...claims, uv: true }, phone.keys.possession)
    expect(await send(lie)).toEqual({ refused: 'answer_invalid', facts: { claim: 'uv' } })
    expect(await challenge()).toMatchObject(pendingState)
  })

  test('when the device was never asked, exactly as when there is no such challenge', async () => {
    const late = await aPhone(world, principal)
    const answer = await signAnswer(late, { ...(await approval()), iss: late.id })
    expect(await send(answer, late)).toEqual({ refused: 'not_found' })
    id = 'chl_01h455vb4pex5vsknk084sn02q'
    expect(await send(answer, late)).toEqual({ refused: 'not_found' })
  })

  test('when its proof was used before', async () => {
    const proof = await aProof(world, phone)
    await send(await signAnswer(phone, await approval(wrongNumber())), phone, proof)
    const next = await signAnswer(phone, await approval())
    expect(await send(next, phone, proof)).toEqual({ refused: 'proof_replayed' })
    expect(await challenge()).toMatchObject({ status: 'pending', wrongNumbersLeft: 2 })
  })

  test('when the device was unregistered, before the call or during it', async () => {
    const answer = await signAnswer(phone, await approval())
    const proofs = [await aProof(world, phone), await aProof(world, phone)] as const
    const challenges = {
      ...world.challenges,
      recordAnswer: async (...args: Parameters<World['challenges']['recordAnswer']>) => {
        await unregisterDevice(inAnotherProcess(world), principal, phone.id, 'lost')
        return world.challenges.recordAnswer(...args)
      },
    }
    const command = { challengeId: id, answer }
    const during = await answerChallenge({ ...world, challenges }, proofs[0], command)
    expect(during).toEqual({ refused: 'device_unregistered' })
    expect(await send(answer, phone, proofs[1])).toEqual({ refused: 'device_unregistered' })
    expect(await challenge()).toMatchObject({ status: 'denied', reason: 'no_device_left' })
  })

  test('after expiry, which the answer itself records and announces', async () => {
    const answer = await signAnswer(phone, await approval())
    await world.database.query(
      'run_out_challenge',
      `update challenges set expires_at = clock_timestamp() - interval '1 ms' where id = $1`,
      [id],
    )
    expect(await send(answer)).toEqual({ refused: 'challenge_expired' })
    expect(await challenge()).toMatchObject({ status: 'expired', wrongNumbersLeft: 3 })
    expect(world.publishedKeys).toEqual([id])
    expect(await send(answer)).toEqual({ refused: 'challenge_expired' })
  })

  test('instead of being retried without end, when concurrent changes keep winning', async () => {
    let attempts = 0
    const challenges = {
      ...world.challenges,
      recordAnswer: async () => {
        attempts += 1
        return { kind: 'changed' } as const
      },
    }
    const command = { challengeId: id, answer: await signAnswer(phone, await approval()) }
    const outcome = await answerChallenge(
      { ...world, challenges },
      await aProof(world, phone),
      command,
    )
    expect(outcome).toEqual({ refused: 'conflict', retryAfterSeconds: 1 })
    expect(attempts).toBe(12)
  })
})
