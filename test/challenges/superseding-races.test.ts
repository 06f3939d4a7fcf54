import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import { type CreationResult, createChallenge } from '../../src/challenges/create-challenge.ts'
import type { Command } from '../../src/challenges/creation/draft-challenge.ts'
import type { Initiator } from '../../src/domain/initiator.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
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

describe('a question that is answered at the moment of the reload', () => {
  /** Answers between what the reload reads and what it writes. */
  const reloadWhile = (meanwhile: () => Promise<unknown>, more: Partial<Command>) => {
    let isFirst = true
    const challenges: World['challenges'] = {
      ...world.challenges,
      async loadCreation(query, isGone) {
        const facts = await world.challenges.loadCreation(query, isGone)
        if (isFirst) await meanwhile()
        isFirst = false
        return facts
      },
    }
    return granted(
      createChallenge({ ...world, challenges }, scene.principal, {
        user: 'alice',
        context: {},
        number: { mode: 'service' },
        userVerification: 'preferred',
        ...own,
        ...more,
      }),
    )
  }
  const binding = 'a-session-hash-of-16'
  const context = { application: 'Payroll', action: 'Sign in' }

  test.each([
    ['approved', (first: CreationResult) => scene.approve(first)],
    ['denied', (first: CreationResult) => scene.answer(first, { dec: 'deny' })],
  ] as const)('is the outcome when both are the same question: %s', async (status, end) => {
    const first = await scene.reload({ binding, context })
    const outcome = await reloadWhile(() => end(first), { binding, context })
    expect(outcome).toMatchObject({ isReplay: true, number: null })
    expect(outcome.challenge).toMatchObject({ id: first.challenge.id, status })
  })

  test.each<[string, Partial<Command>]>([
    ['session', { binding: 'another-session-hash', context }],
    ['text', { binding, context: { ...context, action: 'Pay' } }],
    ['user verification', { binding, context, userVerification: 'required' }],
    ['length of the number', { binding, context, number: { mode: 'service', digits: 8 } }],
  ])('is no outcome of a question with another %s', async (_, more) => {
    const first = await scene.reload({ binding, context })
    const second = await reloadWhile(() => scene.approve(first), more)
    expect(second.isReplay).toBe(false)
    expect(second.challenge.status).toBe('pending')
    expect(await scene.statusOf(first)).toBe('approved')
  })

  test('is no outcome of a question to another device', async () => {
    const other = await aPhone(world, scene.principal)
    const first = await scene.reload({ binding, context })
    const deviceIds = [other.id]
    const second = await reloadWhile(() => scene.approve(first), { binding, context, deviceIds })
    expect(second.challenge.status).toBe('pending')
    const third = await scene.reload({ binding, context })
    const own = await reloadWhile(() => scene.approve(third), {
      binding,
      context,
      deviceIds: [scene.phone.id],
    })
    expect(own.challenge).toMatchObject({ id: third.challenge.id, status: 'approved' })
  })

  test('hides no question that a third page has asked since', async () => {
    const first = await scene.reload()
    let second: CreationResult | undefined
    const third = await reloadWhile(async () => {
      await scene.approve(first)
      second = await scene.reload()
    }, {})
    expect(third.challenge.status).toBe('pending')
    expect(second && (await scene.statusOf(second))).toBe('superseded')
  })

  test('is asked anew when the relying party cancelled it', async () => {
    const first = await scene.reload({ binding, context })
    const cancel = () => cancelChallenge(world, scene.principal, first.challenge.id)
    const second = await reloadWhile(cancel, { binding, context })
    expect(second.challenge.status).toBe('pending')
    expect(await scene.statusOf(first)).toBe('cancelled')
  })

  test('is asked anew when no device answered it, but none was left', async () => {
    const first = await scene.reload({ binding, context })
    const set = `update challenges set status = 'denied', reason = 'no_device_left',
      number_sealed = null, decided_at = clock_timestamp() where id = $1`
    const end = () => world.database.query('set_no_device_left', set, [first.challenge.id])
    const second = await reloadWhile(end, { binding, context })
    expect(second.challenge.status).toBe('pending')
    expect(await scene.statusOf(first)).toBe('no_device_left')
  })

  // As a statement does that changes neither the budget nor the protection.
  test.each<[string, string, string, number]>([
    ['has expired', `status = 'expired', decided_at = clock_timestamp()`, 'expired', 3],
    ['is over by the clock', 'expires_at = clock_timestamp()', 'expired', 3],
    ['has lost an attempt', 'wrong_numbers_left = 1', 'superseded', 1],
  ])('is looked at once more when it %s', async (_, change, status, attemptsLeft) => {
    const first = await scene.reload()
    const set = `update challenges set number_sealed = null, ${change} where id = $1`
    const meanwhile = () =>
      world.database.query(`set_${change.slice(0, change.indexOf(' '))}`, set, [first.challenge.id])
    const second = await reloadWhile(meanwhile, {})
    expect(second.challenge).toMatchObject({ status: 'pending', wrongNumbersLeft: attemptsLeft })
    expect(await scene.statusOf(first)).toBe(status)
  })

  test('keeps the attempt that it lost', async () => {
    const first = await scene.reload()
    const second = await reloadWhile(
      () => scene.answer(first, { dec: 'approve', num: wrong(first.number) }),
      {},
    )
    expect(second.challenge.wrongNumbersLeft).toBe(2)
    expect(await scene.statusOf(first)).toBe('superseded')
  })

  test('is answered or superseded, never both', async () => {
    const outcomes = new Set<string>()
    for (let round = 0; round < 12; round++) {
      const first = await scene.reload({ binding, context })
      const claims = await anAnswer(world, scene.phone, first.challenge.id, {
        dec: 'approve',
        num: first.number ?? '',
      })
      const command = {
        challengeId: first.challenge.id,
        answer: await signAnswer(scene.phone, claims),
      }
      const proof = await aProof(world, scene.phone)
      const answering = () => answerChallenge(world, proof, command)
      const reloading = () => scene.reload({ binding, context })
      const [answered, second] =
        round % 2 === 0
          ? await Promise.all([answering(), reloading()])
          : await Promise.all([reloading(), answering()]).then(([one, two]) => [two, one] as const)
      const isApproved = !isRefusal(answered)
      outcomes.add(isApproved ? 'approved' : answered.refused)
      expect(await scene.statusOf(first)).toBe(isApproved ? 'approved' : 'superseded')
      if (second.challenge.status === 'pending') await scene.approve(second)
    }
    expect([...outcomes].every((one) => ['approved', 'challenge_ended'].includes(one))).toBe(true)
  })
})
describe('nobody else ends the question of the owner', () => {
  test.each<[string, Partial<Command>]>([
    [
      'a browser that the user has not approved',
      { initiator: { kind: 'browser', id: 'x'.repeat(30) } },
    ],
    ['a network', { initiator: { kind: 'network', prefix: '198.51.100.0/24' } }],
    ['nobody in particular', {}],
  ])('%s', async (_, who) => {
    const first = await scene.reload()
    await ask(world, scene.principal, who)
    expect(await scene.statusOf(first)).toBe('pending')
  })

  test('the same browser at another relying party', async () => {
    const other = await aPrincipal(world, ['default'], scene.principal.tenantId)
    const there = await granted(ask(world, other, own))
    expect(await scene.approve(there)).toEqual({ status: 'approved' })
    const first = await scene.reload()
    expect(isRefusal(await ask(world, other, own))).toBe(false)
    expect(await scene.statusOf(first)).toBe('pending')
  })

  test('the same browser about another user', async () => {
    const bob = await aPhone(world, scene.principal, { user: 'bob' })
    expect(await scene.approve(await scene.reload({ user: 'bob' }), bob)).toEqual({
      status: 'approved',
    })
    const first = await scene.reload()
    expect((await scene.reload({ user: 'bob' })).challenge.status).toBe('pending')
    expect(await scene.statusOf(first)).toBe('pending')
  })

  test.each<[string, Initiator]>([
    ['a known browser whose id could be guessed', { kind: 'browser', id: 'short-known-browser' }],
    ['a known network', { kind: 'network', prefix: '203.0.113.0/24' }],
  ])('%s does not supersede even its own', async (_, initiator) => {
    expect(await scene.approve(await scene.reload({ initiator }))).toEqual({ status: 'approved' })
    const first = await scene.reload({ initiator })
    await scene.reload({ initiator })
    expect(await scene.statusOf(first)).toBe('pending')
  })
})

describe('many reloads', () => {
  test('of many users in one batch are superseded one by one', async () => {
    const users = Array.from({ length: 12 }, (_, n) => `user-${n}`)
    for (const user of users) {
      const theirs = await aPhone(world, scene.principal, { user })
      expect(await scene.approve(await scene.reload({ user }), theirs)).toEqual({
        status: 'approved',
      })
    }
    const firsts = await Promise.all(users.map((user) => scene.reload({ user })))
    const seconds = await Promise.all(users.map((user) => scene.reload({ user })))
    expect(await Promise.all(firsts.map(scene.statusOf))).toEqual(Array(12).fill('superseded'))
    expect(await Promise.all(seconds.map(scene.statusOf))).toEqual(Array(12).fill('pending'))
  })

  test('by strangers, in any order, cancel nothing of the owner', async () => {
    await granted(
      setPolicy(
        world,
        scene.principal.tenantId,
        { overrides: { pendingMax: 20 }, replace: false },
        'operator',
      ),
    )
    const first = await scene.reload()
    const strangers: Initiator[] = Array.from({ length: 6 }, (_, n) =>
      n % 2
        ? { kind: 'browser', id: `stranger-${n}`.padEnd(40, 'x') }
        : { kind: 'network', prefix: `10.0.${n}.0/24` },
    )
    const calls = Array.from({ length: 30 }, (_, n) =>
      ask(world, scene.principal, { initiator: strangers[n % 6] as Initiator }),
    )
    const creations = (await Promise.all(calls)).filter((one) => !isRefusal(one))
    expect(creations.length).toBeGreaterThan(6)
    expect(await scene.statusOf(first)).toBe('pending')
  })
})
