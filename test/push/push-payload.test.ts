import { describe, expect, test } from 'vitest'
import { toApnsPush, toFcmMessage } from '../../src/push/push-payload.adapter.ts'
import { aPush } from './push-gateway.ts'

const message = aPush({
  deliveryId: 'dlv_01h455vb4pex5vsknk084sn02q',
  challengeId: 'chl_01h455vb4pex5vsknk084sn02r',
  deviceId: 'dev_01h455vb4pex5vsknk084sn02s',
  expiresAt: new Date('2027-01-01T00:02:00.900Z'),
})
const closedMessage = { ...message, kind: 'challenge_closed' } as const
const ids = { cid: message.challengeId, did: message.deviceId, o: message.originHash }

const about = { ...message, challengeId: null }
const news = {
  ...about,
  kind: 'activity_recorded',
  activityId: 'act_01h455vb4pex5vsknk084sn02t',
} as const
const testMessage = { ...about, kind: 'test' } as const

describe('the text that a phone shows where the app has none', () => {
  const alertOf = (...[push]: Parameters<typeof toApnsPush>) =>
    toApnsPush(push).rawPayload.aps.alert

  test.each([
    [['nl'], 'Aanmelding'],
    [['nl-BE', 'en'], 'Aanmelding'],
    [['tlh', 'nl'], 'Aanmelding'],
    [['en-GB', 'nl'], 'Sign-in request'],
    [['tlh'], 'Sign-in request'],
    [[], 'Sign-in request'],
  ])('is in the first language of %j that there is', (languages, title) => {
    expect(alertOf({ ...message, languages })).toMatchObject({ title })
  })

  test.each([message, closedMessage, news, testMessage, { ...news, more: 7 }])(
    'is all that the language changes: $kind',
    (push) => {
      const [english, dutch] = ['en', 'nl'].map((language) =>
        toApnsPush({ ...push, languages: [language] }),
      )
      const { title, body, ...rest } = alertOf({ ...push, languages: ['nl'] }) as Record<
        string,
        unknown
      >
      expect(rest).toHaveProperty('title-loc-key')
      const alert = { ...(english?.rawPayload.aps.alert as object), title, body }
      expect(dutch).toEqual({
        ...english,
        rawPayload: { ...english?.rawPayload, aps: { ...english?.rawPayload.aps, alert } },
      })
      expect(dutch).not.toEqual(english)
      const toGoogle = (languages: string[]) =>
        toFcmMessage({ ...push, languages }, new Date('2027-01-01T00:00:00Z'))
      expect(toGoogle(['nl'])).toEqual(toGoogle(['en']))
    },
  )

  test('counts in the plural form of the language', () => {
    const bodyOf = (more: number) => alertOf({ ...news, more, languages: ['nl'] })
    expect(bodyOf(1)).toMatchObject({ body: expect.stringMatching(/^Nog 1 gebeurtenis\./) })
    expect(bodyOf(2)).toMatchObject({ body: expect.stringMatching(/^Nog 2 gebeurtenissen\./) })
  })
})

describe('the payload for APNs', () => {
  test('news about the account is an id and a generic text, and stays within a Focus', () => {
    const { rawPayload, collapseId, priority } = toApnsPush(news)
    const { aps, ...own } = rawPayload
    expect(own).toEqual({ v: 1, aid: news.activityId, did: ids.did, o: ids.o })
    expect(aps).toMatchObject({
      alert: { 'title-loc-key': 'ACTIVITY_TITLE', 'loc-key': 'ACTIVITY_BODY' },
      category: 'ACCOUNT_ACTIVITY',
      'interruption-level': 'active',
    })
    expect([collapseId, priority]).toEqual([news.activityId, 10])
    const other = { ...news, activityId: 'act_01h455vb4pex5vsknk084sn02u' }
    expect(toApnsPush(other).rawPayload.aps).toEqual(aps)
  })

  test('a batched push says how many activities it is about, and nothing else', () => {
    const { rawPayload } = toApnsPush({ ...news, more: 7 })
    const { aps, ...own } = rawPayload
    expect(own).toEqual({ v: 1, aid: news.activityId, more: 7, did: ids.did, o: ids.o })
    expect(aps).toMatchObject({
      alert: {
        body: '7 more events. Open the app to see what happened.',
        'loc-key': 'ACTIVITY_MORE_BODY',
        'loc-args': ['7'],
      },
      category: 'ACCOUNT_ACTIVITY',
      sound: 'default',
    })
    expect(toFcmMessage({ ...news, more: 7 }, new Date()).data).toMatchObject({ more: '7' })
  })

  test('a test says which one it is and contains nothing else', () => {
    const { rawPayload, collapseId } = toApnsPush(testMessage)
    const { aps, ...own } = rawPayload
    expect(own).toEqual({ v: 1, pid: testMessage.deliveryId, did: ids.did, o: ids.o })
    expect(aps).toMatchObject({ category: 'TEST_PUSH', 'interruption-level': 'active' })
    expect(collapseId).toBe(testMessage.deliveryId)
  })

  test('the payload is the four opaque ids and one generic text, nothing else', () => {
    const { aps, ...own } = toApnsPush(message).rawPayload
    expect(own).toEqual({ v: 1, ...ids })
    expect(Object.keys(aps).sort()).toEqual([
      'alert',
      'category',
      'interruption-level',
      'mutable-content',
      'sound',
      'thread-id',
    ])
    const other = aPush({ kind: message.kind, deviceId: message.deviceId })
    expect(toApnsPush(other).rawPayload.aps).toEqual(aps)
  })

  test('a prompt breaks through a Focus, makes a sound, and has its text by key with a plain fallback', () => {
    expect(toApnsPush(message)).toMatchObject({ pushType: 'alert', priority: 10 })
    expect(toApnsPush(message).rawPayload.aps).toMatchObject({
      alert: {
        'title-loc-key': 'SIGNIN_APPROVAL_TITLE',
        'loc-key': 'SIGNIN_APPROVAL_BODY',
        title: expect.stringMatching(/./),
        body: expect.stringMatching(/./),
      },
      category: 'SIGNIN_APPROVAL',
      'interruption-level': 'time-sensitive',
      'mutable-content': 1,
      sound: 'default',
      'thread-id': message.deviceId,
    })
  })

  test('"already answered" replaces the prompt: same collapse id, passive, no sound, priority 5', () => {
    const [prompt, closing] = [toApnsPush(message), toApnsPush(closedMessage)]
    expect(closing).toMatchObject({ collapseId: prompt.collapseId, pushType: 'alert', priority: 5 })
    expect(closing.rawPayload.aps).toMatchObject({
      alert: { body: 'This sign-in request is over.', 'loc-key': 'SIGNIN_CLOSED_BODY' },
      'interruption-level': 'passive',
    })
    expect(closing.rawPayload.aps).not.toHaveProperty('sound')
    expect(closing.rawPayload.aps).not.toHaveProperty('mutable-content')
    expect(closing.rawPayload).toMatchObject({ v: 1, ...ids })
  })

  test('a repeated delivery has the same apns-id, the UUID inside the delivery id', () => {
    expect(toApnsPush(message).id).toBe('01890a5d-ac96-774b-bcce-b302099a8057')
    expect(toApnsPush({ ...message }).id).toBe(toApnsPush(message).id)
    expect(toApnsPush(aPush()).id).not.toBe(toApnsPush(message).id)
  })

  test('a delivery id without a UUID is refused, not sent under an id that Apple makes up', () => {
    expect(() => toApnsPush({ ...message, deliveryId: `${message.challengeId}` })).toThrow()
    expect(() => toApnsPush({ ...message, deliveryId: 'dlv_1' })).toThrow()
  })

  test('the collapse id is the challenge id and fits the 64 bytes that Apple allows', () => {
    const { collapseId } = toApnsPush(message)
    expect(collapseId).toBe(message.challengeId)
    expect(Buffer.byteLength(collapseId)).toBeLessThanOrEqual(64)
  })

  test('APNs may not deliver after the challenge has expired, not even in the same second', () => {
    const expiryMs = toApnsPush(message).expiry * 1000
    expect(expiryMs).toBe(Date.parse('2027-01-01T00:02:00Z'))
    expect(expiryMs).toBeLessThanOrEqual(message.expiresAt.getTime())
  })
})

describe('the payload for FCM', () => {
  const now = new Date('2027-01-01T00:00:30.400Z')

  test('the message is data only: the four opaque ids, the kind and the absolute expiry, all strings', () => {
    const { data, ...rest } = toFcmMessage(message, now)
    expect(data).toEqual({
      v: '1',
      ...ids,
      kind: 'challenge_opened',
      exp: String(Date.parse('2027-01-01T00:02:00Z') / 1000),
    })
    expect(Object.keys(rest).sort()).toEqual(['android', 'token'])
  })

  test('FCM gives up when the challenge expires', () => {
    expect(toFcmMessage(message, now).android?.ttl).toBe(90_500)
    const late = new Date(message.expiresAt.getTime() + 1)
    expect(toFcmMessage(message, late).android?.ttl).toBe(0)
  })

  test('news and tests are data only, too', () => {
    const { did, o } = ids
    const own = { v: '1', did, o, exp: expect.any(String) }
    expect(toFcmMessage(news, now)).toEqual({
      ...toFcmMessage(closedMessage, now),
      data: { ...own, aid: news.activityId, kind: 'activity_recorded' },
    })
    expect(toFcmMessage(testMessage, now).data).toEqual({
      ...own,
      pid: testMessage.deliveryId,
      kind: 'test',
    })
    expect(toFcmMessage(testMessage, now).android?.priority).toBe('high')
  })

  test('only the prompt wakes the phone', () => {
    expect(toFcmMessage(message, now).android?.priority).toBe('high')
    expect(toFcmMessage(closedMessage, now).android?.priority).toBe('normal')
    expect(toFcmMessage(closedMessage, now).data).toMatchObject({
      ...ids,
      kind: 'challenge_closed',
    })
  })

  test('prompts are not collapsible, so unknown initiators cannot delay or replace the owner’s', () => {
    expect(toFcmMessage(message, now).android).not.toHaveProperty('collapseKey')
    expect(toFcmMessage(closedMessage, now).android).not.toHaveProperty('collapseKey')
  })

  test('a token of another app is refused by FCM', () => {
    const { restrictedPackageName } = toFcmMessage(message, now).android ?? {}
    expect(restrictedPackageName).toBe(message.address.appId)
  })
})
