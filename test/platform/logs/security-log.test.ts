import { pino } from 'pino'
import { expect, test } from 'vitest'
import { loggerOptions } from '../../../src/platform/http/logging.ts'
import { buildSecurityLog } from '../../../src/platform/logs/security-log.ts'

function linesAt(level: string) {
  const lines: string[] = []
  const log = pino(loggerOptions(level), { write: (line: string) => void lines.push(line) })
  const event = { event: 'device_key_tampered', tenantId: 'tnt_1', deviceId: 'dev_1' } as const
  buildSecurityLog(log).write(event)
  return lines.map((line) => JSON.parse(line))
}

test('a security event is one line of a stream of its own, whatever the log level', () => {
  for (const level of ['trace', 'info', 'fatal']) {
    expect(linesAt(level)).toMatchObject([
      {
        level: 'warn',
        stream: 'security',
        event: 'device_key_tampered',
        tenantId: 'tnt_1',
        deviceId: 'dev_1',
      },
    ])
  }
})

test('disabled logging writes no security event', () => {
  expect(linesAt('silent')).toEqual([])
})
