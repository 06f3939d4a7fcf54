import fc from 'fast-check'
import { expect, test } from 'vitest'
import { challengeStatuses } from '../../src/domain/challenge.ts'
import { defaultPolicy } from '../../src/domain/policy.ts'
import {
  checkPortalSignIn,
  portalDeviceAgeSeconds,
  portalGraceSeconds,
  portalSignInState,
  portalWaitSeconds,
} from '../../src/domain/portal-sign-in.ts'

const expiresAt = new Date('2026-01-31T12:02:00Z')
const at = (seconds: number) => new Date(expiresAt.getTime() + seconds * 1000)
const approval = { status: 'approved' } as const

test('nobody enters without a link unless the policy says so', () => {
  expect(checkPortalSignIn(defaultPolicy)).toEqual({ refused: 'portal_link_invalid' })
  expect(checkPortalSignIn({ portalSignIn: 'link' })).toEqual({ refused: 'portal_link_invalid' })
  expect(checkPortalSignIn({ portalSignIn: 'link_or_device' })).toBeUndefined()
})

test('a browser waits two minutes, an approval counts for one more, a device is a day old', () => {
  expect([portalWaitSeconds, portalGraceSeconds, portalDeviceAgeSeconds]).toEqual([120, 60, 86_400])
})

test('an approval opens until a minute after the wait', () => {
  expect(portalSignInState({ expiresAt }, approval, at(-120))).toBe('approved')
  expect(portalSignInState({ expiresAt }, approval, at(59.999))).toBe('approved')
  expect(portalSignInState({ expiresAt }, approval, at(60))).toBe('over')
  expect(portalSignInState({ expiresAt: new Date(Number.NaN) }, approval, at(0))).toBe('over')
})

test('whatever else becomes of a question shows as little as a name that nobody has', () => {
  const otherStatus = fc.constantFrom(...challengeStatuses.filter((one) => one !== 'approved'))
  const states = new Set<string>()
  fc.assert(
    fc.property(otherStatus, fc.integer({ min: -200, max: 200 }), (status, seconds) => {
      const now = at(seconds)
      const unknown = portalSignInState({ expiresAt }, null, now)
      expect(portalSignInState({ expiresAt }, { status }, now)).toBe(unknown)
      expect(unknown).toBe(seconds < 0 ? 'waiting' : 'over')
      states.add(`${status} ${unknown}`)
    }),
    { numRuns: 500 },
  )
  expect(states.size).toBe(2 * (challengeStatuses.length - 1))
})
