import { importJWK, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { isP256Point } from '../../../src/domain/push-subscription.ts'
import {
  buildVapidHeaders,
  createVapidKey,
  readVapidKey,
} from '../../../src/push/web-push/vapid.ts'

const origin = 'https://updates.push.services.mozilla.com'
const hourMs = 60 * 60 * 1000
const aKey = () => {
  const { publicKey, privateText } = createVapidKey()
  return readVapidKey(publicKey, privateText)
}
const partsOf = (header: string) => /^vapid t=(.+), k=(.+)$/.exec(header)?.slice(1) ?? []

describe('the header of the sender', () => {
  test('is a token of ES256 for this push service alone, under the key that it names', async () => {
    const key = aKey()
    const subject = 'mailto:ops@example.com'
    const header = buildVapidHeaders(subject, Date.now).of(key, origin)
    const [token = '', point = ''] = partsOf(header)
    expect(point).toBe(key.publicKey)
    const bytes = Buffer.from(point, 'base64url')
    expect(isP256Point(bytes)).toBe(true)
    const [x, y] = [bytes.subarray(1, 33), bytes.subarray(33)].map((part) =>
      part.toString('base64url'),
    )
    const publicKey = await importJWK({ kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' }, 'ES256')
    const { payload, protectedHeader } = await jwtVerify(token, publicKey, { audience: origin })
    expect(protectedHeader).toEqual({ typ: 'JWT', alg: 'ES256' })
    expect(payload).toEqual({ aud: origin, sub: subject, exp: expect.any(Number) })
    const leftHours = ((payload.exp ?? 0) * 1000 - Date.now()) / hourMs
    expect(Math.round(leftHours)).toBe(12)
  })

  test('stays the same for hours, and is replaced an hour before it ends', () => {
    let nowMs = Date.now()
    const headers = buildVapidHeaders(null, () => nowMs)
    const key = aKey()
    const first = headers.of(key, origin)
    nowMs += 10.9 * hourMs
    expect(headers.of(key, origin)).toBe(first)
    nowMs += 0.2 * hourMs
    expect(headers.of(key, origin)).not.toBe(first)
  })

  test('differs by push service and by key, and is made anew when it was refused', () => {
    const headers = buildVapidHeaders(null, Date.now)
    const [key, other] = [aKey(), aKey()]
    const first = headers.of(key, origin)
    expect(headers.of(other, origin)).not.toBe(first)
    expect(headers.of(key, 'https://web.push.apple.com')).not.toBe(first)
    headers.forget(key, origin)
    // Signatures of ES256 are random.
    expect(headers.of(key, origin)).not.toBe(first)
  })

  test('is forgotten for the push service of the longest ago, beyond 256 of them', () => {
    const headers = buildVapidHeaders(null, Date.now)
    const key = aKey()
    const first = headers.of(key, origin)
    for (let count = 0; count < 256; count++) headers.of(key, `https://${count}.push.apple.com`)
    expect(headers.of(key, origin)).not.toBe(first)
  })

  test('names nobody when there is no address of the operator', () => {
    const [token = ''] = partsOf(buildVapidHeaders(null, Date.now).of(aKey(), origin))
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(Object.keys(payload).toSorted()).toEqual(['aud', 'exp'])
  })
})
