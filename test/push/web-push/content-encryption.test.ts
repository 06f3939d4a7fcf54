import { createECDH, randomBytes } from 'node:crypto'
import ece from 'http_ece'
import { describe, expect, test } from 'vitest'
import { decrypt } from '../../../simulator/web-push-request.ts'
import { bodyBytesMax, encryptFor } from '../../../src/push/web-push/content-encryption.ts'

function aBrowser() {
  const pair = createECDH('prime256v1')
  const p256dh = pair.generateKeys().toString('base64url')
  const auth = randomBytes(16).toString('base64url')
  const endpoint = 'https://updates.push.services.mozilla.com/wpush/v2/a'
  return { pair, auth, subscription: { endpoint, keys: { p256dh, auth } } }
}
const text = JSON.stringify({ title: 'Aanmeldverzoek €' })

describe('an encrypted push', () => {
  test('is read by an implementation of others', () => {
    const { pair, auth, subscription } = aBrowser()
    const parameters = { version: 'aes128gcm', privateKey: pair, authSecret: auth } as const
    expect(ece.decrypt(encryptFor(subscription, text), parameters).toString()).toBe(text)
  })

  test('has its key, its salt and its text for itself', () => {
    const { subscription } = aBrowser()
    const [one, other] = [encryptFor(subscription, text), encryptFor(subscription, text)]
    expect(one.subarray(0, 16)).not.toEqual(other.subarray(0, 16))
    expect(one.subarray(21, 86)).not.toEqual(other.subarray(21, 86))
    expect(one.includes('Aanmeldverzoek')).toBe(false)
  })

  test('takes 103 bytes more than its text, and at most what every push service accepts', () => {
    const { subscription } = aBrowser()
    expect(encryptFor(subscription, '').length).toBe(103)
    expect(encryptFor(subscription, 'a'.repeat(bodyBytesMax - 103)).length).toBe(bodyBytesMax)
    expect(() => encryptFor(subscription, 'a'.repeat(bodyBytesMax - 102))).toThrow(/too long/)
  })
})

describe('the browsers of the simulator', () => {
  test('read what an implementation of others encrypts', () => {
    const { pair, auth, subscription } = aBrowser()
    const body = ece.encrypt(Buffer.from(text), {
      version: 'aes128gcm',
      privateKey: createSender(),
      dh: subscription.keys.p256dh,
      authSecret: auth,
    })
    expect(decrypt({ pair, auth: Buffer.from(auth, 'base64url') }, body)).toBe(text)
  })

  test('read the example of RFC 8291, appendix A', () => {
    const pair = createECDH('prime256v1')
    pair.setPrivateKey('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'base64url')
    const auth = Buffer.from('BTBZMqHH6r4Tts7J_aSIgg', 'base64url')
    const body =
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz' +
      'AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN'
    expect(decrypt({ pair, auth }, Buffer.from(body, 'base64url'))).toBe(
      'When I grow up, I want to be a watermelon',
    )
  })

  test('read nothing that was encrypted for others or changed', () => {
    const [mine, theirs] = [aBrowser(), aBrowser()]
    const keysOf = ({ pair, auth }: ReturnType<typeof aBrowser>) => ({
      pair,
      auth: Buffer.from(auth, 'base64url'),
    })
    const body = encryptFor(mine.subscription, text)
    expect(decrypt(keysOf(mine), body)).toBe(text)
    expect(decrypt(keysOf(theirs), body)).toBeUndefined()
    body[body.length - 1] = (body.at(-1) ?? 0) ^ 1
    expect(decrypt(keysOf(mine), body)).toBeUndefined()
  })
})

function createSender() {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  return pair
}
