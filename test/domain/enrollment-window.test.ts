import { expect, test } from 'vitest'
import {
  checkWindow,
  mayEnrollUntil,
  type WindowFacts,
} from '../../src/domain/enrollment-window.ts'
import { later, now } from './examples.ts'

const open: WindowFacts = {
  until: later(60),
  suspendedAt: null,
  hadDevice: false,
  hadRecoveryCodes: false,
  now,
}

test('a user without any second factor may enroll in a window, and not a moment longer', () => {
  expect(checkWindow(open)).toBeUndefined()
  expect(mayEnrollUntil(open)).toEqual(later(60))
  expect(mayEnrollUntil({ ...open, now: later(60) })).toBeNull()
  expect(mayEnrollUntil({ ...open, until: new Date(Number.NaN) })).toBeNull()
})

test('without a window nobody may', () => {
  expect(mayEnrollUntil({ ...open, until: null })).toBeNull()
})

test.each<[string, Partial<WindowFacts>, string]>([
  ['has or had a device', { hadDevice: true }, 'enrolled_before'],
  ['has or had recovery codes', { hadRecoveryCodes: true }, 'enrolled_before'],
  ['is suspended', { suspendedAt: now }, 'user_suspended'],
])('who %s gets none, and one that is open counts no more', (_, change, code) => {
  expect(checkWindow({ ...open, ...change })).toMatchObject({ refused: code })
  expect(mayEnrollUntil({ ...open, ...change })).toBeNull()
})
