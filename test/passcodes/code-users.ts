import { expect } from 'vitest'
import { passcodeBudgets } from '../../src/domain/passcode-budget.ts'
import { kindsOf, times } from '../enrollments/enrollment-steps.ts'
import {
  aColleague,
  aDevice,
  aUser,
  type Stores,
  type TestUser,
  thumbprint,
} from '../support/stores.ts'
import { storesTest } from '../support/world-test.ts'
import { aGuess, aPasscode, stepNow } from './code-steps.ts'

export const { initiator, strangers: unknownInitiators } = passcodeBudgets

/** A user of the company with a device, and what is tried in the user's name. */
async function aCodeUser(stores: Stores, company: TestUser) {
  const user = await aColleague(stores, company, thumbprint())
  const device = await aDevice(stores, user)

  const attempt = (input: ReturnType<typeof aGuess>) => stores.passcodes.attempt(input)
  const guess = (from: string) => attempt(aGuess(user, { initiator: from }))
  /** Queries the database itself. */
  const sql = (name: string, text: string, values: readonly unknown[]) =>
    stores.database.query(`test_${name}`, text, values)

  /** As if that time had passed for the budgets of the user. */
  async function letPass(seconds: number) {
    await sql(
      'let_pass_for_pushes',
      `update initiators set approved_at = approved_at - make_interval(secs => $3)
     where tenant_id = $1 and user_id = $2`,
      [user.tenantId, user.userId, seconds],
    )
    return sql(
      'let_pass',
      `update passcode_budgets set clear_at = clear_at - make_interval(secs => $3),
       succeeded_at = succeeded_at - make_interval(secs => $3)
     where tenant_id = $1 and user_id = $2`,
      [user.tenantId, user.userId, seconds],
    )
  }

  /** As if the user had reported a challenge of this initiator. */
  const block = (key: string, by = user) =>
    sql(
      'block_initiator',
      `insert into initiators (tenant_id, user_id, key, blocked_until, revision)
     values ($1, $2, $3, clock_timestamp() + interval '1 day', 1)
     on conflict (tenant_id, user_id, key) do update set blocked_until = excluded.blocked_until`,
      [by.tenantId, by.userId, key],
    )

  /** Uses up the budget of unknown initiators, from as many browsers as that takes. */
  async function useUpUnknownBudget() {
    for (let browser = 0; browser < unknownInitiators.burst / initiator.burst; browser++) {
      const outcomes = await times(initiator.burst, () => guess(`browser ${browser}`))
      expect(kindsOf(outcomes)).toEqual({ failed: initiator.burst })
    }
  }

  /** Uses up the code of a step that is too old. */
  const burn = (step: number, deviceId = device) =>
    stores.passcodes.burnLateStep({ ...user, deviceId, step })
  const withSecret = async () => attempt(aPasscode(user, device, await stepNow(stores, -1)))
  return {
    user,
    device,
    attempt,
    guess,
    sql,
    letPass,
    block,
    useUpUnknownBudget,
    burn,
    withSecret,
  }
}

export type CodeUser = Awaited<ReturnType<typeof aCodeUser>>

/** A test with a user of its own. */
export const test = storesTest
  .extend('company', { scope: 'file' }, ({ stores }) => aUser(stores))
  .extend('scene', ({ stores, company }) => aCodeUser(stores, company))
