import { afterAll, beforeAll, expect, test } from 'vitest'
import { postActivity } from '../../src/activities/post-activity.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { closePortal, createPortalLink, openPortal } from '../../src/portal/portal-sessions.ts'
import { reportFromPortal } from '../../src/protection/report-activity.ts'
import { listReports } from '../../src/protection/reports.ts'
import { aPhone, aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const page = { limit: 50, before: null }

/** A user with a session of the portal, and an activity of theirs. */
async function aVisitor(principal: Principal, user: string) {
  const { userId, tenantId } = await aPhone(world, principal, { user })
  const { url } = await granted(createPortalLink(world, principal, userId))
  const token = new URL(url).pathname.split('/').at(-1) ?? ''
  const portal = await granted(openPortal(world, { tenantId, token }))
  const [activity] = await world.activities.list(tenantId, userId, page)
  if (!activity) throw new Error('the portal was opened')
  return { userId, session: portal.session, activityId: activity.id }
}

test('a session that ended after its cookie was verified reports nothing', async () => {
  const principal = await aPrincipal(world)
  const { session, activityId } = await aVisitor(principal, 'alice')
  await closePortal(world, session)
  expect(await reportFromPortal(world, session, activityId)).toEqual({
    refused: 'portal_session_invalid',
  })
  expect(await listReports(world, principal, null, page)).toEqual([])
})

test('an activity posted by another relying party cannot be reported in the portal', async () => {
  const principal = await aPrincipal(world)
  const { session, userId, activityId } = await aVisitor(principal, 'bob')
  const other = await aPrincipal(world, ['default'], principal.tenantId)
  const post = async (by: Principal) => {
    const { activity } = await granted(
      postActivity(world, by, {
        userId,
        type: 'password_changed',
        severity: 'warning',
        title: 'Changed',
      }),
    )
    return activity
  }
  const [theirs, own] = [await post(other), await post(principal)]
  expect(await reportFromPortal(world, session, theirs.id)).toEqual({ refused: 'not_found' })
  await granted(reportFromPortal(world, session, own.id))
  await granted(reportFromPortal(world, session, activityId))
  expect(await listReports(world, principal, 'open', page)).toMatchObject([
    { activityId, deviceId: null },
    { activityId: own.id, deviceId: null },
  ])
})
