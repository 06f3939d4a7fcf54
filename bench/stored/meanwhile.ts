// Sign-ins at a moderate pace while the worker does something.

import { setTimeout as delay } from 'node:timers/promises'
import { type Percentiles, percentilesOf } from '../percentiles.ts'
import type { StoredPerson } from './stored-service.ts'

/** On the clock of `performance.now()`. */
export type Span = { readonly from: number; readonly until: number }

/** How long a whole sign-in took while nothing else was done, and meanwhile. */
export type Meanwhile = {
  readonly quiet: Percentiles | null
  readonly busy: Percentiles | null
  readonly errors: number
}

/**
 * Each person begins a sign-in so often. As fast as possible they would take all cores, and every
 * other use of one would count as a delay.
 */
const signInEveryMs = 200

/**
 * People sign in while the work runs, and for so long before and after. What the work returns says
 * when it really was busy.
 */
export async function signInMeanwhile(
  people: readonly StoredPerson[],
  quietSeconds: number,
  onError: (error: unknown) => void,
  work: () => Promise<Span>,
): Promise<Meanwhile & { readonly span: Span }> {
  const loops: Span[] = []
  let errors = 0
  let isOver = false
  const repeat = async (person: StoredPerson): Promise<void> => {
    while (!isOver) {
      const from = performance.now()
      try {
        await person.signIn()
        loops.push({ from, until: performance.now() })
      } catch (error) {
        errors++
        onError(error)
        person.close()
      }
      await delay(Math.max(0, from + signInEveryMs - performance.now()))
    }
  }
  const signingIn = Promise.all(people.map(repeat))
  try {
    await delay(quietSeconds * 1000)
    const span = await work()
    await delay(quietSeconds * 1000)
    const overlaps = (loop: Span) => loop.from < span.until && loop.until > span.from
    const took = (some: readonly Span[]) => percentilesOf(some.map((one) => one.until - one.from))
    const quiet = took(loops.filter((loop) => !overlaps(loop)))
    return { span, quiet, busy: took(loops.filter(overlaps)), errors }
  } finally {
    isOver = true
    await signingIn
  }
}
