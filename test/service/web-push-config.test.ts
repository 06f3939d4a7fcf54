import { describe, expect, test } from 'vitest'
import { pushServiceHosts, pushServiceOf } from '../../src/domain/push-subscription.ts'
import { readConfig } from '../../src/service/config.ts'

const webPushOf = (environment: Record<string, string>) => readConfig(environment).webPush

describe('pushes to browsers', () => {
  test('go to the push services of the known browsers when nothing is set', () => {
    expect(webPushOf({})).toEqual({ hosts: pushServiceHosts, subject: null })
  })

  test('go to those that the operator names as well', () => {
    const { hosts } = webPushOf({ WEB_PUSH_HOSTS: 'push.example.com, *.example.org' })
    expect(pushServiceOf('https://fcm.googleapis.com/a', hosts)).toBe('fcm.googleapis.com')
    expect(pushServiceOf('https://push.example.com/a', hosts)).toBe('push.example.com')
    expect(pushServiceOf('https://a.example.org/a', hosts)).toBe('*.example.org')
  })

  test.each([
    '*',
    '*.',
    'https://push.example.com',
    'push.example.com:8443',
    'Push.example.com',
    'a.*.example.com',
    'localhost',
    'push.example.com/a',
    'push.example.com,,',
  ])('go to no host that is written as %s', (hosts) => {
    expect(() => webPushOf({ WEB_PUSH_HOSTS: hosts })).toThrow('WEB_PUSH_HOSTS: must be host names')
  })

  test('name the operator by a mail address or a page', () => {
    for (const subject of ['mailto:ops@example.com', 'https://example.com/contact']) {
      expect(webPushOf({ WEB_PUSH_SUBJECT: subject }).subject).toBe(subject)
    }
    const others = [
      'ops@example.com',
      'mailto:ops',
      'mailto: ops@example.com',
      'http://example.com',
    ]
    for (const subject of [...others, 'mailto:<ops@example.com>']) {
      expect(() => webPushOf({ WEB_PUSH_SUBJECT: subject })).toThrow('WEB_PUSH_SUBJECT: must be')
    }
  })

  test('go through the proxy for pushes, and to another address for tests', () => {
    const config = webPushOf({ PUSH_PROXY: 'http://proxy:3128', WEB_PUSH_ADDRESS: '127.0.0.1:9' })
    expect(config).toMatchObject({
      proxy: { host: 'proxy', port: 3128 },
      address: { host: '127.0.0.1', port: 9 },
    })
  })
})
