import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { confirmReceipt } from '../../src/challenges/confirm-receipt.ts'
import type { CreationResult } from '../../src/challenges/create-challenge.ts'
import { readChallenge, waitForChallenge } from '../../src/challenges/read-challenge.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { readPushes } from '../../src/push/doctor/read-pushes.ts'
import {
  anAnswer,
  aPhone,
  aProof,
  ask,
  granted,
  openWorld,
  signAnswer,
  type World,
} from '../support/world.ts'
import { aReloadScene, own, type ReloadScene, wrong } from './reload-scene.ts'

let world: World
let scene: ReloadScene
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  scene = await aReloadScene(world)
})

/** The pushes of this user's challenges as they stand in the outbox. */
const outbox = () =>
  world.database.query<{
    readonly challengeId: string
    readonly kind: string
    readonly deviceId: string
  }>(
    'outbox',
    `select challenge_id as "challengeId", kind, device_id as "deviceId" from deliveries d
     where tenant_id = $1 and challenge_id is not null order by d.id`,
    [scene.phone.tenantId],
  )
const passTime = (seconds: number) =>
  world.database.query(
    'pass_time',
    `update challenges set last_push_at = last_push_at - make_interval(secs => $2),
       created_at = created_at - make_interval(secs => $2),
       chain_started_at = chain_started_at - make_interval(secs => $2)
     where tenant_id = $1 and status = 'pending'`,
    [scene.phone.tenantId, seconds],
  )

describe('a known browser that reloads', () => {
  test('five times at once gets five questions, of which the last is asked, and one prompt', async () => {
    const creations: CreationResult[] = []
    for (let n = 0; n < 5; n++)
      creations.push(await scene.reload({ context: { action: `Page ${n}` } }))
    expect(await Promise.all(creations.map(scene.statusOf))).toEqual([
      ...Array(4).fill('superseded'),
      'pending',
    ])
    expect(creations.map(({ challenge }) => challenge.deliveryMode)).toEqual(Array(5).fill('push'))
    expect(world.dispatchedPushes).toHaveLength(1)
    const last = creations.at(-1) as CreationResult
    const prompts = (await outbox()).filter(({ kind }) => kind === 'challenge_opened')
    expect(prompts.filter(({ challengeId }) => challengeId === last.challenge.id)).toHaveLength(1)
    expect(await scene.approve(last)).toEqual({ status: 'approved' })
  })

  test('at the same moment twenty times leaves one question', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => ask(world, scene.principal, own)),
    )
    const creations = outcomes.filter((one): one is CreationResult => !isRefusal(one))
    expect(creations.length).toBeGreaterThan(1)
    const statuses = await Promise.all(creations.map(scene.statusOf))
    expect(statuses.filter((status) => status === 'pending')).toHaveLength(1)
    expect(new Set(statuses)).toEqual(new Set(['pending', 'superseded']))
    expect(world.dispatchedPushes).toHaveLength(1)
  })

  test('ends the wait of the page before with `superseded`', async () => {
    const first = await scene.reload()
    const waiting = waitForChallenge(world, scene.principal, first.challenge.id, 60_000)
    await scene.reload()
    expect(world.publishedKeys).toContain(first.challenge.id)
    const { challenge, result } = await granted(waiting)
    expect(challenge).toMatchObject({ status: 'cancelled', reason: 'superseded' })
    const claims = JSON.parse(Buffer.from(result?.split('.')[1] ?? '', 'base64url').toString())
    expect(claims).toMatchObject({ decision: 'cancelled', reason: 'superseded' })
  })

  test('makes the answer to the page before worthless', async () => {
    const first = await scene.reload()
    const claims = await anAnswer(world, scene.phone, first.challenge.id, {
      dec: 'approve',
      num: first.number ?? '',
    })
    const second = await scene.reload()
    const command = {
      challengeId: first.challenge.id,
      answer: await signAnswer(scene.phone, claims),
    }
    expect(await answerChallenge(world, await aProof(world, scene.phone), command)).toMatchObject({
      refused: 'challenge_ended',
    })
    expect(await scene.statusOf(second)).toBe('pending')
  })

  test('gets no new attempts', async () => {
    const first = await scene.reload({ number: { mode: 'service', digits: 6 } })
    expect(await scene.answer(first, { dec: 'approve', num: wrong(first.number) })).toMatchObject({
      facts: { wrongNumbersLeft: 2 },
    })
    const second = await scene.reload({ number: { mode: 'service', digits: 6 } })
    expect(second.challenge.wrongNumbersLeft).toBe(2)
    expect(await scene.answer(second, { dec: 'approve', num: wrong(second.number) })).toMatchObject(
      {
        facts: { wrongNumbersLeft: 1 },
      },
    )
    expect((await scene.reload()).challenge.wrongNumbersLeft).toBe(1)
  })

  test('gets no more than ten minutes', async () => {
    const first = await scene.reload({ ttlSeconds: 600 })
    await passTime(400)
    const second = await scene.reload({ ttlSeconds: 600 })
    const end = first.challenge.createdAt.getTime() + 200_000
    expect(Math.abs(second.challenge.expiresAt.getTime() - end)).toBeLessThan(2)
  })

  test('rings again when a resend would: under the id of the first prompt, as one resend', async () => {
    const first = await scene.reload()
    await passTime(11)
    const second = await scene.reload()
    const third = await scene.reload()
    expect(world.dispatchedPushes.map(({ chainId = null }) => chainId)).toEqual([
      null,
      first.challenge.id,
    ])
    expect([second, third].map(({ challenge }) => challenge.resendsLeft)).toEqual([2, 2])
    expect(
      (await outbox()).filter(({ challengeId }) => challengeId === third.challenge.id),
    ).toHaveLength(2)
  })

  test('gets its pushes back when the last question is approved', async () => {
    for (let round = 0; round < 8; round++) {
      await scene.reload()
      const last = await scene.reload()
      expect(last.challenge.deliveryMode).toBe('push')
      expect(await scene.approve(last)).toEqual({ status: 'approved' })
    }
    expect(world.dispatchedPushes).toHaveLength(8)
  })
})

describe('the prompt of a superseded question', () => {
  test('is closed on a phone that is not asked any more, and stands on the others', async () => {
    const other = await aPhone(world, scene.principal)
    const first = await scene.reload()
    const second = await scene.reload({ deviceIds: [scene.phone.id] })
    const of = async ({ challenge: { id } }: CreationResult) =>
      (await outbox())
        .filter(({ challengeId }) => challengeId === id)
        .map(({ kind, deviceId }) => [kind, deviceId])
    expect(await of(first)).toEqual([
      ['challenge_opened', other.id],
      ['challenge_closed', other.id],
    ])
    expect(await of(second)).toEqual([['challenge_opened', scene.phone.id]])
  })

  test('is closed by the end of the one that took its place', async () => {
    const other = await aPhone(world, scene.principal)
    const first = await scene.reload()
    const last = await scene.reload()
    expect(await scene.approve(last)).toEqual({ status: 'approved' })
    expect(world.dispatchedPushes.at(-1)).toMatchObject({
      challengeId: last.challenge.id,
      chainId: first.challenge.id,
      kind: 'challenge_closed',
      deviceId: other.id,
    })
  })

  test.each(['before', 'after'])(
    'has arrived also where its receipt came %s the reload',
    async (when) => {
      const first = await scene.reload()
      const confirm = async () =>
        confirmReceipt(world, await aProof(world, scene.phone), first.challenge.id)
      if (when === 'before') await confirm()
      await scene.reload()
      const last = await scene.reload()
      if (when === 'after') await confirm()
      const { pushes } = await granted(readPushes(world, scene.principal, scene.phone.id))
      expect(pushes.find(({ kind }) => kind === 'challenge_opened')?.receivedAt).not.toBeNull()
      const { devices } = await granted(readChallenge(world, scene.principal, last.challenge.id))
      expect(devices[0]?.receivedAt).not.toBeNull()
    },
  )

  test('has arrived at a phone that is not asked any more', async () => {
    const other = await aPhone(world, scene.principal)
    const first = await scene.reload()
    await scene.reload({ deviceIds: [scene.phone.id] })
    const proof = await aProof(world, other)
    expect(await confirmReceipt(world, proof, first.challenge.id)).toBeUndefined()
    const { devices } = await granted(readChallenge(world, scene.principal, first.challenge.id))
    const { receivedAt } = devices.find(({ deviceId }) => deviceId === other.id) ?? {}
    expect(receivedAt).toBeInstanceOf(Date)
  })

  test('is none where its push has failed for good', async () => {
    const first = await scene.reload()
    const [push] = world.dispatchedPushes
    if (!push) throw new Error('it was pushed')
    const outcome = { status: 'failed', reason: '410', failure: 'token_gone' } as const
    const { tenantId } = scene.phone
    await world.deliveries.settle('test', [{ tenantId, id: push.id, outcome }])
    const second = await scene.reload()
    expect(second.challenge).toMatchObject({
      deliveryMode: 'pull_only',
      suppressed: 'resend_too_soon',
    })
    expect((await outbox()).at(-1)?.challengeId).toBe(first.challenge.id)
  })

  test('is sent although its push failed before the reload', async () => {
    const first = await scene.reload()
    await world.database.query(
      'fail_push',
      `update deliveries set leased_by = null, leased_until = null where tenant_id = $1`,
      [scene.phone.tenantId],
    )
    const last = await scene.reload()
    const due = await world.deliveries.claim('test', 100)
    expect(due.filter(({ tenantId }) => tenantId === scene.phone.tenantId)).toMatchObject([
      { challengeId: last.challenge.id, chainId: first.challenge.id, kind: 'challenge_opened' },
    ])
  })
})
