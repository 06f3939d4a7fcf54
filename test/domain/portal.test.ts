import { expect, test } from 'vitest'
import {
  isShownTo,
  type PortalSession,
  portalLinkSeconds,
  portalSessionSeconds,
} from '../../src/domain/portal.ts'

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
