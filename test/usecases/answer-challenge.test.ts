import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDeviceKeys } from '../../clients/device/keys.ts'
import type { ChallengeId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { buildQueues } from '../../src/open-fair-queues.ts'
import { systemRandom } from '../../src/outbound/random.ts'
import { answerChallenge } from '../../src/usecases/answer-challenge.ts'
import { unregisterDevice } from '../../src/usecases/unregister-devices.ts'
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
} from './world.ts'

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
  const created = await granted(ask(world, principal))
  id = created.challenge.id
  number = created.number ?? ''
  world.published.length = 0
  world.dispatched.length = 0
})
afterAll(() => world.close())

type Claims = Awaited<ReturnType<typeof anAnswer>>

const wrongNumber = () => String((Number(number) + 1) % 1_000_000).padStart(6, '0')
const approval = (num = number) => anAnswer(world, phone, id, { dec: 'approve', num })

async function send(answer: string, by = phone, proof?: Awaited<ReturnType<typeof aProof>>) {
  const spent = proof ?? (await aProof(world, by))
  return answerChallenge(world, spent, { challengeId: id, answer })
}
const sendSigned = async (claims: Claims) => send(await signAnswer(phone, claims))

async function challenge() {
  const record = await world.challenges.find(principal.tenantId, principal.rpId, id)
  if (!record) throw new Error('the challenge exists')
  return record.challenge
}
const untouched = { status: 'pending', wrongNumbersLeft: 3, decidedAt: null }

describe('an answer decides', () => {
  test('with the right number: approved, and everybody who waits is told', async () => {
    expect(await sendSigned(await approval())).toEqual({ status: 'approved' })
    expect(await challenge()).toMatchObject({ status: 'approved', decidedDeviceId: phone.id })
    expect(world.published).toEqual([id])
  })

  test.each([
    ['deny', 'user_denied', 'challenge_denied', 'warning'],
    ['report', 'user_reported', 'challenge_reported', 'critical'],
  ] as const)('%s: denied, %s, told to the user as %s', async (dec, reason, type, severity) => {
    expect(await sendSigned(await anAnswer(world, phone, id, { dec }))).toEqual({
      status: 'denied',
    })
    expect(await challenge()).toMatchObject({ status: 'denied', reason })
    const page = { limit: 3, before: null }
    const listed = await world.activities.list(phone.tenantId, phone.userId, page)
    const told = listed.find((one) => one.type === type)
    expect(told).toMatchObject({ type, severity, actor: `device:${phone.id}`, challengeId: id })
  })

  test('and the user’s other phones learn it, as far as they were pushed', async () => {
    const other = await aPhone(world, principal)
    const initiator = { kind: 'browser', id: 'another-browser' } as const
    await sendSigned(await approval())
    const created = await granted(ask(world, principal, { initiator }))
    id = created.challenge.id
    world.dispatched.length = 0
    await sendSigned(await anAnswer(world, phone, id, { dec: 'deny' }))
    expect(world.dispatched).toMatchObject([{ kind: 'challenge_closed', deviceId: other.id }])
  })

  test('of a phone without a verification key, and the result does not claim one', async () => {
    const plain = await aPhone(world, principal, { user: 'bob', verification: false })
    const created = await granted(ask(world, principal, { user: 'bob' }))
    id = created.challenge.id
    const claims = await anAnswer(world, plain, id, { dec: 'approve', num: created.number ?? '' })
    expect(await send(await signAnswer(plain, claims), plain)).toEqual({ status: 'approved' })
    const record = await world.challenges.find(principal.tenantId, principal.rpId, id)
    expect(record?.decidedBy).toMatchObject({ id: plain.id, userVerified: false })
  })
})

describe('a wrong number', () => {
  test('costs a try, says how many are left, and tells nobody who waits', async () => {
    expect(await sendSigned(await approval(wrongNumber()))).toEqual({
      refused: 'wrong_number',
      facts: { wrongNumbersLeft: 2, currentStatus: 'pending' },
    })
    expect(await challenge()).toMatchObject({ status: 'pending', wrongNumbersLeft: 2 })
    expect(world.published).toEqual([])
    expect(await sendSigned(await approval())).toEqual({ status: 'approved' })
  })

  test('ends the challenge at the third, and that end is told once', async () => {
    for (const left of [2, 1, 0]) {
      expect(await sendSigned(await approval(wrongNumber()))).toEqual({
        refused: 'wrong_number',
        facts: { wrongNumbersLeft: left, currentStatus: left === 0 ? 'denied' : 'pending' },
      })
      if (left > 0) expect(world.published).toEqual([])
    }
    expect(await challenge()).toMatchObject({ status: 'denied', reason: 'number_mismatch' })
    expect(world.published).toEqual([id])
    const page = { limit: 10, before: null }
    const listed = await world.activities.list(phone.tenantId, phone.userId, page)
    expect(listed.filter(({ type }) => type === 'number_failed')).toHaveLength(3)
    expect(listed.filter(({ type }) => type === 'challenge_denied')).toMatchObject([
      { challengeId: id, details: { reason: 'number_mismatch' } },
    ])
  })

  test('is any text that is no number of that length, and costs a try too', async () => {
    for (const [num, left] of [
      ['48392', 2],
      ['٤٨٣٩٢٠', 1],
      [`${number} `, 0],
    ] as const) {
      expect(await sendSigned(await approval(num))).toMatchObject({
        facts: { wrongNumbersLeft: left },
      })
    }
  })

  test('ten at the same time cost three tries, and the right one after them nothing any more', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => signAnswer(phone, await approval(wrongNumber()))),
    )
    const right = await signAnswer(phone, await approval())
    const replies = await Promise.all(answers.map((answer) => send(answer)))
    const left = replies.flatMap((reply) =>
      'facts' in reply ? (reply.facts?.wrongNumbersLeft ?? []) : [],
    )
    expect(left.toSorted()).toEqual([0, 1, 2])
    expect(await send(right)).toEqual({
      refused: 'challenge_ended',
      facts: { currentStatus: 'denied' },
    })
  })

  test('leaves no text of what was typed', async () => {
    await sendSigned(await approval(wrongNumber()))
    const kept = await world.database.query(
      'kept_of',
      'select jws, jws_sealed from answers where challenge_id = $1',
      [id],
    )
    expect(kept).toEqual([{ jws: null, jws_sealed: null }])
  })

  test('that is missing costs nothing, not even the proof', async () => {
    const proof = await aProof(world, phone)
    const empty = await signAnswer(phone, await anAnswer(world, phone, id, { dec: 'approve' }))
    expect(await send(empty, phone, proof)).toEqual({ refused: 'number_missing' })
    expect(await challenge()).toMatchObject(untouched)
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
    expect(world.published).toEqual([id])
  })

  test('ten times at once counts once, and everyone gets the reply', async () => {
    const wrong = await signAnswer(phone, await approval(wrongNumber()))
    const replies = await Promise.all(Array.from({ length: 10 }, () => send(wrong)))
    expect(new Set(replies.map((reply) => JSON.stringify(reply))).size).toBe(1)
    expect(await challenge()).toMatchObject({ wrongNumbersLeft: 2 })
  })

  test('signed anew under its jti is the same answer: signatures and spellings are no names', async () => {
    const claims = await approval()
    const [one, other] = [await signAnswer(phone, claims), await signAnswer(phone, claims)]
    expect(one).not.toBe(other)
    expect(await send(one)).toEqual({ status: 'approved' })
    expect(await send(other)).toEqual({ status: 'approved' })
  })

  test('is not one under another jti: after the end it is refused with the state that stands', async () => {
    const claims = await anAnswer(world, phone, id, { dec: 'deny' })
    expect(await sendSigned(claims)).toEqual({ status: 'denied' })
    expect(await sendSigned({ ...claims, jti: systemRandom.token(16) })).toEqual({
      refused: 'challenge_ended',
      facts: { currentStatus: 'denied' },
    })
  })

  test('by another phone under the same jti is another answer', async () => {
    const other = await aPhone(world, principal)
    const created = await granted(ask(world, principal))
    id = created.challenge.id
    number = created.number ?? ''
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
    expect(await challenge()).toMatchObject(untouched)
  })

  test('and says so only to a device whose proof is believed', async () => {
    const stranger = { ...phone, keys: await createDeviceKeys({ verification: false }) }
    const reply = await send('approve', phone, await aProof(world, stranger))
    expect(reply).toEqual({ refused: 'proof_invalid' })
  })

  test.each<[keyof Claims, string]>([
    ['iss', 'dev_01h455vb4pex5vsknk084sn02q'],
    ['sub', 'usr_01h455vb4pex5vsknk084sn02q'],
    ['aud', 'https://evil.example/t/tnt_01h455vb4pex5vsknk084sn02q'],
    ['cid', 'chl_01h455vb4pex5vsknk084sn02q'],
    ['nonce', 'A'.repeat(43)],
    ['rqh', 'A'.repeat(43)],
  ])('when its %s is another', async (claim, value) => {
    const reply = await sendSigned({ ...(await approval()), [claim]: value })
    expect(reply).toEqual({ refused: 'answer_invalid', facts: { claim } })
    expect(await challenge()).toMatchObject(untouched)
  })

  test.each([
    ['is stale', -61, 60, { refused: 'clock_skew' }],
    ['lies ahead', 12, 60, { refused: 'clock_skew' }],
    ['lives too long', 0, 61, { facts: { claim: 'exp' } }],
    ['has run out', -40, 20, { facts: { claim: 'exp' } }],
  ])('when it %s', async (_, seconds, lifetime, refusal) => {
    const claims = await approval()
    const iat = claims.iat + seconds
    expect(await sendSigned({ ...claims, iat, exp: iat + lifetime })).toMatchObject(refusal)
    expect(await challenge()).toMatchObject(untouched)
  })

  test('when it was given to another question of the same device', async () => {
    const other = await granted(ask(world, principal))
    const captured = await anAnswer(world, phone, other.challenge.id, {
      dec: 'approve',
      num: number,
    })
    expect(await sendSigned(captured)).toMatchObject({ refused: 'answer_invalid' })
    expect(await sendSigned({ ...captured, cid: id })).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'nonce' },
    })
    expect(await challenge()).toMatchObject(untouched)
  })

  test('when it is signed by a key that is not the device’s, whatever key it names', async () => {
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
    expect(await challenge()).toMatchObject(untouched)
  })

  test('when one letter of what was signed is another', async () => {
    const answer = await signAnswer(phone, await anAnswer(world, phone, id, { dec: 'deny' }))
    const [header, , signature] = answer.split('.')
    const forged = await anAnswer(world, phone, id, { dec: 'approve', num: number })
    const payload = Buffer.from(JSON.stringify(forged)).toString('base64url')
    expect(await send(`${header}.${payload}.${signature}`)).toMatchObject({
      refused: 'answer_invalid',
    })
    expect(await challenge()).toMatchObject(untouched)
  })

  test('when the possession key approves where the verification key must', async () => {
    const claims = { ...(await approval()), uv: false }
    expect(await sendSigned(claims)).toEqual({ refused: 'answer_key_not_allowed' })
    const lie = await signAnswer(phone, { ...claims, uv: true }, phone.keys.possession)
    expect(await send(lie)).toEqual({ refused: 'answer_invalid', facts: { claim: 'uv' } })
    expect(await challenge()).toMatchObject(untouched)
  })

  test('when the device was never asked, exactly as when there is no such challenge', async () => {
    const late = await aPhone(world, principal)
    const answer = await signAnswer(late, { ...(await approval()), iss: late.id })
    expect(await send(answer, late)).toEqual({ refused: 'not_found' })
    id = 'chl_01h455vb4pex5vsknk084sn02q'
    expect(await send(answer, late)).toEqual({ refused: 'not_found' })
  })

  test('when its proof was spent', async () => {
    const proof = await aProof(world, phone)
    await send(await signAnswer(phone, await approval(wrongNumber())), phone, proof)
    const next = await signAnswer(phone, await approval())
    expect(await send(next, phone, proof)).toEqual({ refused: 'proof_replayed' })
    expect(await challenge()).toMatchObject({ status: 'pending', wrongNumbersLeft: 2 })
  })

  test('when the device was unregistered, before the call or during it', async () => {
    const answer = await signAnswer(phone, await approval())
    const proofs = [await aProof(world, phone), await aProof(world, phone)] as const
    // By another process: in this one it would wait until the answer is recorded.
    const otherProcess = { ...world, userQueue: buildQueues(1).userQueue }
    const challenges = {
      ...world.challenges,
      recordAnswer: async (...given: Parameters<World['challenges']['recordAnswer']>) => {
        await unregisterDevice(otherProcess, principal, phone.id, 'lost')
        return world.challenges.recordAnswer(...given)
      },
    }
    const command = { challengeId: id, answer }
    const during = await answerChallenge({ ...world, challenges }, proofs[0], command)
    expect(during).toEqual({ refused: 'device_unregistered' })
    expect(await send(answer, phone, proofs[1])).toEqual({ refused: 'device_unregistered' })
    expect(await challenge()).toMatchObject({ status: 'denied', reason: 'no_device_left' })
  })

  test('after expiry, which it brings about itself and tells everybody', async () => {
    const answer = await signAnswer(phone, await approval())
    await world.database.query(
      'run_out_challenge',
      `update challenges set expires_at = clock_timestamp() - interval '1 ms' where id = $1`,
      [id],
    )
    expect(await send(answer)).toEqual({ refused: 'challenge_expired' })
    expect(await challenge()).toMatchObject({ status: 'expired', wrongNumbersLeft: 3 })
    expect(world.published).toEqual([id])
    expect(await send(answer)).toEqual({ refused: 'challenge_expired' })
  })

  test('rather than tried for ever, when others keep coming first', async () => {
    let tries = 0
    const challenges = {
      ...world.challenges,
      recordAnswer: async () => {
        tries += 1
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
    expect(tries).toBe(5)
  })
})
