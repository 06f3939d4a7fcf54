// One user, an owner, unknown initiators and a thief, and a small model of the invariants.

import { expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import type { CreationResult } from '../../src/challenges/create-challenge.ts'
import { resendChallenge } from '../../src/challenges/resend-challenge.ts'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { othersKey } from '../../src/domain/initiator.ts'
import { defaultPolicy, type Policy } from '../../src/domain/policy.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { pausePushes, unlockUser } from '../../src/protection/protection.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { letTimePass } from '../support/passing-time.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  signAnswer,
  type World,
} from '../support/world.ts'

/** The possible actions. Numbers choose among the challenges that are pending. */
export type Actions = {
  ask(by: string): Promise<void>
  /** Five unknown initiators at the same moment. */
  burst(): Promise<void>
  answer(which: number, what: 'approve' | 'deny' | 'report' | 'wrong'): Promise<void>
  cancel(which: number): Promise<void>
  resend(which: number): Promise<void>
  pause(on: boolean): Promise<void>
  unlock(): Promise<void>
  wait(seconds: number): Promise<void>
}

/** What the database stores about one challenge. */
type Row = {
  readonly id: ChallengeId
  readonly status: string
  readonly alive: boolean
  readonly budget: string
}

const readChallenges = `
  select id, status, status = 'pending' and expires_at > clock_timestamp() as alive,
    budget_key as budget
  from challenges where tenant_id = $1 and user_id = $2 order by id`

/** A push that nobody has approved, at a time of the run in seconds. */
type Push = { readonly id: ChallengeId; readonly at: number }

const own = 'own'
const namedBy = (by: string) =>
  by === 'nobody' ? {} : ({ initiator: { kind: 'browser', id: `browser-${by}` } } as const)
const otherThan = (number: string) => `${(Number(number[0]) + 1) % 10}${number.slice(1)}`

/** The invariants of one user, over any sequence of actions. */
class Model {
  readonly policy: Policy
  readonly ends = new Map<ChallengeId, string>()
  /** Pushes since the last approval on each budget. */
  readonly unansweredPushes = new Map<string, number>()
  readonly pushes = new Map<string, Push[]>()
  checkedGuesses = 0
  inRow = 0
  lockedUntil = 0
  reportedUntil = 0
  pausedUntil = 0
  deniedOwnAt = Number.NEGATIVE_INFINITY
  ownIsKnown = false

  constructor(policy: Policy) {
    this.policy = policy
  }

  get isHard(): boolean {
    return this.checkedGuesses >= this.policy.wrongNumbersHardMax
  }

  isLocked(now: number): boolean {
    return this.isHard || this.lockedUntil > now
  }

  recordPush(budget: string, push: Push): void {
    const { policy } = this
    const count = (this.unansweredPushes.get(budget) ?? 0) + 1
    this.unansweredPushes.set(budget, count)
    expect(count, 'pushes since the last success').toBeLessThanOrEqual(policy.unansweredMax + 1)
    const all = [...(this.pushes.get(budget) ?? []), push]
    this.pushes.set(budget, all)
    // A second less than the limit's: the run's clock is not the database's.
    const within = (seconds: number) => all.filter(({ at }) => push.at - at < seconds - 1).length
    expect(within(300), 'pushes in five minutes').toBeLessThanOrEqual(
      policy.pushesPerFiveMinutesMax,
    )
    expect(within(3600), 'pushes in an hour').toBeLessThanOrEqual(policy.pushesPerHourMax)
    expect(this.pausedUntil, 'no push during a pause').toBeLessThanOrEqual(push.at + 1)
    expect(this.reportedUntil, 'no push after a report').toBeLessThanOrEqual(push.at + 1)
  }

  recordApproval({ id, budget }: Row): void {
    this.unansweredPushes.set(budget, 0)
    const all = this.pushes.get(budget) ?? []
    this.pushes.set(
      budget,
      all.filter((push) => push.id !== id),
    )
    this.checkedGuesses = 0
    this.inRow = 0
    this.lockedUntil = 0
  }

  recordGuess(now: number): void {
    this.checkedGuesses++
    this.inRow++
    expect(this.checkedGuesses, 'checked guesses').toBeLessThanOrEqual(
      this.policy.wrongNumbersHardMax,
    )
    if (this.inRow >= this.policy.wrongNumbersInRowMax) {
      this.lockedUntil = now + this.policy.wrongNumberLockSeconds
    }
  }

  recordUnlock(): void {
    this.checkedGuesses = 0
    this.inRow = 0
    this.lockedUntil = 0
    this.reportedUntil = 0
  }
}

export type ModelRun = Actions & {
  /** Checks the database against the invariants. */
  check(): Promise<void>
  /**
   * After any run the owner can sign in, with at most an admin's unlock; without one where no
   * number was guessed.
   */
  ownerGetsIn(): Promise<void>
  /** Outcomes that occurred. */
  readonly met: ReadonlySet<string>
}

/**
 * A user in a tenant of its own, under this policy; the owner has signed in from a browser before.
 */
export async function openModelRun(world: World, overrides: Partial<Policy>): Promise<ModelRun> {
  const principal = await aPrincipal(world)
  const { tenantId } = principal
  await granted(setPolicy(world, tenantId, { overrides, replace: false }, 'operator'))
  const phone = await aPhone(world, principal)
  const model = new Model({ ...defaultPolicy, ...overrides })
  const numbers = new Map<ChallengeId, { number: string; by: string }>()
  const reachedCases = new Set<string>()
  let offset = 0
  let dispatchedBefore = world.dispatchedPushes.length
  let rows: readonly Row[] = []
  const now = () => offset + Date.now() / 1000
  const run = (sql: string, values: unknown[]) =>
    world.database.query(sql.slice(0, 40).trim(), sql, values)

  async function refresh(): Promise<void> {
    rows = (await run(readChallenges, [tenantId, phone.userId])) as Row[]
    for (const push of world.dispatchedPushes.slice(dispatchedBefore)) {
      const row = rows.find(({ id }) => id === push.challengeId)
      if (push.kind === 'challenge_opened' && row) {
        model.recordPush(row.budget, { id: row.id, at: now() })
      }
    }
    dispatchedBefore = world.dispatchedPushes.length
  }

  function note(creation: CreationResult, by: string): void {
    reachedCases.add(creation.challenge.deliveryMode)
    numbers.set(creation.challenge.id, { number: creation.number ?? '', by })
  }

  function expectAdmission(outcome: object): void {
    const mine = rows.filter(({ alive, budget }) => alive && budget !== othersKey)
    const waiting = mine.filter(({ id }) => numbers.get(id)?.by === own).length
    const isFree = waiting < model.policy.pendingMax
    if (!model.ownIsKnown || model.isLocked(now() + 2) || !isFree) return
    expect(outcome, 'the known browser is admitted').not.toHaveProperty('refused')
  }

  const alive = (which: number): Row | undefined => {
    const all = rows.filter((row) => row.alive)
    return all[which % Math.max(1, all.length)]
  }

  async function say(row: Row, what: 'approve' | 'deny' | 'report' | 'wrong') {
    const { number = '' } = numbers.get(row.id) ?? {}
    const isApproval = what === 'approve' || what === 'wrong'
    const claims = await anAnswer(world, phone, row.id, {
      dec: isApproval ? 'approve' : what,
      ...(isApproval && { num: what === 'wrong' ? otherThan(number) : number }),
    })
    const answer = await signAnswer(phone, claims)
    const proof = await aProof(world, phone)
    return answerChallenge(world, proof, { challengeId: row.id, answer })
  }

  async function answer(which: number, what: 'approve' | 'deny' | 'report' | 'wrong') {
    const row = alive(which)
    if (!row) return
    const isLocked = model.isLocked(now() - 2)
    const isOpen = !model.isLocked(now() + 2)
    const outcome = await say(row, what)
    const { by = '' } = numbers.get(row.id) ?? {}
    reachedCases.add(isRefusal(outcome) ? outcome.refused : outcome.status)
    if (isRefusal(outcome)) {
      if (outcome.refused === 'wrong_number') model.recordGuess(now())
      else expect([outcome.refused, isOpen]).toEqual(['push_locked', false])
      return
    }
    expect(what).not.toBe('wrong')
    if (what === 'approve') {
      expect(isLocked, 'nothing is approved under a lock').toBe(false)
      model.recordApproval(row)
      if (by === own) model.ownIsKnown = true
    }
    if (what === 'deny' && by === own) model.deniedOwnAt = now()
    if (what === 'report') {
      model.reportedUntil = now() + model.policy.reportLockSeconds
      if (by === own) model.ownIsKnown = false
    }
  }

  async function askAs(by: string): Promise<CreationResult | undefined> {
    const outcome = await ask(world, principal, namedBy(by))
    if (by === own) expectAdmission(outcome)
    if (isRefusal(outcome)) reachedCases.add(outcome.refused)
    else note(outcome, by)
    return isRefusal(outcome) ? undefined : outcome
  }

  async function check(): Promise<void> {
    await refresh()
    const waiting = Map.groupBy(
      rows.filter((row) => row.alive),
      ({ budget }) => budget,
    )
    for (const [, some] of waiting) {
      expect(some.length, 'pending').toBeLessThanOrEqual(model.policy.pendingMax)
    }
    for (const { id, status } of rows) {
      const end = model.ends.get(id)
      if (end !== undefined) expect(status, 'terminal is terminal').toBe(end)
      else if (status !== 'pending') model.ends.set(id, status)
    }
  }

  await askAs(own)
  await check()
  await answer(0, 'approve')
  await check()
  return {
    met: reachedCases,
    ask: async (by) => void (await askAs(by)),
    burst: async () => {
      await Promise.all([1, 2, 3, 4, 5].map((n) => askAs(`bot-${n}`)))
    },
    answer,
    check,
    cancel: async (which) => {
      const row = alive(which)
      if (row) await granted(cancelChallenge(world, principal, row.id))
    },
    resend: async (which) => {
      const row = alive(which)
      const outcome = row && (await resendChallenge(world, principal, row.id))
      if (outcome) reachedCases.add(isRefusal(outcome) ? outcome.refused : 'resent')
    },
    pause: async (on) => {
      const until = on ? new Date(Date.now() + 600_000) : null
      await granted(
        pausePushes(world, await aProof(world, phone, phone.keys.verification ?? undefined), until),
      )
      model.pausedUntil = on ? now() + 600 : 0
    },
    unlock: async () => {
      await granted(unlockUser(world, principal, phone.userId))
      model.recordUnlock()
    },
    wait: async (seconds) => {
      await letTimePass(run, phone.userId, seconds)
      offset += seconds
    },
    ownerGetsIn: async () => {
      await letTimePass(run, phone.userId, 700)
      offset += 700
      if (model.isLocked(now() + 2)) {
        await granted(unlockUser(world, principal, phone.userId))
        model.recordUnlock()
      }
      await refresh()
      // A browser that the owner reported is an unknown initiator from then on: another factor is
      // the way.
      if (!model.ownIsKnown) return
      const creation = await askAs(own)
      await refresh()
      const row = rows.find(({ id }) => id === creation?.challenge.id)
      if (!row) throw new Error('the challenge of the owner is not created')
      expect(await say(row, 'approve')).toEqual({ status: 'approved' })
    },
  }
}
