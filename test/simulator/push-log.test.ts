import { expect, test } from 'vitest'
import { PushLog } from '../../simulator/push-log.ts'
import type { PushDraft } from '../../simulator/pushes.ts'

function draft(token: string): PushDraft {
  const sharedFacts = { id: 'x', token, appId: 'a', expiresAt: 1, at: 0, data: {} }
  return { ...sharedFacts, provider: 'fcm', priority: 'high', ttlSeconds: 1 }
}

test('the log keeps the newest entries and counts all of them', () => {
  const log = new PushLog(3)
  for (let count = 0; count < 20; count += 1) {
    log.accept(draft(`t${count}`))
    log.record({ at: 0, provider: 'fcm', status: 200, token: `t${count}` })
  }
  expect(log.acceptedPushes().map((push) => push.token)).toEqual(['t17', 't18', 't19'])
  expect(log.exchanges().map((exchange) => exchange.token)).toEqual(['t17', 't18', 't19'])
  expect(log.counts()).toMatchObject({ accepted: 20, fcm: { answered: { ok: 20 } } })
})

test('sequences go on when the log is cleared, so that a reader misses nothing', () => {
  const log = new PushLog(10)
  const first = log.accept(draft('a'))
  log.clear()
  log.accept(draft('b'))
  expect(log.acceptedPushes()).toHaveLength(1)
  expect(log.since(first.sequence).map((push) => push.token)).toEqual(['b'])
  expect(log.counts().accepted).toBe(1)
})

test('exchanges are found by any of their fields', () => {
  const log = new PushLog(10)
  log.record({ at: 0, provider: 'apns', status: 410, reason: 'Unregistered', token: 'a' })
  log.record({ at: 0, provider: 'apns', status: 0, fault: 'stall' })
  log.record({ at: 0, provider: 'oauth', status: 200 })
  expect(log.exchanges({ provider: 'apns' })).toHaveLength(2)
  expect(log.exchanges({ provider: 'apns', status: 410 })).toHaveLength(1)
  expect(log.counts().apns.answered).toEqual({ Unregistered: 1, none: 1 })
})
