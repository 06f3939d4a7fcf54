import { beforeEach, describe, expect, test } from 'vitest'
import { buildSweepOutages } from '../../src/service/sweep-outages.ts'
import { aLog } from '../push/provider.ts'

let now = 0
let failures: [sweep: string, failures: number][]
let lines: ReturnType<typeof aLog>['lines']
let outages: ReturnType<typeof buildSweepOutages>
beforeEach(() => {
  now = 0
  failures = []
  const newLog = aLog()
  lines = newLog.lines
  outages = buildSweepOutages(
    newLog.log,
    (...args) => failures.push(args),
    () => now,
  )
})
const failure = Object.assign(new Error('canceling statement'), {
  code: '57014',
  detail: 'secrets',
})
const fail = (sweep = 'audit chain') => outages.recordFailure(sweep, failure)
const levels = () => lines.map(({ level, facts }) => `${level} ${facts.sweep}`)

describe('a sweep that fails', () => {
  test('is a warning once, with message and code and nothing else of the error', () => {
    fail()
    now = 1_000
    fail()
    expect(lines).toEqual([
      {
        level: 'warn',
        facts: { sweep: 'audit chain', failures: 1, code: '57014', reason: 'canceling statement' },
        message: 'sweep failed; it will be tried again',
      },
    ])
  })

  test('continuously for half a minute is an alarm, once an outage', () => {
    for (let n = 0; n < 200; n++, now += 2_000) fail()
    expect(levels()).toEqual(['warn audit chain', 'error audit chain'])
    expect(lines[1]).toMatchObject({
      facts: { failures: 16, code: '57014' },
      message: 'sweep fails again and again: what it does is not done',
    })
    outages.recordSuccess('audit chain')
    expect(lines.at(-1)).toMatchObject({ level: 'warn', message: 'sweep works again' })
    for (let n = 0; n < 20; n++, now += 2_000) fail()
    expect(levels().filter((line) => line.startsWith('error'))).toHaveLength(2)
  })

  test('twice, however far apart, is no alarm yet', () => {
    fail()
    now = 600_000
    fail()
    expect(levels()).toEqual(['warn audit chain'])
  })

  test('is distinguished from others, and its failures in a row are a metric', () => {
    fail()
    fail()
    fail('erasures')
    outages.recordSuccess('audit chain')
    fail()
    expect(failures).toEqual([
      ['audit chain', 1],
      ['audit chain', 2],
      ['erasures', 1],
      ['audit chain', 0],
      ['audit chain', 1],
    ])
  })
})
