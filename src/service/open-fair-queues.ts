// The fair queues of one process; docs/limits.md lists the figures.

import { buildAdmission } from '../platform/http/admission.ts'
import {
  buildFairQueue,
  buildUserQueue,
  type FairQueueLimits,
} from '../platform/net/bounded-fair-queue.ts'

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
export const unauthenticatedQueueLimits = {
  running: 2,
  runningInLine: 1,
  waiting: 1_024,
  waitingInLine: 128,
  waitMs,
  refusalMs,
  refusals: 4_096,
} as const satisfies FairQueueLimits

/**
 * Calls of devices from addresses that have not authenticated recently; at most half of the
 * connections that the lanes of sign-ins leave.
 */
export const deviceQueueLimits = {
  running: Number.POSITIVE_INFINITY,
  runningInLine: 2,
  waiting: 1_024,
  waitingInLine: 128,
  waitMs,
  refusalMs,
  refusals: 4_096,
} as const satisfies FairQueueLimits

/**
 * Tokens of realms; a queue for each integration. They use no connection, but a thread, or wait for
 * the realm.
 */
export const tokenQueueLimits = {
  running: 16,
  runningInLine: 2,
  waiting: 256,
  waitingInLine: 64,
  waitMs,
  refusalMs,
  refusals: 4_096,
} as const satisfies FairQueueLimits

/**
 * Operations that lock the row of one user; a queue for each initiator and device. The same for the
 * typed codes of one user.
 */
export const userQueueLimits = {
  running: 1,
  runningInLine: 1,
  waiting: 64,
  waitingInLine: 32,
  waitMs,
  refusalMs: 0,
  refusals: 0,
} as const satisfies FairQueueLimits

/**
 * Passcodes being verified, which takes some ten statements each; a line for each user. They have
 * at most half of the connections that the lanes of sign-ins leave.
 */
export const passcodeQueueLimits = {
  running: Number.POSITIVE_INFINITY,
  runningInLine: 1,
  waiting: 1_024,
  waitingInLine: 1,
  waitMs,
  refusalMs: 0,
  refusals: 0,
} as const satisfies FairQueueLimits

/**
 * Questions of the entrance of the portal, which are asked apart from the requests that began them;
 * a line for each network. Nobody waits for them.
 */
export const entranceQueueLimits = {
  running: 1,
  runningInLine: 1,
  waiting: 256,
  waitingInLine: 16,
  waitMs: 10_000,
  refusalMs: 0,
  refusals: 0,
} as const satisfies FairQueueLimits

/**
 * Questions of hosted prompts, which are asked when their page is on its way; a line for each
 * network, of which a whole organisation may have one. Nobody waits for them.
 */
export const promptQueueLimits = {
  running: Number.POSITIVE_INFINITY,
  runningInLine: 2,
  waiting: 1_024,
  waitingInLine: 256,
  waitMs: 10_000,
  refusalMs: 0,
  refusals: 0,
} as const satisfies FairQueueLimits

/** The maximum share of the connections for each of these. */
export const unauthenticatedShare = 1 / 4
export const devicesShare = 1 / 2
export const passcodesShare = 1 / 2
export const promptsShare = 1 / 4

/** The fair queues of a process with this many connections to its database besides the lanes'. */
export function buildQueues(connections: number) {
  const share = (most: number, part: number) =>
    Math.max(1, Math.min(most, Math.floor(connections * part)))
  const strangers = {
    ...unauthenticatedQueueLimits,
    running: share(unauthenticatedQueueLimits.running, unauthenticatedShare),
  }
  const devices = { ...deviceQueueLimits, running: share(deviceQueueLimits.running, devicesShare) }
  const passcodes = {
    ...passcodeQueueLimits,
    running: share(passcodeQueueLimits.running, passcodesShare),
  }
  const prompts = { ...promptQueueLimits, running: share(promptQueueLimits.running, promptsShare) }
  return {
    admission: buildAdmission({
      clientQueue: buildFairQueue(strangers),
      deviceQueue: buildFairQueue(devices),
      tokenQueue: buildFairQueue(tokenQueueLimits),
    }),
    userQueue: buildUserQueue(userQueueLimits),
    userCodeQueue: buildUserQueue(userQueueLimits),
    passcodeQueue: buildFairQueue(passcodes),
    entranceQueue: buildFairQueue(entranceQueueLimits),
    promptQueue: buildFairQueue(prompts),
  }
}
