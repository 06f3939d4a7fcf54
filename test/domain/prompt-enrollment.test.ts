import { expect, test } from 'vitest'
import type { WindowFacts } from '../../src/domain/enrollment-window.ts'
import {
  firstDevicePermit,
  mayBeginEnrollment,
  offersEnrollment,
  promptEnrollmentSeconds,
} from '../../src/domain/prompt-enrollment.ts'
import { later, now } from './examples.ts'

const facts: WindowFacts = {
  until: later(60),
  suspendedAt: null,
  hadDevice: false,
  hadRecoveryCodes: false,
  now,
}
const prompt = { outcome: null, expiresAt: later(600), round: 1 } as const

test.each([
  [true, true, true],
  [true, false, false],
  [false, true, false],
])(
  'a prompt has this way where its client says who is asked (%s) and its settings want it (%s): %s',
  (isBound, enrollmentAllowed, isOffered) => {
    expect(offersEnrollment({ isBound }, { enrollmentAllowed })).toBe(isOffered)
  },
)

test('an enrollment begins while the prompt goes on, and a number is left to ask by', () => {
  expect(mayBeginEnrollment(prompt, now)).toBe(true)
  expect(mayBeginEnrollment({ ...prompt, round: 0 }, now)).toBe(true)
  expect(mayBeginEnrollment({ ...prompt, round: 2 }, now)).toBe(false)
  expect(mayBeginEnrollment(prompt, later(600))).toBe(false)
  expect(mayBeginEnrollment({ ...prompt, outcome: 'cancelled' }, now)).toBe(false)
})

test('a first device is permitted by an open window, else by a code, else by nothing', () => {
  expect(firstDevicePermit(facts, false)).toBe('enrollment_window')
  expect(firstDevicePermit(facts, true)).toBe('enrollment_window')
  expect(firstDevicePermit({ ...facts, until: now }, true)).toBe('temporary_code')
  expect(firstDevicePermit({ ...facts, until: null }, true)).toBe('temporary_code')
  expect(firstDevicePermit({ ...facts, until: null }, false)).toEqual({
    refused: 'enrollment_not_allowed',
  })
})

test.each<[string, Partial<WindowFacts>, string]>([
  ['has or had a device', { hadDevice: true }, 'enrolled_before'],
  ['has or had recovery codes', { hadRecoveryCodes: true }, 'enrolled_before'],
  ['is suspended', { suspendedAt: now }, 'user_suspended'],
])('neither a window nor a code permits one to who %s', (_, change, refused) => {
  expect(firstDevicePermit({ ...facts, ...change }, true)).toEqual({ refused })
  expect(firstDevicePermit({ ...facts, ...change, until: null }, true)).toEqual({ refused })
})

test('the codes of the enrollment end with the prompt at the latest', () => {
  expect(promptEnrollmentSeconds(prompt, 900, now)).toBe(600)
  expect(promptEnrollmentSeconds(prompt, 60, now)).toBe(60)
  expect(promptEnrollmentSeconds(prompt, 900, later(600))).toBe(1)
})
