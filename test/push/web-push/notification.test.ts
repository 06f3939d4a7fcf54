import { describe, expect, test } from 'vitest'
import type { PushMessage } from '../../../src/push/push.store.ts'
import { toWebPush } from '../../../src/push/web-push/notification.ts'
import { aPush } from '../push-gateway.ts'

const now = new Date('2026-01-01T12:00:00Z')
const page = 'https://approve.example.com/authenticator/'
const challengeId = 'chl_01jv9z3k8we2tvn4qh6yrx7b5c'
const chainId = 'chl_01jv9z3k8we2tvn4qh6yrx7b5d' as NonNullable<PushMessage['chainId']>
const activityId = 'act_01jv9z3k8we2tvn4qh6yrx7b5c'

function pushOf(more: Parameters<typeof aPush>[0]) {
  const expiresAt = new Date(now.getTime() + 60_500)
  const push = toWebPush(aPush({ challengeId, expiresAt, ...more }), now, page)
  return { ...push, ...JSON.parse(push.text) }
}

describe('a push to a browser', () => {
  test('is a declarative message with a text, a page to open and opaque ids', () => {
    const message = aPush({ challengeId, expiresAt: new Date(now.getTime() + 60_500) })
    const { headers, text } = toWebPush(message, now, page)
    expect(JSON.parse(text)).toEqual({
      web_push: 8030,
      notification: {
        title: 'Sign-in request',
        body: 'Open the app to check it.',
        lang: 'en',
        dir: 'ltr',
        navigate: page,
        tag: challengeId,
        silent: false,
        data: {
          v: 1,
          cid: challengeId,
          did: message.deviceId,
          o: message.originHash,
          kind: 'challenge_opened',
          exp: Math.floor(message.expiresAt.getTime() / 1000),
        },
      },
    })
    expect(headers).toEqual({
      ttl: '60',
      urgency: 'high',
      topic: expect.stringMatching(/^[A-Za-z0-9_-]{32}$/),
    })
  })

  test.each([
    ['challenge_opened', 'high', false],
    ['challenge_closed', 'normal', true],
    ['activity_recorded', 'normal', false],
    ['test', 'high', false],
  ] as const)('%s shows a text, in %s urgency', (kind, urgency, silent) => {
    for (const language of ['en', 'nl']) {
      const { headers, notification } = pushOf({ kind, languages: [language] })
      expect(headers.urgency).toBe(urgency)
      expect(notification).toMatchObject({ silent, lang: language })
      expect(notification.title).toMatch(/./)
      expect(notification.body).toMatch(/./)
    }
  })

  test('has one topic and one tag for all questions of a chain, and others for another', () => {
    const first = pushOf({ challengeId: chainId })
    const second = pushOf({ challengeId, chainId })
    expect(second.headers.topic).toBe(first.headers.topic)
    expect(second.notification).toMatchObject({ tag: chainId, data: { cid: challengeId } })
    expect(pushOf({}).headers.topic).not.toBe(first.headers.topic)
  })

  test('about an activity or a test is named by that', () => {
    const activity = pushOf({ kind: 'activity_recorded', challengeId: null, activityId })
    expect(activity.notification).toMatchObject({ tag: activityId, data: { aid: activityId } })
    const deliveryId = 'dlv_01jv9z3k8we2tvn4qh6yrx7b5c'
    const test = pushOf({ kind: 'test', challengeId: null, deliveryId })
    expect(test.notification).toMatchObject({ tag: deliveryId, data: { pid: deliveryId } })
  })

  test('about several activities says how many', () => {
    const digest = { kind: 'activity_recorded', challengeId: null, activityId, more: 7 } as const
    const { notification } = pushOf(digest)
    expect(notification.body).toBe('7 more events. Open the app to see what happened.')
    expect(notification.data.more).toBe(7)
  })

  test('that is late by a moment is not kept by its push service', () => {
    const expiresAt = new Date(now.getTime() - 1)
    expect(pushOf({ expiresAt }).headers.ttl).toBe('0')
  })
})
