import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  endpointLengthMax,
  isP256Point,
  isPushEndpoint,
  pushServiceHosts,
  pushServiceOf,
  readWebPushToken,
  senderAt,
  webPushToken,
} from '../../src/domain/push-subscription.ts'

const mozilla = 'https://updates.push.services.mozilla.com/wpush/v2/gAAAAABn'
const serviceOf = (endpoint: string) => pushServiceOf(endpoint, pushServiceHosts)

describe('an endpoint', () => {
  test.each([
    [mozilla, 'updates.push.services.mozilla.com'],
    ['https://fcm.googleapis.com/fcm/send/abc:APA91b', 'fcm.googleapis.com'],
    ['https://web.push.apple.com/QGu8', '*.push.apple.com'],
    ['https://wns2-par02p.notify.windows.com/w/?token=BQYA%2bx', '*.notify.windows.com'],
  ])('%s belongs to a push service of a browser', (endpoint, service) => {
    expect(isPushEndpoint(endpoint)).toBe(true)
    expect(serviceOf(endpoint)).toBe(service)
  })

  test.each([
    ['plain http', 'http://fcm.googleapis.com/a'],
    ['another port', 'https://fcm.googleapis.com:8443/a'],
    ['the port in full', 'https://fcm.googleapis.com:443/a'],
    ['user info', 'https://user@fcm.googleapis.com/a'],
    ['a password', 'https://:secret@fcm.googleapis.com/a'],
    ['a fragment', 'https://fcm.googleapis.com/a#b'],
    ['an empty fragment', 'https://fcm.googleapis.com/a#'],
    ['a host in upper case', 'https://FCM.googleapis.com/a'],
    ['a host in full-width letters', 'https://ｆcm.googleapis.com/a'],
    ['a host in letters of another script', 'https://fсm.googleapis.com/a'],
    ['a backslash', 'https://fcm.googleapis.com\\@example.com/a'],
    ['a line feed', 'https://fcm.googleapis.com/a\n'],
    ['an address in octal', 'https://0177.0.0.1/a'],
    ['dots to be removed', 'https://fcm.googleapis.com/a/../b'],
    ['no host', 'https://'],
    ['another scheme', 'wss://fcm.googleapis.com/a'],
    ['no URL at all', 'fcm.googleapis.com'],
    ['too many characters', `${mozilla}${'a'.repeat(endpointLengthMax)}`],
  ])('with %s is none', (_name, endpoint) => {
    expect(isPushEndpoint(endpoint)).toBe(false)
    expect(serviceOf(endpoint)).toBeUndefined()
  })

  test.each([
    'https://127.0.0.1/a',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/a',
    'https://localhost/a',
    'https://example.com/a',
    'https://fcm.googleapis.com.example.com/a',
    'https://notfcm.googleapis.com/a',
    'https://fcm.googleapis.com./a',
    'https://push.apple.com/a',
    'https://.push.apple.com/a',
    'https://webpush.apple.com/a',
    'https://push.apple.com.example.com/a',
  ])('at %s belongs to no push service', (endpoint) => {
    expect(serviceOf(endpoint)).toBeUndefined()
  })

  test('belongs to a push service that the operator allows, by its exact name', () => {
    const hosts = [...pushServiceHosts, 'push.example.com']
    expect(pushServiceOf('https://push.example.com/a', hosts)).toBe('push.example.com')
    expect(pushServiceOf('https://a.push.example.com/a', hosts)).toBeUndefined()
  })

  test('is as long as it may be', () => {
    const endpoint = mozilla.padEnd(endpointLengthMax, 'a')
    expect(isPushEndpoint(endpoint)).toBe(true)
    expect(isPushEndpoint(`${endpoint}a`)).toBe(false)
  })
})

describe('a key of a browser', () => {
  const aPoint = () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return publicKey.export({ type: 'spki', format: 'der' }).subarray(-65)
  }

  test('is a point of the curve', () => {
    for (let count = 0; count < 20; count++) expect(isP256Point(aPoint())).toBe(true)
  })

  test('is none with a bit changed, in another form, or with coordinates beyond the field', () => {
    const point = aPoint()
    fc.assert(
      fc.property(fc.integer({ min: 8, max: 65 * 8 - 1 }), (bit) => {
        const changedPoint = Buffer.from(point)
        changedPoint[bit >> 3] = (changedPoint[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(isP256Point(changedPoint)).toBe(false)
      }),
      { numRuns: 50 },
    )
    expect(isP256Point(point.subarray(0, 64))).toBe(false)
    expect(isP256Point(Buffer.concat([Buffer.from([2]), point.subarray(1)]))).toBe(false)
    expect(isP256Point(Buffer.alloc(65, 4))).toBe(false)
  })

  test('is none with a coordinate that is not below the prime', () => {
    const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn
    const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
    const y = powerOf(b, (p + 1n) / 4n, p)
    const pointAt = (x: bigint, yOf: bigint) =>
      Buffer.from(
        `04${x.toString(16).padStart(64, '0')}${yOf.toString(16).padStart(64, '0')}`,
        'hex',
      )
    expect(isP256Point(pointAt(0n, y))).toBe(true)
    expect(isP256Point(pointAt(p, y))).toBe(false)
    // Few points have a y that leaves room for the prime in 32 bytes; this one was computed.
    const x = 0xd7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7n
    expect(isP256Point(pointAt(x, 5n))).toBe(true)
    expect(isP256Point(pointAt(x, 5n + p))).toBe(false)
  })
})

function powerOf(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n, base % modulus]
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

test('the address of the sender is the origin of the service, unless only this machine reaches it', () => {
  expect(senderAt('https://approve.example.com')).toBe('https://approve.example.com')
  const local = [
    'http://localhost:8080',
    'https://localhost',
    'https://approve.local',
    'https://a.localhost',
    'http://approve.example.com',
    'https://[::1]',
  ]
  for (const origin of local) expect(senderAt(origin)).toBeNull()
})

test('a token holds all that a push needs, and nothing else', () => {
  const keys = { p256dh: 'a', auth: 'b' }
  const target = { endpoint: mozilla, keys, vapidKey: 'c' }
  expect(readWebPushToken(webPushToken(target))).toEqual(target)
  const more = { ...target, keys: { ...keys, other: 'd' }, expirationTime: null }
  expect(webPushToken(more)).toBe(webPushToken(target))
})
