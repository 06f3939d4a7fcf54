import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { createOutage } from '../../src/persistence/outage.ts'

function anOutage() {
  const lines: Record<string, unknown>[] = []
  const sink = new Writable({
    write(line, _encoding, done) {
      const { time, pid, hostname, ...rest } = JSON.parse(String(line))
      lines.push(rest)
      done()
    },
  })
  const log = pino({ level: 'info', formatters: { level: (level) => ({ level }) } }, sink)
  let at = 0
  const outage = createOutage(log, () => at)
  const parts = outage.hush(log)
  return {
    outage,
    parts,
    lines,
    pass: (seconds: number) => {
      at += seconds * 1_000
    },
  }
}
const refused = () => Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
const begun = {
  level: 'warn',
  errorCode: 'ECONNREFUSED',
  reason: 'connect ECONNREFUSED',
  msg: 'the database is away; its errors are not logged until it is back',
}

describe('an outage of the database', () => {
  test('is logged once when it begins and once when it is over, with what was left out', () => {
    const { outage, parts, lines, pass } = anOutage()
    for (let n = 0; n < 25; n++) {
      outage.failed(refused())
      parts.error({ err: refused(), sweep: 'expiry' }, 'sweep failed')
      parts.warn({ err: refused() }, 'signals interrupted')
    }
    pass(61)
    outage.succeeded()
    outage.succeeded()
    const over = { level: 'info', seconds: 61, unlogged: 50, msg: 'the database is back' }
    expect(lines).toEqual([begun, over])
  })

  test('is not told anew while some queries succeed and others still fail', () => {
    const { outage, lines, pass } = anOutage()
    for (let n = 0; n < 10; n++) {
      outage.failed(refused())
      outage.succeeded()
      pass(0.5)
      outage.succeeded()
    }
    expect(lines).toEqual([begun])
  })

  test('leaves out nothing else: other errors, other lines, and all that comes after it', () => {
    const { outage, parts, lines, pass } = anOutage()
    outage.failed(refused())
    parts.error({ err: new Error('a defect') }, 'one')
    parts.info({ requestId: 'r' }, 'request')
    parts.warn({ reason: 'x' }, 'two')
    pass(2)
    outage.succeeded()
    parts.error({ err: refused() }, 'three')
    expect(lines.map(({ msg }) => msg)).toEqual([
      begun.msg,
      'one',
      'request',
      'two',
      'the database is back',
      begun.msg,
    ])
  })

  test.each(['57014', '40001', '40P01', '55P03', '23505'])(
    'is not what a single statement meets: %s',
    (code) => {
      const { outage, parts, lines } = anOutage()
      const error = Object.assign(new Error('statement'), { code })
      outage.failed(error)
      parts.error({ err: error }, 'failed')
      expect(lines.map(({ msg }) => msg)).toEqual(['failed'])
    },
  )
})
