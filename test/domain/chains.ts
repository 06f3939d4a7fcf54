// Questions of which each takes the place of the one before, as the rules decide them.

import { type CandidateDevice, type Challenge, openChallenge } from '../../src/domain/challenge.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import {
  afterCreation,
  afterSuperseded,
  type KnownInitiator,
  unusedBudget,
} from '../../src/domain/push-budget.ts'
import type { ThrottlingFacts } from '../../src/domain/push-throttling.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { admitInChain, openInChain, type PendingQuestion } from '../../src/domain/superseding.ts'
import { aPendingChallenge, challengeId, deviceId, later, now } from './examples.ts'

const initiatorKey = 'the-browser'
export const knownBrowser: KnownInitiator = { ...unusedBudget, approvedAt: now, blockedUntil: null }
export const withPlace = {
  ...knownBrowser,
  pending: [{ challengeId, until: later(120) }],
  pushes: [{ challengeId, at: now }],
}
export const protection = {
  wrongNumbersInRow: 0,
  wrongNumbersSinceSuccess: 0,
  lockedUntil: null,
  hardLockedAt: null,
  reportedUntil: null,
  pausedUntil: null,
  suspendedAt: null,
  pushSignIn: null,
  revision: 0,
}
export const facts: ThrottlingFacts = {
  policy: defaultPolicy,
  now: later(2),
  protection,
  initiator: withPlace,
  others: unusedBudget,
}
/** The pending question of the browser. */
export const pendingQuestion = (changes: Partial<Challenge> = {}): PendingQuestion => ({
  challenge: aPendingChallenge({ initiatorKey, budgetKey: initiatorKey, ...changes }),
  chain: { id: challengeId, startedAt: now },
  budget: 'initiator',
  promptedDevices: [deviceId],
})
export const phone = (id: DeviceId, hasPushToken = true): CandidateDevice => ({
  appId: 'com.example.app',
  appVersion: '3.1.0',
  protocolVersion: 1,
  platform: 'ios',
  parentDeviceId: null,
  hasVerificationKey: true,
  passkey: null,
  activatedAt: null,
  id,
  hasPushToken,
})

type Chain = {
  readonly startedAt: Date
  readonly pushes: Date[]
  readonly attempts: number[]
  readonly ends: Date[]
}

/**
 * Questions after these pauses in milliseconds, each to take the place of the one before, with all
 * that the service stores in between: reloads of a known browser, or more time of a prompt in one
 * that nobody knows.
 */
export function askAgain(budgetName: PendingQuestion['budget'], pausesMs: readonly number[]) {
  let at = now
  let budget = budgetName === 'initiator' ? knownBrowser : { ...knownBrowser, approvedAt: null }
  let pending: PendingQuestion | null = null
  const chains: Chain[] = []
  for (const [index, pauseMs] of [0, ...pausesMs].entries()) {
    at = new Date(at.getTime() + pauseMs)
    const budgets = budgetName === 'initiator' ? { initiator: budget } : { others: budget }
    const factsThen = { ...facts, initiator: null, now: at, ...budgets }
    const admission = admitInChain(factsThen, pending)
    if (isRefusal(admission)) continue
    const { inheritance, suppressed } = admission
    const opening = openChallenge(
      {
        policy: defaultPolicy,
        now: at,
        number: { mode: 'service', digits: 6, wrongNumbersMax: 3 },
        activeDevices: [phone(deviceId)],
        suppressed,
      },
      { userVerification: 'preferred', ...(inheritance && { notAfter: inheritance.notAfter }) },
    )
    if (isRefusal(opening)) throw new Error(opening.refused)
    const next = openInChain(opening, inheritance)
    const id = `chl_${String(index).padStart(26, '0')}` as ChallengeId
    const { pushedTargets, closedDevices: _, ...kept } = next
    const challenge = aPendingChallenge({ ...kept, id, initiatorKey, budgetKey: initiatorKey })
    const before = inheritance ? afterSuperseded(budget, inheritance.challenge.id, id) : budget
    budget = { ...budget, ...afterCreation(before, challenge, pushedTargets.length > 0, at) }
    if (!inheritance) chains.push({ startedAt: at, pushes: [], attempts: [], ends: [] })
    const chain = chains.at(-1)
    chain?.ends.push(challenge.expiresAt)
    chain?.attempts.push(challenge.wrongNumbersLeft)
    if (pushedTargets.length > 0) chain?.pushes.push(at)
    pending = {
      challenge,
      chain: inheritance?.chain ?? { id, startedAt: at },
      budget: budgetName,
      promptedDevices: [deviceId],
    }
  }
  return { chains, budget }
}
