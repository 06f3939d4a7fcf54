import { expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { verifyPasscode } from '../../src/passcodes/verify-passcode.ts'
import type { FairQueue, UserQueue } from '../../src/platform/fair-queue.ts'
import { importUser } from '../../src/users/import-user.ts'
import { until } from '../support/until.ts'
import { anAnswer, aProof, ask, granted, signAnswer, type World } from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'
import { browserOf } from './passcode-users.ts'

const code = '000000'

/** Whether it is still pending once everything that can run has run. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending')
  const soon = new Promise((resolve) => setImmediate(() => resolve(pending)))
  return (await Promise.race([promise, soon])) === pending
}

/** The world, with the lines of codes that reach the queue of all users, and how many arrive. */
function watchQueues(world: World) {
  const lines: string[] = []
  const passcodeQueue: FairQueue = {
    run(line, work, whose) {
      lines.push(line)
      return world.passcodeQueue.run(line, work, whose)
    },
  }
  let arrivalCount = 0
  const userCodeQueue: UserQueue = {
    run(user, line, work) {
      arrivalCount++
      return world.userCodeQueue.run(user, line, work)
    },
  }
  return {
    watched: { ...world, passcodeQueue, userCodeQueue },
    lines,
    arrivals: () => arrivalCount,
  }
}

test('a code that waits behind codes of other users holds up no answer of its user', async ({
  world,
  principal,
  phone,
}) => {
  const { challenge, number } = await granted(ask(world, principal))
  const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: number ?? '' })
  const { promise: busy, resolve: release } = Promise.withResolvers<void>()
  const { watched, lines } = watchQueues(world)
  const others = Array.from({ length: 10 }, (_, at) =>
    world.passcodeQueue.run(`user ${at}`, () => busy),
  )
  const answer = await signAnswer(phone, claims)
  const proof = await aProof(world, phone)
  const verification = verifyPasscode(watched, principal, { userId: phone.userId, code })
  await until('the code waits', () => lines.length === 1)
  expect(await answerChallenge(world, proof, { challengeId: challenge.id, answer })).toEqual({
    status: 'approved',
  })
  expect(await isPending(verification)).toBe(true)
  release()
  await Promise.all(others)
  expect(await verification).toMatchObject({ refused: 'passcode_wrong' })
})

test('however many browsers type codes for one user, they take one slot, and codes of others get through', async ({
  world,
  principal,
  phone,
}) => {
  const { user } = await granted(
    importUser(world, principal, { displayName: 'Bob', identifiers: ['bob'] }),
  )
  const { watched, lines, arrivals } = watchQueues(world)
  const { promise: busy, resolve: release } = Promise.withResolvers<void>()
  const holding = world.userQueue.run(phone, `device:${phone.id}`, () => busy)
  const attempts = Array.from({ length: 20 }, (_, at) =>
    verifyPasscode(watched, principal, {
      userId: phone.userId,
      code,
      initiator: browserOf(`made up ${at}`),
    }),
  )
  await until('all have arrived', () => arrivals() === attempts.length)
  const own = await verifyPasscode(watched, principal, { userId: user.id, code })
  expect(own).toMatchObject({ refused: 'passcode_wrong' })
  expect(lines).toEqual([`${phone.tenantId} ${phone.userId}`, `${phone.tenantId} ${user.id}`])
  release()
  await holding
  for (const outcome of await Promise.all(attempts)) {
    expect(outcome).toMatchObject({ refused: expect.stringMatching(/^passcode_/) })
  }
})
