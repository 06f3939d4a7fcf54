import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { askedKey, waitForChallenges, waitsMax } from '../../src/challenges/fetch-challenges.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import { until } from '../support/until.ts'
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
import { phoneTest as test } from '../support/world-test.ts'

const minute = 60_000

/** The wait of an open app, once it has begun. */
async function waiting(world: World, phone: Phone, after?: string, isGone?: () => boolean) {
  const command = { waitMs: minute, ...(after !== undefined && { after }) }
  const reading = waitForChallenges(world, await aProof(world, phone), command, isGone)
  const key = askedKey(phone.userId)
  await until('the app waits', async () => world.signals.isWatched(key))
  return { reading }
}
const read = async (world: World, phone: Phone) =>
  granted(waitForChallenges(world, await aProof(world, phone), { waitMs: 0 }))

describe('an open app that waits', () => {
  test('gets a challenge as soon as it is created', async ({ world, principal, phone }) => {
    const { reading } = await waiting(world, phone)
    const { challenge } = await granted(ask(world, principal))
    expect(await reading).toMatchObject({ items: [{ challengeId: challenge.id }] })
    expect(world.signals.isWatched(askedKey(phone.userId))).toBe(false)
  })

  test('gets what is pending already, and waits for others', async ({
    world,
    principal,
    phone,
  }) => {
    const first = await granted(ask(world, principal))
    const command = { waitMs: minute }
    const shownReading = await granted(
      waitForChallenges(world, await aProof(world, phone), command),
    )
    expect(shownReading.items).toHaveLength(1)
    const { reading } = await waiting(world, phone, shownReading.state)
    const second = await granted(ask(world, principal))
    expect(await reading).toMatchObject({
      items: [{ challengeId: second.challenge.id }, { challengeId: first.challenge.id }],
    })
  })

  test('learns that another phone has answered', async ({ world, principal, phone }) => {
    const other = await aPhone(world, principal)
    const { challenge } = await granted(ask(world, principal))
    const { state } = await read(world, phone)
    const { reading } = await waiting(world, phone, state)
    const claims = await anAnswer(world, other, challenge.id, { dec: 'deny' })
    const answer = await signAnswer(other, claims)
    await answerChallenge(world, await aProof(world, other), { challengeId: challenge.id, answer })
    expect(await reading).toMatchObject({ items: [] })
  })

  test('is refused from the moment that its device is unregistered', async ({
    world,
    principal,
    phone,
  }) => {
    const { reading } = await waiting(world, phone)
    await granted(unregisterDevice(world, principal, phone.id, 'lost'))
    world.signals.publish(askedKey(phone.userId))
    expect(await reading).toMatchObject({ refused: 'device_unregistered' })
  })

  test('is dropped when it is gone', async ({ world, phone }) => {
    let isGone = false
    const { reading } = await waiting(world, phone, undefined, () => isGone)
    isGone = true
    world.signals.publish(askedKey(phone.userId))
    // It rejects where nothing was read for it, and is answered by what was on its way.
    await Promise.allSettled([reading])
    expect(world.signals.isWatched(askedKey(phone.userId))).toBe(false)
  })

  test('learns within five seconds what no signal told it', async ({ world, principal, phone }) => {
    const waitsMs: number[] = []
    const watch = () => ({
      async next(timeoutMs: number) {
        waitsMs.push(timeoutMs)
        await granted(ask(world, principal))
      },
      close: () => undefined,
    })
    const silentWorld = { ...world, signals: { ...world.signals, watch } }
    const proof = await aProof(world, phone)
    const reading = await waitForChallenges(silentWorld, proof, { waitMs: minute })
    expect(reading).toMatchObject({ items: [{}] })
    expect(waitsMs).toEqual([5_000])
  })

  test('waits sixteen times at most, and takes no wait from another device of its person', async ({
    world,
    principal,
    phone,
  }) => {
    const other = await aPhone(world, principal)
    const proof = await aProof(world, phone)
    const wait = (isGone?: () => boolean) =>
      waitForChallenges(world, proof, { waitMs: minute }, isGone)
    let isGone = false
    const readings = Array.from({ length: waitsMax }, () => wait(() => isGone))
    const key = askedKey(phone.userId)
    await until('all wait', async () => world.signals.watchCount(key) === waitsMax)
    expect(await wait()).toEqual({ refused: 'too_many_requests', retryAfterSeconds: 5 })
    const otherReading = waitForChallenges(world, await aProof(world, other), { waitMs: minute })
    await until('the other waits', async () => world.signals.watchCount(key) > waitsMax)

    isGone = true
    world.signals.publish(key)
    await Promise.allSettled(readings)
    const nextReading = wait()
    await until('both wait', async () => world.signals.watchCount(key) === 2)
    await granted(ask(world, principal))
    expect(await nextReading).toMatchObject({ items: [{}] })
    expect(await otherReading).toMatchObject({ items: [{}] })
  })

  test('is answered when the process stops', async () => {
    const world = await openWorld()
    const phone = await aPhone(world, await aPrincipal(world))
    const { reading } = await waiting(world, phone)
    world.signals.stop()
    expect(await reading).toMatchObject({ items: [] })
    await world.close()
  })
})

test('every process learns at once that a user is asked', async ({ world, principal, phone }) => {
  const keys: string[] = []
  world.signals.listen((key) => void keys.push(key))
  await granted(ask(world, principal))
  expect(keys).toContain(askedKey(phone.userId))
})

test('the state is one for the same challenges, and another for others', async ({
  world,
  principal,
  phone,
}) => {
  const none = await read(world, phone)
  expect((await read(world, phone)).state).toBe(none.state)
  await granted(ask(world, principal))
  expect((await read(world, phone)).state).not.toBe(none.state)
})
