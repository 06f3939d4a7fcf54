// A user who has approved a browser, which then reloads its sign-in page.

import { expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import type { CreationResult } from '../../src/challenges/create-challenge.ts'
import type { Command } from '../../src/challenges/creation/draft-challenge.ts'
import { readChallenge } from '../../src/challenges/read-challenge.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'

/** The browser that the user knows. */
export const own = {
  initiator: { kind: 'browser', id: 'the-id-of-the-own-browser' },
} as const satisfies Partial<Command>

/** Another number of as many digits. */
export const wrong = (number: string | null) =>
  `${(Number(number?.[0]) + 1) % 10}${number?.slice(1)}`

/** A tenant of its own, and what its user and the browser do. */
export async function aReloadScene(world: World) {
  const principal = await aPrincipal(world)
  const phone = await aPhone(world, principal)

  async function answer(
    { challenge: { id: challengeId } }: Pick<CreationResult, 'challenge'>,
    decision: Parameters<typeof anAnswer>[3],
    from: Phone = phone,
  ) {
    const claims = await anAnswer(world, from, challengeId, decision)
    const command = { challengeId, answer: await signAnswer(from, claims) }
    return answerChallenge(world, await aProof(world, from), command)
  }

  const scene = {
    principal,
    phone,
    answer,
    approve: (creation: CreationResult, from: Phone = phone) =>
      answer(creation, { dec: 'approve', num: creation.number ?? '' }, from),
    reload: (more: Partial<Command> = {}) => granted(ask(world, principal, { ...own, ...more })),
    statusOf: async ({ challenge: { id } }: CreationResult) => {
      const { challenge } = await granted(readChallenge(world, principal, id))
      return challenge.reason ?? challenge.status
    },
  }
  expect(await scene.approve(await scene.reload())).toEqual({ status: 'approved' })
  world.dispatchedPushes.length = 0
  return scene
}

export type ReloadScene = Awaited<ReturnType<typeof aReloadScene>>
