import type { Clock } from '../ports/world.ts'

/**
 * The machine's wall clock, for what runs without a database (scripts, tests) and for what only the machine judges by it.
 * The service and the operator's commands use the database's (`createDatabaseClock`); a test forbids any other.
 */
export const systemClock: Clock = { now: () => new Date() }
