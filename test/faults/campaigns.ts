// The faults, one kind after another, while users sign in.

import { setTimeout as delay } from 'node:timers/promises'
import type { Chance } from './chance.ts'
import { fuzz } from './fuzz.ts'
import type { Scene } from './scene.ts'
import { signPeopleIn } from './sign-ins.ts'
import { findViolations } from './verdict.ts'

export type Outcome = {
  /** Counts of what was done. */
  readonly counts: Readonly<Record<string, number>>
  readonly violations: readonly string[]
}

type Fault = (scene: Scene, chance: Chance) => Promise<void>

const statements = [
  'insert_challenge',
  'record_answer',
  'load_answer',
  'load_creation',
  'mark_fetched',
]

/** The repeated faults of the service while users sign in. */
const faults = {
  /** kill -9 of the service at any point of its work. */
  async kills(scene, chance) {
    await delay(chance.between(200, 2_500))
    await scene.killService()
    await scene.ready()
  },
  /** kill -9 of PostgreSQL: the pool must recover, and nothing acknowledged may be lost. */
  async database(scene, chance) {
    await delay(chance.between(500, 3_000))
    scene.killPostgres()
    await scene.ready()
  },
  /**
   * The connection to the database breaks, or the reply of one statement is lost after its
   * execution.
   */
  async cuts(scene, chance) {
    await delay(chance.between(100, 1_000))
    if (chance.under(0.5)) scene.line.set('refusing')
    else scene.line.loseReplyTo(chance.of(statements))
    await delay(chance.between(50, 1_500))
    scene.line.set('open')
    await scene.ready()
  },
  /** The database accepts connections and stays silent. */
  async hangs(scene, chance) {
    // Hanging calls need their timeout, and no sign-in ends meanwhile.
    await delay(chance.between(1_500, 4_000))
    scene.line.set('silent')
    await delay(chance.between(500, 5_000))
    scene.line.set('open')
    await scene.ready()
  },
} as const satisfies Record<string, Fault>

async function underFault(scene: Scene, fault: Fault, chance: Chance, seconds: number) {
  const endsAt = performance.now() + seconds * 1_000
  let over = false
  const signingIn = signPeopleIn(scene, chance, () => over)
  let times = 0
  try {
    while (performance.now() < endsAt && scene.fallen() === undefined) {
      await fault(scene, chance)
      times++
    }
  } finally {
    over = true
  }
  const { histories, slow } = await signingIn
  const complaint = scene.fallen()
  const acknowledgedCount = histories.filter((one) => one.acknowledgments.length > 0).length
  const violations = [...slow, ...(await findViolations(scene, histories))]
  if (complaint !== undefined)
    violations.push(`the service ended by itself: ${complaint.slice(0, 2_000)}`)
  if (acknowledgedCount === 0) violations.push('no answer was acknowledged: nothing was tested')
  return {
    counts: { faults: times, 'sign-ins': histories.length, acknowledged: acknowledgedCount },
    violations,
  }
}

/** Every campaign by name. */
export const campaigns: Readonly<
  Record<string, (scene: Scene, chance: Chance, seconds: number) => Promise<Outcome>>
> = {
  ...Object.fromEntries(
    Object.entries(faults).map(([name, fault]) => [
      name,
      (scene: Scene, chance: Chance, seconds: number) => underFault(scene, fault, chance, seconds),
    ]),
  ),
  fuzz,
}
