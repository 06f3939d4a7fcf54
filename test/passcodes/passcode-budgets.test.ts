import { describe, expect } from 'vitest'
import { activityTypesOf } from '../challenges/challenge-steps.ts'
import { kindsOf, times } from '../enrollments/enrollment-steps.ts'
import { aColleague, aDevice, beginOn, lockWaiters, thumbprint } from '../support/stores.ts'
import { until } from '../support/until.ts'
import { aGuess, aPasscode, stepNow } from './code-steps.ts'
import { initiator, test, unknownInitiators } from './code-users.ts'

describe('wrong codes', () => {
  test('of one initiator are checked up to its budget, of 50 at the same time', async ({
    scene,
    stores,
  }) => {
    const outcomes = await times(50, () => scene.guess('one'))
    expect(kindsOf(outcomes)).toEqual({ failed: initiator.burst, locked: 50 - initiator.burst })
    const failures = (await activityTypesOf(stores, scene.user)).filter(
      (type) => type === 'passcode_failed',
    )
    expect(failures).toHaveLength(initiator.burst)
  })

  test('wrong codes lock no other initiator', async ({ scene, stores }) => {
    await times(initiator.burst, () => scene.guess('one'))
    expect(await scene.guess('one')).toMatchObject({ kind: 'locked', by: 'initiator' })
    const step = await stepNow(stores)
    const right = aPasscode(scene.user, scene.device, step, { initiator: 'two' })
    expect(await scene.attempt(right)).toMatchObject({ kind: 'accepted' })
  })

  test('lock the right code out, too: a locked initiator’s codes are not checked', async ({
    scene,
    stores,
  }) => {
    await times(initiator.burst, () => scene.guess('one'))
    const right = aPasscode(scene.user, scene.device, await stepNow(stores), { initiator: 'one' })
    expect(await scene.attempt(right)).toMatchObject({ kind: 'locked' })
  })

  test('are forgiven one after the other, and Retry-After says when the next one is', async ({
    scene,
  }) => {
    await times(initiator.burst, () => scene.guess('one'))
    const lockedOutcome = await scene.guess('one')
    if (lockedOutcome.kind !== 'locked') throw new Error('it is locked')
    expect(lockedOutcome.retryAfterSeconds).toBeGreaterThan(initiator.refillSeconds - 30)
    expect(lockedOutcome.retryAfterSeconds).toBeLessThanOrEqual(initiator.refillSeconds)
    await scene.letPass(lockedOutcome.retryAfterSeconds)
    const outcomes = await times(10, () => scene.guess('one'))
    expect(kindsOf(outcomes)).toEqual({ failed: 1, locked: 9 })
    await scene.letPass(30 * 24 * 3600)
    expect(kindsOf(await times(50, () => scene.guess('one')))).toMatchObject({
      failed: initiator.burst,
    })
  })

  test('of all unknown initiators together are checked up to the user’s budget', async ({
    scene,
  }) => {
    const outcomes = await times(120, (n) => scene.guess(`browser ${n}`))
    expect(kindsOf(outcomes)).toEqual({ failed: unknownInitiators.burst, locked: 20 })
    const lockedOutcome = await scene.guess('fresh')
    if (lockedOutcome.kind !== 'locked') throw new Error('it is locked')
    expect(lockedOutcome.by).toBe('user')
    const { refillSeconds } = unknownInitiators
    expect(lockedOutcome.retryAfterSeconds).toBeGreaterThan(refillSeconds - 60)
    expect(lockedOutcome.retryAfterSeconds).toBeLessThanOrEqual(refillSeconds)
  })

  test('of unknown initiators do not lock a browser of an earlier sign-in', async ({
    stores,
    scene,
  }) => {
    const step = await stepNow(stores)
    await scene.attempt(aPasscode(scene.user, scene.device, step))
    await scene.useUpUnknownBudget()
    const outsider = aPasscode(scene.user, scene.device, step + 1, { initiator: 'fresh' })
    expect(await scene.attempt(outsider)).toMatchObject({ kind: 'locked', by: 'user' })
    expect(await scene.attempt(aPasscode(scene.user, scene.device, step + 1))).toMatchObject({
      kind: 'accepted',
    })
  })

  test('wrong codes from a reported attacker do not make the user’s browsers unknown', async ({
    stores,
    scene,
  }) => {
    const step = await stepNow(stores)
    await scene.attempt(aPasscode(scene.user, scene.device, step))
    await scene.block('attacker')
    await scene.useUpUnknownBudget()
    expect(await scene.attempt(aPasscode(scene.user, scene.device, step + 1))).toMatchObject({
      kind: 'accepted',
    })
  })

  test('do not lock a browser of the user that only a colleague has reported', async ({
    stores,
    company,
    scene,
  }) => {
    const colleague = await aColleague(stores, company, thumbprint())
    const step = await stepNow(stores)
    const from = { initiator: 'shared' }
    await scene.attempt(aPasscode(scene.user, scene.device, step, from))
    await scene.block('shared', colleague)
    await scene.useUpUnknownBudget()
    expect(await scene.attempt(aPasscode(scene.user, scene.device, step + 1, from))).toMatchObject({
      kind: 'accepted',
    })
  })

  test('do lock a browser that the user reported, even after a sign-in from there', async ({
    stores,
    scene,
  }) => {
    const step = await stepNow(stores)
    const from = { initiator: 'reported' }
    await scene.attempt(aPasscode(scene.user, scene.device, step, from))
    await scene.block('reported')
    await scene.useUpUnknownBudget()
    const late = aPasscode(scene.user, scene.device, step + 1, from)
    expect(await scene.attempt(late)).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('wrong codes do lock a browser from which only a colleague signed in', async ({
    stores,
    company,
    scene,
  }) => {
    const colleague = await aColleague(stores, company, thumbprint())
    const theirs = await aDevice(stores, colleague)
    const from = { initiator: 'shared' }
    await scene.attempt(aPasscode(colleague, theirs, await stepNow(stores), from))
    await scene.useUpUnknownBudget()
    const mine = aPasscode(scene.user, scene.device, await stepNow(stores), from)
    expect(await scene.attempt(mine)).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('wrong codes do lock a browser from which the user signed in too long ago', async ({
    scene,
    stores,
  }) => {
    await scene.attempt(aPasscode(scene.user, scene.device, await stepNow(stores)))
    await scene.letPass(30 * 24 * 3600 + 1)
    await scene.useUpUnknownBudget()
    const late = aPasscode(scene.user, scene.device, await stepNow(stores, 1))
    expect(await scene.attempt(late)).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('are unknown from a browser no longer known, although its last still count', async ({
    scene,
    stores,
  }) => {
    await scene.attempt(aPasscode(scene.user, scene.device, await stepNow(stores)))
    await scene.letPass(30 * 24 * 3600 - 60)
    await times(2, () => scene.guess('browser of the owner'))
    await scene.letPass(120)
    await scene.useUpUnknownBudget()
    const late = aPasscode(scene.user, scene.device, await stepNow(stores, 1))
    expect(await scene.attempt(late)).toMatchObject({ kind: 'locked', by: 'user' })
  })

  test('are serialized with all changes of the user, so that no forgiveness is lost', async ({
    stores,
    scene,
  }) => {
    const other = await beginOn(stores)
    await other.query('select from users where id = $1 for no key update', [scene.user.userId])
    const waiting = scene.guess('one')
    await until('it waits', async () => (await lockWaiters(stores)) > 0)
    await other.commit()
    expect(await waiting).toEqual({ kind: 'failed' })
  })

  test('that are locked for the user cost the initiator nothing, and vice versa', async ({
    scene,
  }) => {
    await times(50, () => scene.guess('one'))
    const outcomes = await times(unknownInitiators.burst, (n) => scene.guess(`browser ${n}`))
    expect(kindsOf(outcomes)).toEqual({
      failed: unknownInitiators.burst - initiator.burst,
      locked: initiator.burst,
    })
  })

  test('wrong codes of unknown initiators are not forgiven by a sign-in of the user', async ({
    scene,
    stores,
  }) => {
    await times(initiator.burst, () => scene.guess('one'))
    const right = aPasscode(scene.user, scene.device, await stepNow(stores), { initiator: 'two' })
    await scene.attempt(right)
    const outcomes = await times(unknownInitiators.burst, (n) => scene.guess(`browser ${n}`))
    expect(kindsOf(outcomes)).toMatchObject({ failed: unknownInitiators.burst - initiator.burst })
  })

  test('wrong codes of an initiator are forgiven when the user signs in from there', async ({
    scene,
    stores,
  }) => {
    await times(initiator.burst - 1, () => scene.guess('one'))
    const right = aPasscode(scene.user, scene.device, await stepNow(stores), { initiator: 'one' })
    expect(await scene.attempt(right)).toMatchObject({ kind: 'accepted' })
    const outcomes = await times(50, () => scene.guess('one'))
    expect(kindsOf(outcomes)).toMatchObject({ failed: initiator.burst })
  })

  test('leave no row for initiators that may not try, and none after forgiveness', async ({
    scene,
  }) => {
    await times(150, (n) => scene.guess(`browser ${n}`))
    const count = async () => {
      const rows = await scene.sql(
        'budgets_of',
        'select from passcode_budgets where user_id = $1',
        [scene.user.userId],
      )
      return rows.length
    }
    expect(await count()).toBe(unknownInitiators.burst + 1)
    await scene.letPass(24 * 3600)
    await scene.guess('fresh')
    expect(await count()).toBe(2)
  })

  test('wrong codes of one user lock nobody else', async ({ scene, stores, company }) => {
    await times(50, () => scene.guess('one'))
    const other = await aColleague(stores, company, thumbprint())
    expect(await scene.attempt(aGuess(other, { initiator: 'one' }))).toEqual({ kind: 'failed' })
  })
})
