import type { Clock } from '../ports/world.ts'

/** The machine's wall clock. It may jump; whatever decides a challenge asks the database instead. */
export const systemClock: Clock = { now: () => new Date() }
