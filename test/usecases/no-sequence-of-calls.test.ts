// Properties of the ladder and the locks over the real stack: whatever outsiders, thieves and the owner do, in any order.

import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actions, openPlay } from './play.ts'
import { openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const who = fc.constantFrom('own', 'stranger-1', 'stranger-2', 'stranger-3', 'nobody')
const which = fc.nat(50)
const command: fc.Arbitrary<(play: Actions) => Promise<void>> = fc.oneof(
  { weight: 8, arbitrary: who.map((by) => (play: Actions) => play.ask(by)) },
  { weight: 2, arbitrary: fc.constant((play: Actions) => play.burst()) },
  { weight: 2, arbitrary: which.map((n) => (play: Actions) => play.answer(n, 'approve')) },
  { weight: 2, arbitrary: which.map((n) => (play: Actions) => play.answer(n, 'deny')) },
  { weight: 1, arbitrary: which.map((n) => (play: Actions) => play.answer(n, 'report')) },
  { weight: 5, arbitrary: which.map((n) => (play: Actions) => play.answer(n, 'wrong')) },
  { weight: 3, arbitrary: which.map((n) => (play: Actions) => play.cancel(n)) },
  { weight: 4, arbitrary: which.map((n) => (play: Actions) => play.resend(n)) },
  { weight: 1, arbitrary: fc.boolean().map((on) => (play: Actions) => play.pause(on)) },
  { weight: 1, arbitrary: fc.constant((play: Actions) => play.unlock()) },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(7, 12, 65, 130, 310, 1_000, 3_700)
      .map((seconds) => (play: Actions) => play.wait(seconds)),
  },
)

// The documented limits but for those of numbers, which take more calls than a play has; and limits under which those per time
// are met before the one of unanswered pushes.
const policies = [
  { wrongNumbersHardMax: 10, wrongNumbersInRowMax: 3 },
  { unansweredMax: 10, unansweredGapSeconds: 5, denialGapSeconds: 10, pendingMax: 10 },
]

test.each(policies)(
  'no sequence of calls gets past the limits, nor leaves the owner without a way in (%o)',
  async (overrides) => {
    const met = new Set<string>()
    const script = fc.array(command, { minLength: 30, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(script, async (commands) => {
        const play = await openPlay(world, overrides)
        for (const one of commands) {
          await one(play)
          await play.check()
        }
        await play.ownerGetsIn()
        for (const outcome of play.met) met.add(outcome)
      }),
      { numRuns: 30, seed: Number(process.env.SEED ?? 20_261) },
    )
    // What never happened was not tried.
    const wanted = ['push', 'pull_only', 'too_many_pending', 'approved', 'wrong_number', 'resent']
    expect([...met]).toEqual(expect.arrayContaining(wanted))
  },
  120_000,
)
