import { expect } from 'vitest'
import type { ActivityId, ChallengeId, ReportId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { copyTenant } from '../platform/postgres/copied-tenant.ts'
import {
  aColleague,
  aDevice,
  aStoredChallenge,
  freshProtection,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { userTest } from '../support/world-test.ts'

/** Reports of the user. */
function reportsOf(stores: Stores, user: TestUser) {
  /** Reports it with the user's device, and returns the id of its report. */
  async function report(
    activityId: ActivityId,
    revision: number,
    challengeId: ChallengeId | null = null,
  ): Promise<ReportId> {
    const { tenantId, userId } = user
    const deviceId = await aDevice(stores, user)
    const outcome = await stores.reports.reportActivity({
      report: { tenantId, id: random.id('report'), userId, activityId, challengeId },
      by: { kind: 'device', deviceId, proof: null },
      protection: { ...freshProtection, revision },
      initiator: { approvedAt: null, blockedUntil: new Date('2100-01-01') },
      activities: [],
    })
    if (outcome.kind !== 'reported') throw new Error(`it was not reported: ${outcome.kind}`)
    return outcome.id
  }
  return { report }
}

const test = userTest.extend('scene', ({ stores, user }) => reportsOf(stores, user))

test('the same report again returns the stored one; any other is a report of its own', async ({
  scene,
  stores,
  user,
}) => {
  const [one, other] = [random.id('activity'), random.id('activity')]
  const first = await scene.report(one, 0)
  expect(await scene.report(one, 0)).toBe(first)
  expect(await scene.report(other, 1)).not.toBe(first)
  await stores.reports.resolve(
    { ...user, id: first, resolution: 'fraud', note: null, resolvedBy: 'operator' },
    { type: 'report_resolved', actor: 'operator', subject: first },
  )
  expect(await scene.report(one, 2)).not.toBe(first)
})

test('a report of another tenant is none of ours, although its ids are the same', async ({
  stores,
  user,
  scene,
}) => {
  const activityId = random.id('activity')
  await copyTenant(stores, user)
  const theirs = `insert into reports (tenant_id, id, user_id, activity_id)
    select tenant_id, $2, id, $3 from users where id = $1 and tenant_id <> $4`
  const id = random.id('report')
  const values = [user.userId, id, activityId, user.tenantId]
  await stores.database.query('their_reports', theirs, values)
  expect(await scene.report(activityId, 0)).not.toBe(id)
})

test('a report blocks no initiator of another user, whatever challenge it names', async ({
  stores,
  user,
  scene,
}) => {
  const colleague = await aColleague(stores, user, 'bob')
  const device = await aDevice(stores, colleague)
  const theirs = await aStoredChallenge(stores, colleague, [device], { initiatorKey: 'browser' })
  await scene.report(random.id('activity'), 0, theirs)
  const blockedInitiators = `select user_id, key from initiators where blocked_until is not null
    and tenant_id = $1`
  expect(await stores.database.query('blocked', blockedInitiators, [user.tenantId])).toEqual([])
})
