import { describe, expect, test } from 'vitest'
import {
  adviceOf,
  clockFault,
  connectionSteps,
  connectionTestWaitSeconds,
  failedStep,
  isAnswer,
  isConnectionSound,
  meaningOf,
  passedStep,
  skippedStep,
  stepOf,
  stepReasons,
} from '../../src/domain/connection-test.ts'

test('a test is passed when no step has failed, and never without a step', () => {
  const skippedClock = skippedStep('clock', 'needs_other_step')
  expect(isConnectionSound([passedStep('keys'), skippedClock])).toBe(true)
  expect(isConnectionSound([passedStep('keys'), failedStep('answer', 'answer_invalid')])).toBe(
    false,
  )
  expect(isConnectionSound([])).toBe(false)
})

test('a step has passed where nothing is wrong', () => {
  expect(stepOf('keys', undefined)).toEqual({ step: 'keys', result: 'passed', reason: null })
  expect(stepOf('keys', 'not_ours')).toEqual(failedStep('keys', 'not_ours'))
})

test('every step has a meaning, and every reason says what to do next', () => {
  for (const step of connectionSteps) expect(meaningOf(step)).toMatch(/^[A-Z].{10,}$/)
  for (const reason of stepReasons) {
    expect(adviceOf({ step: 'keys', reason }, 'global')).toMatch(/^[A-Z].{10,}$/)
  }
  expect(adviceOf({ step: 'keys', reason: null }, null)).toBeNull()
})

test('for a cloud that cannot be reached its host is named', () => {
  const step = { step: 'entra_cloud', reason: 'unreachable' } as const
  expect(adviceOf(step, 'global')).toContain('login.microsoftonline.com')
  expect(adviceOf(step, 'us_government')).toContain('login.microsoftonline.us')
  expect(adviceOf(step, 'china')).toContain('login.partner.microsoftonline.cn')
  expect(adviceOf(step, null)).toContain('PUBLIC_ORIGIN')
  expect(adviceOf({ ...step, reason: 'timeout' }, 'china')).toContain('took too long')
})

test.for([
  [60_000, undefined],
  [-60_000, undefined],
  [60_001, 'clock_off'],
  [-60_001, 'clock_off'],
  [Number.NaN, 'clock_off'],
] as const)('another clock that is %d ms ahead: %s', ([ms, fault]) => {
  const own = new Date('2026-11-30T12:00:00Z')
  expect(clockFault(own, new Date(own.getTime() + ms))).toBe(fault)
})

describe('turns', () => {
  const nowMs = 1_000_000
  const ofAge = (...ages: number[]) => ages.map((age) => nowMs - age)

  test('a tenant waits while another test of its own runs', () => {
    expect(connectionTestWaitSeconds({ startedMs: [], isRunning: true }, nowMs)).toBe(1)
  })

  test('ten tests begin in a minute, the next when the first of them is a minute old', () => {
    const nine = ofAge(1, 2, 3, 4, 5, 6, 7, 8, 9)
    const wait = (startedMs: number[]) =>
      connectionTestWaitSeconds({ startedMs, isRunning: false }, nowMs)
    expect(wait(nine)).toBe(0)
    expect(wait([...nine, ...ofAge(60_000)])).toBe(0)
    expect(wait([...nine, ...ofAge(59_999)])).toBe(1)
    expect(wait([...nine, ...ofAge(30_000)])).toBe(30)
  })
})

describe('an ID token', () => {
  const expectations = {
    ...{ clientId: 'int_1', subject: 'ada', nonce: 'n', hasOneMethod: true },
    acrValues: ['possession', 'possessionorinherence'],
  }
  const claims = { aud: 'int_1', sub: 'ada', nonce: 'n', acr: 'possession', amr: ['swk'] }

  test('answers the request that it repeats', () => {
    expect(isAnswer(claims, expectations)).toBe(true)
    const free = { ...expectations, acrValues: null, hasOneMethod: false }
    expect(isAnswer({ ...claims, acr: undefined, amr: ['pop', 'swk'] }, free)).toBe(true)
  })

  test.for<[string, object]>([
    ['of another client', { aud: 'int_2' }],
    ['of several clients', { aud: ['int_1'] }],
    ['of another person', { sub: 'bob' }],
    ['of another request', { nonce: 'm' }],
    ['with a context that nobody asked for', { acr: 'inherence' }],
    ['without a method', { amr: [] }],
    ['with a text for methods', { amr: 'swk' }],
    ['with two methods, of which Entra takes one', { amr: ['pop', 'swk'] }],
  ])('%s is none', ([, other]) => {
    expect(isAnswer({ ...claims, ...other }, expectations)).toBe(false)
  })
})
