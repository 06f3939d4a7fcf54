import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import type { UserId } from '../../src/domain/ids.ts'
import { anAnswer, aProof, ask, granted, signAnswer, type World } from '../support/world.ts'
import { browserOf, type PasscodeUsers, test } from './passcode-users.ts'

describe('a known initiator', () => {
  const own = browserOf('own')
  /** Uses up the attempts that all unknown initiators share. */
  async function useUpUnknownInitiators({ verify }: PasscodeUsers, userId: UserId) {
    for (let browser = 0; browser < 20; browser++) {
      const guess = { userId, code: '00000000', initiator: browserOf(`browser${browser}`) }
      await Promise.all(Array.from({ length: 5 }, () => verify(guess)))
    }
  }
  const askUser = (world: World, { principal }: PasscodeUsers, userId: UserId) =>
    granted(ask(world, principal, { user: { id: userId }, initiator: own }))

  test('is a browser from which the user approved a push: unknown ones cannot use up its attempts', async ({
    scene,
    world,
  }) => {
    const { userId, show, phone } = await scene.aGenerator()
    const { challenge, number } = await askUser(world, scene, userId)
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: number ?? '' })
    const answer = await signAnswer(phone, claims)
    const command = { challengeId: challenge.id, answer }
    await granted(answerChallenge(world, await aProof(world, phone), command))
    await useUpUnknownInitiators(scene, userId)
    const code = await show()
    expect(await scene.verify({ userId, code, initiator: browserOf('x') })).toMatchObject({
      refused: 'passcode_locked',
    })
    await granted(scene.verify({ userId, code, initiator: own }))
  }, 20_000)

  test('is not a browser that the user approved once and has reported since', async ({
    scene,
    world,
  }) => {
    const { userId, show, phone } = await scene.aGenerator()
    await granted(scene.verify({ userId, code: await show(), initiator: own }))
    const { challenge } = await askUser(world, scene, userId)
    const claims = await anAnswer(world, phone, challenge.id, { dec: 'report' })
    const command = { challengeId: challenge.id, answer: await signAnswer(phone, claims) }
    await granted(answerChallenge(world, await aProof(world, phone), command))
    await useUpUnknownInitiators(scene, userId)
    expect(await scene.verify({ userId, code: '000000', initiator: own })).toMatchObject({
      refused: 'passcode_locked',
      facts: { lockedBy: 'user' },
    })
  }, 20_000)

  test('for pushes is a browser where a code was accepted; a relying party as a whole never is', async ({
    scene,
    world,
  }) => {
    const { userId, show } = await scene.aGenerator()
    await granted(scene.verify({ userId, code: await show(), initiator: own }))
    const budgetOf = async () => {
      const { challenge } = await askUser(world, scene, userId)
      return challenge.budgetKey === challenge.initiatorKey
    }
    expect(await budgetOf()).toBe(true)
    const other = await scene.aGenerator()
    await granted(scene.verify({ userId: other.userId, code: await other.show() }))
    const rows = await world.database.query(
      'test_approved_initiators',
      'select key from initiators where user_id = $1 and approved_at is not null',
      [other.userId],
    )
    expect(rows).toEqual([])
  })
})
