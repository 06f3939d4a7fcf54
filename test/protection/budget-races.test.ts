import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import type { CreationResult } from '../../src/challenges/create-challenge.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { repetitions } from '../support/endurance.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'

let openedStores: World
let world: World
beforeAll(async () => {
  openedStores = await openWorld()
})
afterAll(() => openedStores.close())

type BudgetRow = {
  readonly key: string
  readonly pushes: readonly { readonly c: string }[]
  readonly pending: Readonly<Record<string, number>>
  readonly unanswered: number
  readonly denied_at: Date | null
  readonly approved_at: Date | null
}

async function prepare(
  phone: Phone,
  { challenge }: CreationResult,
  decision: Parameters<typeof anAnswer>[3],
) {
  const claims = await anAnswer(world, phone, challenge.id, decision)
  const command = { challengeId: challenge.id, answer: await signAnswer(phone, claims) }
  const proof = await aProof(world, phone)
  return () => answerChallenge(world, proof, command)
}

const rounds = repetitions({ usual: 10, nightly: 200 })

test.each(bothPaths)(
  `of concurrent ends and a creation on one budget each leaves its mark, %s, ${rounds} times`,
  async (_, on) => {
    world = on(openedStores)
    for (let round = 0; round < rounds; round++) {
      const principal = await aPrincipal(world)
      const change = { overrides: { pendingMax: 10 }, replace: false }
      await granted(setPolicy(world, principal.tenantId, change, 'operator'))
      const phone = await aPhone(world, principal)
      const from = (n: number) =>
        ask(world, principal, { initiator: { kind: 'browser', id: `unknown-${n}` } })
      const right = await granted(from(1))
      const [strange, dropped] = [await granted(from(2)), await granted(from(3))]
      const approve = await prepare(phone, right, { dec: 'approve', num: right.number ?? '' })
      const deny = await prepare(phone, strange, { dec: 'deny' })
      const [approval, denial, cancellation, creation] = await Promise.all([
        approve(),
        deny(),
        cancelChallenge(world, principal, dropped.challenge.id),
        from(4),
      ])
      expect([approval, denial]).toEqual([{ status: 'approved' }, { status: 'denied' }])
      expect(isRefusal(cancellation) || isRefusal(creation)).toBe(false)
      const { challenge } = await granted(Promise.resolve(creation))
      const [own, others] = await world.database.query<BudgetRow>(
        'budgets_of_user',
        `select key, pushes, pending, unanswered, denied_at, approved_at from initiators
       where tenant_id = $1 and user_id = $2 order by key = 'others'`,
        [phone.tenantId, phone.userId],
      )
      // The new challenge is pushed if it came after the approval, and before the denial.
      const pushedIds = challenge.suppressed === null ? [challenge.id] : []
      expect(others).toMatchObject({ key: 'others', unanswered: pushedIds.length })
      expect(others?.pushes.map(({ c }) => c)).toEqual(pushedIds)
      expect(Object.keys(others?.pending ?? {})).toEqual([challenge.id])
      expect(others?.denied_at).toBeInstanceOf(Date)
      expect(own?.approved_at).toBeInstanceOf(Date)
    }
  },
)
