// What of a report on pushes each reader gets.

import { describe, expect, test } from 'vitest'
import type { PushReport } from '../../src/push/doctor/read-pushes.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { anApp, anId, at, bearer, portalSession, publicOrigin } from '../platform/http/fixtures.ts'

const later = (ms: number) => new Date(at.getTime() + ms)
const report: PushReport = {
  pushes: [
    {
      id: anId('delivery'),
      kind: 'challenge_opened',
      status: 'sent',
      failure: null,
      reason: null,
      attempts: 2,
      queuedAt: at,
      sentAt: later(300),
      receivedAt: later(840),
      answeredAt: later(9_000),
    },
    {
      id: anId('delivery', '1'),
      kind: 'test',
      status: 'failed',
      failure: 'provider_misconfigured',
      reason: 'CANARY: the words of a push service',
      attempts: 1,
      queuedAt: at,
      sentAt: null,
      receivedAt: null,
      answeredAt: null,
    },
  ],
  advice: ['never_received'],
  clockSkewMs: -350,
  serverTime: at,
}
const deviceId = anId('device')
const cookie = `__Host-countersign-portal=${anId('tenant')}.${'A'.repeat(43)}`

const useCases: Partial<UseCases> = {
  readOwnPushes: async () => report,
  readPortalPushes: async () => ({ ...report, clockSkewMs: null }),
  readPushes: async () => report,
  authenticatePortal: async () => portalSession,
}

async function read(url: string, headers: Record<string, string>) {
  await using app = await anApp(useCases)
  const answer = await app.inject({ url, headers })
  expect(answer.statusCode).toBe(200)
  return answer
}

describe('a report on pushes', () => {
  const shownPush = {
    id: anId('delivery'),
    kind: 'challenge_opened',
    status: 'sent',
    attempts: 2,
    queuedAt: at.toISOString(),
    sentAt: later(300).toISOString(),
    receivedAt: later(840).toISOString(),
    answeredAt: later(9_000).toISOString(),
    failure: null,
    delayMs: 840,
  }

  test('tells a device everything but the words of push services, and its clock', async () => {
    const answer = await read('/device/v1/self/pushes', { 'device-proof': 'proof' })
    const { items, ...rest } = answer.json()
    expect(items[0]).toEqual(shownPush)
    expect(items[1]).toMatchObject({ failure: 'provider_misconfigured', delayMs: null })
    expect(rest).toEqual({
      advice: ['never_received'],
      clockSkewMs: -350,
      serverTime: at.toISOString(),
    })
    expect(answer.body).not.toContain('CANARY')
  })

  test('tells its user the same in the portal', async () => {
    const url = `/portal/v1/devices/${deviceId}/pushes`
    const answer = await read(url, { cookie, origin: publicOrigin })
    expect(answer.json()).toMatchObject({ items: [shownPush, {}], clockSkewMs: null })
    expect(answer.body).not.toContain('CANARY')
  })

  test('tells the help desk these words as well, and no challenge', async () => {
    const answer = await read(`/v1/devices/${deviceId}/pushes`, bearer)
    const { items, ...rest } = answer.json()
    expect(items).toMatchObject([
      { ...shownPush, reason: null },
      { failure: 'provider_misconfigured', reason: 'CANARY: the words of a push service' },
    ])
    expect(Object.keys(rest)).toEqual(['advice', 'serverTime'])
    expect(answer.body).not.toContain('chl_')
  })
})
