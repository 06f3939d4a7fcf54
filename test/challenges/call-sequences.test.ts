// Properties of push throttling and the locks over the real stack: any sequence of actions by
// unknown initiators, thieves and the owner.

import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { repetitions } from '../support/endurance.ts'
import { openWorld, type World } from '../support/world.ts'
import { type Actions, openModelRun } from './model-run.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const who = fc.constantFrom('own', 'unknown-1', 'unknown-2', 'unknown-3', 'nobody')
const which = fc.nat(50)
const command: fc.Arbitrary<(run: Actions) => Promise<void>> = fc.oneof(
  { weight: 8, arbitrary: who.map((by) => (run: Actions) => run.ask(by)) },
  { weight: 2, arbitrary: fc.constant((run: Actions) => run.burst()) },
  { weight: 2, arbitrary: which.map((n) => (run: Actions) => run.answer(n, 'approve')) },
  { weight: 2, arbitrary: which.map((n) => (run: Actions) => run.answer(n, 'deny')) },
  { weight: 1, arbitrary: which.map((n) => (run: Actions) => run.answer(n, 'report')) },
  { weight: 5, arbitrary: which.map((n) => (run: Actions) => run.answer(n, 'wrong')) },
  { weight: 3, arbitrary: which.map((n) => (run: Actions) => run.cancel(n)) },
  { weight: 4, arbitrary: which.map((n) => (run: Actions) => run.resend(n)) },
  { weight: 1, arbitrary: fc.boolean().map((on) => (run: Actions) => run.pause(on)) },
  { weight: 1, arbitrary: fc.constant((run: Actions) => run.unlock()) },
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(7, 12, 65, 130, 310, 1_000, 3_700)
      .map((seconds) => (run: Actions) => run.wait(seconds)),
  },
)

// The documented limits except those of numbers, which take more calls than a run has; and limits
// under which those per time are reached before the one of unanswered pushes.
const policies = [
  { wrongNumbersHardMax: 10, wrongNumbersInRowMax: 3 },
  { unansweredMax: 10, unansweredGapSeconds: 5, denialGapSeconds: 10, pendingMax: 10 },
]

test.each(policies)(
  'no sequence of calls exceeds the limits or leaves the owner without a way to sign in (%o)',
  async (overrides) => {
    const reachedCases = new Set<string>()
    const script = fc.array(command, { minLength: 30, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(script, async (commands) => {
        const run = await openModelRun(world, overrides)
        for (const one of commands) {
          await one(run)
          await run.check()
        }
        await run.ownerGetsIn()
        for (const outcome of run.met) reachedCases.add(outcome)
      }),
      {
        numRuns: repetitions({ usual: 6, nightly: 100 }),
        seed: Number(process.env.SEED ?? 20_261),
      },
    )
    // An outcome that never occurred was not tested.
    const expectedOutcomes = [
      'push',
      'pull_only',
      'too_many_pending',
      'approved',
      'wrong_number',
      'resent',
    ]
    expect([...reachedCases]).toEqual(expect.arrayContaining(expectedOutcomes))
  },
  600_000,
)
