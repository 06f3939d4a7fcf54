import { describe, expect, test } from 'vitest'
import { activityTypes } from '../../src/domain/activity.ts'
import {
  carriesResult,
  type EventChallenge,
  eventsOf,
  isDense,
  staleAt,
  subscribedEventTypes,
  type WebhookFact,
} from '../../src/domain/webhook-event.ts'
import { webhookEventBodies } from '../../src/webhooks/webhook-event.schemas.ts'

const at = new Date('2026-01-31T12:00:00Z')
const challenge: EventChallenge = {
  userId: 'usr_1',
  status: 'approved',
  reason: null,
  deliveryMode: 'push',
  binding: 'session',
  idempotencyKey: 'mine',
  createdAt: at,
  expiresAt: new Date(at.getTime() + 120_000),
  decidedAt: at,
  decidedDeviceId: 'dev_1',
}
const fact: WebhookFact = {
  tenantId: 'tnt_1',
  kind: 'activity',
  userId: 'usr_1',
  activityId: 'act_1',
  activityType: 'device_renamed',
  severity: 'info',
  challengeId: null,
  deviceId: 'dev_1',
  enrollmentId: null,
  reason: null,
  ownerRpId: 'rp_owner',
  viewerRpIds: ['rp_owner', 'rp_viewer'],
  occurredAt: at,
  occurredAtMicros: at.getTime() * 1000,
  challenge: null,
}
const about = (activityType: string, more: Partial<WebhookFact> = {}) =>
  eventsOf({ ...fact, activityType, ...more })
const ofChallenge = { challengeId: 'chl_1', challenge } as const
const kind = (one: WebhookFact['kind'], more: Partial<WebhookFact> = {}) => {
  const none = { activityId: null, activityType: null, severity: null }
  return eventsOf({ ...fact, kind: one, ...none, ...more })
}

const everything = [
  ...activityTypes.flatMap((type) => about(type, { ...ofChallenge, enrollmentId: 'enr_1' })),
  ...kind('challenge_fetched', ofChallenge),
  ...kind('push_sent', ofChallenge),
  ...kind('push_failed', { ...ofChallenge, reason: 'BadDeviceToken' }),
  ...kind('push_token_lost'),
]

test('every type of event has a source', () => {
  expect(new Set(everything.map(({ type }) => type))).toEqual(new Set(subscribedEventTypes))
})

test('every event contains what its schema says, and no more', () => {
  for (const { type, data, occurredAt } of everything) {
    const result = carriesResult(type) ? { result: 'eyJ...' } : {}
    const body = { type, timestamp: occurredAt.toISOString(), data: { ...data, ...result } }
    const schema = webhookEventBodies.get(type)
    expect(() => schema?.parse(body), type).not.toThrow()
    expect(Object.keys(body.data).toSorted(), type).toEqual(
      Object.keys(schema?.shape.data.shape ?? {}).toSorted(),
    )
  }
})

describe('the subscribers', () => {
  test('of a challenge or an enrollment: the relying party that asked', () => {
    for (const { type, rpIds } of everything) {
      const own = /^(challenge|enrollment)\./.test(type)
      if (own) expect(rpIds, type).toEqual(['rp_owner'])
    }
  })

  test('of a user or a device: the relying parties that could see the user', () => {
    const [event] = about('device_unregistered', { ownerRpId: null })
    expect(event?.rpIds).toEqual(['rp_owner', 'rp_viewer'])
  })

  test('of a posted activity: the relying party that posted it', () => {
    expect(about('posted').map(({ rpIds }) => rpIds)).toEqual([['rp_owner']])
  })

  test('none, when there is no owner', () => {
    expect(about('posted', { ownerRpId: null })[0]?.rpIds).toEqual([])
  })
})

test('a creation is reported as it was, whatever became of the challenge since', () => {
  const [creation] = about('challenge_created', ofChallenge)
  expect(creation?.data).toMatchObject({
    status: 'pending',
    decidedAt: null,
    decidedDeviceId: null,
  })
  const endedChallenge = { ...challenge, status: 'expired', decidedAt: null } as const
  const [expiration] = about('challenge_expired', { ...ofChallenge, challenge: endedChallenge })
  expect(expiration?.data).toMatchObject({ status: 'expired', decidedAt: null })
})

test('of a challenge that is gone only the activity is reported', () => {
  expect(about('challenge_approved').map(({ type }) => type)).toEqual(['activity.recorded'])
  expect(kind('push_sent')).toEqual([])
})

test('an event that a client waits for is stale a minute after the later of challenge and event', () => {
  const ends = new Date(at.getTime() + 120_000)
  expect(isDense('challenge.approved') && isDense('webhook.test')).toBe(true)
  expect(staleAt('challenge.approved', at, ends)).toEqual(new Date(ends.getTime() + 60_000))
  expect(staleAt('challenge.expired', ends, at)).toEqual(new Date(ends.getTime() + 60_000))
  expect(staleAt('webhook.test', at, null)).toEqual(new Date(at.getTime() + 60_000))
  expect(staleAt('device.registered', at, null)).toEqual(new Date(at.getTime() + 4 * 86_400_000))
})
