import { expect, test } from 'vitest'
import {
  checkPortalAccess,
  checkStepUp,
  erasureRequestGapSeconds,
  type GuardedAction,
  isShownTo,
  type PortalSession,
  portalAccessOf,
  portalLinkSeconds,
  portalSessionSeconds,
  stepUpSeconds,
} from '../../src/domain/portal.ts'
import { challengeId } from './examples.ts'

const session = { userId: 'usr_1', rpId: 'rp_1' } as unknown as PortalSession
type ShownActivity = Parameters<typeof isShownTo>[1]
const of = (userId: string, rpId: string | null) =>
  ({ userId, posted: rpId && { relyingParty: { id: rpId } } }) as unknown as ShownActivity

test('the portal shows the service’s records of the user, and posts of the maker of its link', () => {
  expect(isShownTo(session, of('usr_1', null))).toBe(true)
  expect(isShownTo(session, of('usr_1', 'rp_1'))).toBe(true)
})

test('the portal shows nothing of other users, and nothing that other relying parties posted', () => {
  expect(isShownTo(session, of('usr_2', null))).toBe(false)
  expect(isShownTo(session, of('usr_2', 'rp_1'))).toBe(false)
  expect(isShownTo(session, of('usr_1', 'rp_2'))).toBe(false)
})

test('a link to the portal works for 15 minutes, and so does the session that it opens', () => {
  expect([portalLinkSeconds, portalSessionSeconds]).toEqual([900, 900])
})

const byLink = { challengeId: null }
const byDevice = { challengeId }
const readAt = new Date('2026-01-31T12:00:00Z')
const ago = (seconds: number) => new Date(readAt.getTime() - seconds * 1000)
const actions = [
  ['add_phone', 'enrollments:write'],
  ['make_recovery_codes', 'enrollments:write'],
  ['export_data', 'admin'],
  ['silence_pushes', 'admin'],
] as const satisfies [GuardedAction, string][]

/** Whether a session may do it: opened and verified this long ago. */
function may(
  action: GuardedAction,
  openedAgo: number,
  verifiedAgo: number | null,
  linkScopes: readonly string[],
): boolean {
  const verifiedAt = verifiedAgo === null ? null : ago(verifiedAgo)
  const session = { ...byLink, openedAt: ago(openedAgo), verifiedAt, linkScopes, readAt }
  const refusal = checkStepUp(session, action)
  const onDevice = checkStepUp({ ...session, ...byDevice }, action)
  expect(onDevice).toEqual({ refused: 'portal_step_up_needed' })
  if (refusal) expect(refusal).toEqual({ refused: 'portal_step_up_needed' })
  return refusal === undefined
}

test('a session that a device opened may look and end; one that a link opened, everything', () => {
  expect([portalAccessOf(byLink), portalAccessOf(byDevice)]).toEqual(['everything', 'look_and_end'])
  expect(checkPortalAccess(byLink, 'everything')).toBeUndefined()
  expect(checkPortalAccess(byLink, 'look_and_end')).toBeUndefined()
  expect(checkPortalAccess(byDevice, 'look_and_end')).toBeUndefined()
  expect(checkPortalAccess(byDevice, 'everything')).toEqual({ refused: 'portal_link_needed' })
})

test.each(actions)('%s takes a link that was opened within five minutes', (action, scope) => {
  expect(may(action, 299, null, [scope])).toBe(true)
  expect(may(action, 300, null, [scope])).toBe(false)
  expect(may(action, 899, null, ['admin'])).toBe(false)
  expect(may(action, Number.NaN, null, ['admin'])).toBe(false)
})

test.each(actions)('%s takes no link of a key that may not do the same itself', (action, scope) => {
  expect(may(action, 0, null, [])).toBe(false)
  expect(may(action, 0, null, ['devices:write', 'users:read'])).toBe(false)
  expect(may(action, 0, null, [scope])).toBe(true)
  expect(may(action, 0, null, ['admin'])).toBe(true)
})

test.each(actions)(
  '%s takes instead a code that was typed within five minutes',
  (action, _scope) => {
    expect(may(action, 800, 299, [])).toBe(true)
    expect(may(action, 800, 300, ['admin'])).toBe(false)
    expect(may(action, 800, Number.NaN, ['admin'])).toBe(false)
  },
)

test('a fresh link or code counts for five minutes, and one request for erasure for a day', () => {
  expect([stepUpSeconds, erasureRequestGapSeconds]).toEqual([300, 86_400])
})
