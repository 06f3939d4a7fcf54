// The fair queues of one process; docs/limits.md lists the figures.

import { createAdmission } from './http/admission.ts'
import { createTurns, createUserTurns, type TurnLimits } from './outbound/turns.ts'

/**
 * As long as a statement may take: after it the client is asked to retry, instead of getting an
 * error later.
 */
const waitMs = 1_800
/**
 * Unauthenticated clients that retry immediately are slowed down by as much as `Retry-After` asks.
 */
const refusalMs = 1_000

/** Claims, links and look-ups of clients that have not authenticated recently. */
export const strangerTurns = {
  running: 2,
  runningInLine: 1,
  waiting: 1_024,
  waitingInLine: 128,
  waitMs,
  refusalMs,
  refusals: 4_096,
} as const satisfies TurnLimits

/**
 * Calls of devices from addresses that have not authenticated recently; at most half of the
 * connections.
 */
export const deviceTurns = {
  running: Number.POSITIVE_INFINITY,
  runningInLine: 2,
  waiting: 1_024,
  waitingInLine: 128,
  waitMs,
  refusalMs,
  refusals: 4_096,
} as const satisfies TurnLimits

/**
 * Tokens of realms; a queue for each integration. They use no connection, but a thread, or wait for
 * the realm.
 */
export const tokenTurns = {
  running: 16,
  runningInLine: 2,
  waiting: 256,
  waitingInLine: 64,
  waitMs,
  refusalMs,
  refusals: 4_096,
} as const satisfies TurnLimits

/** Operations that lock the row of one user; a queue for each initiator and device. */
export const userTurns = {
  running: 1,
  runningInLine: 1,
  waiting: 64,
  waitingInLine: 32,
  waitMs,
  refusalMs: 0,
  refusals: 0,
} as const satisfies TurnLimits

/** The maximum share of the connections for each of these. */
export const strangersShare = 1 / 4
export const devicesShare = 1 / 2

/** The fair queues of a process with this many connections to its database. */
export function openTurns(connections: number) {
  const share = (most: number, part: number) =>
    Math.max(1, Math.min(most, Math.floor(connections * part)))
  const strangers = { ...strangerTurns, running: share(strangerTurns.running, strangersShare) }
  const devices = { ...deviceTurns, running: share(deviceTurns.running, devicesShare) }
  return {
    admission: createAdmission({
      strangers: createTurns(strangers),
      devices: createTurns(devices),
      tokens: createTurns(tokenTurns),
    }),
    userTurns: createUserTurns(userTurns),
  }
}
