import {
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { answerTyp } from '../../../src/domain/answer.ts'
import { readHeader } from '../../../src/domain/claims.ts'
import type { PublicJwk } from '../../../src/domain/device.ts'
import type { UnverifiedJws } from '../../../src/domain/device-proof.ts'
import { buildSealing } from '../../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../../src/platform/crypto/signatures.ts'
import type { NewSigningKey } from '../../../src/platform/world.ts'

const masterKey = Buffer.alloc(32, 7)
const signatures = buildSignatures(buildSealing({ current: masterKey }))
const tenantId = 'tnt_01h455vb4pex5vsknk084sn02q'
const header = '{"alg":"ES256","typ":"approval-response+jwt","kid":"k"}'
const payload = '{"dec":"approve"}'
// Order of the group, and prime of the field, of P-256 (NIST SP 800-186, 3.2.1.3).
const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn

const b64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')
const bytesOf = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')

function pair(): { privateKey: KeyObject; jwk: PublicJwk } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) as PublicJwk }
}

const device = pair()

function jws(headerText: string, payloadText: string, key = device.privateKey): string {
  const input = `${b64(headerText)}.${b64(payloadText)}`
  return `${input}.${b64(sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }))}`
}

function read(text: string): UnverifiedJws {
  const result = signatures.read(text, 4096)
  if (!result) throw new Error('refused')
  return result
}

/**
 * The text with its last character replaced by one that differs only in the bits that base64url
 * discards.
 */
function withTailBits(segment: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(segment.slice(-1))
  return segment.slice(0, -1) + alphabet[last + 1]
}

describe('parsing a JWS', () => {
  test('returns header, payload and the hash of exactly what is signed', () => {
    const text = jws(header, payload)
    expect(signatures.read(text, text.length)).toEqual({
      text,
      header: JSON.parse(header),
      payload: JSON.parse(payload),
      signedHash: signatures.signedHash(header, payload),
    })
  })

  test('one byte over the limit is refused', () => {
    const text = jws(header, payload)
    expect(signatures.read(text, text.length - 1)).toBeUndefined()
  })

  test('only the one strict spelling is read', () => {
    const text = jws(header, payload)
    const [h = '', y = '', s = ''] = text.split('.')
    const der = sign('sha256', Buffer.from(`${h}.${y}`), device.privateKey)
    const spellings = {
      empty: '',
      'two parts': `${h}.${y}`,
      'four parts': `${text}.${s}`,
      'no payload': `${h}..${s}`,
      'no header': `.${y}.${s}`,
      'no signature': `${h}.${y}.`,
      'newline after': `${text}\n`,
      'newline within': `${h}.${y}.${s.slice(0, 40)}\n${s.slice(40)}`,
      'carriage return': `${text}\r`,
      'space before': ` ${text}`,
      'padded signature': `${text}==`,
      'padded payload': `${h}.${y}=.${s}`,
      'standard alphabet': `${h}.${y}.${s.slice(0, 84)}+/`,
      'signature a byte short': `${h}.${y}.${b64(Buffer.from(s, 'base64url').subarray(1))}`,
      'signature in DER': `${h}.${y}.${b64(der)}`,
      'full-width letter': `${h}.${y}.${s.slice(0, 85)}Ａ`,
      'JSON serialization': JSON.stringify({ protected: h, payload: y, signature: s }),
    }
    for (const [name, spelling] of Object.entries(spellings)) {
      expect(signatures.read(spelling, 4096), name).toBeUndefined()
    }
  })

  test('trailing bits that base64url discards must be zero in each of the three parts', () => {
    const [h = '', y = '', s = ''] = jws('{"alg":"ES256" }', '{"dec": 1}').split('.')
    expect([h.length % 4, y.length % 4, s.length % 4]).not.toContain(0)
    expect(signatures.read(`${h}.${y}.${s}`, 4096)).toBeDefined()
    expect(signatures.read(`${withTailBits(h)}.${y}.${s}`, 4096)).toBeUndefined()
    expect(signatures.read(`${h}.${withTailBits(y)}.${s}`, 4096)).toBeUndefined()
    expect(signatures.read(`${h}.${y}.${withTailBits(s)}`, 4096)).toBeUndefined()
  })

  test('a part whose length encodes no whole number of bytes is refused', () => {
    const [h = '', , s = ''] = jws(header, payload).split('.')
    expect(signatures.read(`${h}.${'A'.repeat(5)}.${s}`, 4096)).toBeUndefined()
  })

  test.each([
    ['array', '[1]'],
    ['string', '"a"'],
    ['number', '1'],
    ['null', 'null'],
    ['no JSON', '{a:1}'],
    ['two values', '{} {}'],
    ['byte order mark', '\uFEFF{}'],
  ])('neither header nor payload may be other than an object: %s', (_, json) => {
    expect(signatures.read(jws(header, json), 4096)).toBeUndefined()
    expect(signatures.read(jws(json, payload), 4096)).toBeUndefined()
  })

  test('bytes that are not UTF-8 are refused, not replaced', () => {
    const [h = '', , s = ''] = jws(header, payload).split('.')
    const brokenPayload = b64(
      Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('"}')]),
    )
    expect(signatures.read(`${h}.${brokenPayload}.${s}`, 4096)).toBeUndefined()
  })

  test.each([
    ['plainly', '{"dec":"deny","dec":"approve"}'],
    ['apart', '{"dec":"deny","num":"1","dec":"approve"}'],
    ['by another spelling', '{"dec":"deny","d\\u0065c":"approve"}'],
    ['in an object within', '{"a":{"b":1,"b":1}}'],
    ['in an object within an array', '{"a":[{},{"b":1,"c":[],"b":1}]}'],
    ['after an inner object', '{"a":{"x":1},"b":{},"a":1}'],
    ['as __proto__', '{"__proto__":1,"__proto__":2}'],
  ])('a member name that is repeated %s is refused in header and payload', (_, json) => {
    expect(signatures.read(jws(header, json), 4096)).toBeUndefined()
    expect(signatures.read(jws(json, payload), 4096)).toBeUndefined()
  })

  test.each([
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    '{"a":"a","b":"\\"a\\":1,{","c":["c","c"]}',
    '{"a":"\\\\","b":1}',
    '{"a":"","":"a"}',
  ])(
    'equal names in different objects, and names within strings, are no repetition: %s',
    (json) => {
      expect(read(jws(header, json)).payload).toEqual(JSON.parse(json))
    },
  )

  test('nesting as deep as a text can be is read without stack overflow', () => {
    const depth = 20_000
    const nestedPayload = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
    expect(signatures.read(jws(header, nestedPayload), 1_000_000)).toBeDefined()
    expect(
      signatures.read(jws(header, `${nestedPayload.slice(0, -1)},"a":1}`), 1_000_000),
    ).toBeUndefined()
  })
})

describe('verifying', () => {
  test('the right key, and only it, verifies', async () => {
    const text = jws(header, payload)
    expect(await signatures.verify(read(text), device.jwk)).toBe(true)
    expect(await signatures.verify(read(text), pair().jwk)).toBe(false)
  })

  test('a change in any of the three parts is detected', async () => {
    const [h = '', y = '', s = ''] = jws(header, payload).split('.')
    const other = jws('{"alg":"ES256"}', '{"dec":"deny"}').split('.')
    for (const mixedJws of [
      `${other[0]}.${y}.${s}`,
      `${h}.${other[1]}.${s}`,
      `${h}.${y}.${other[2]}`,
    ]) {
      expect(await signatures.verify(read(mixedJws), device.jwk)).toBe(false)
    }
  })

  test('signatures outside the range of the group are no signatures', async () => {
    const [h, y, s = ''] = jws(header, payload).split('.')
    const bytes = Buffer.from(s, 'base64url')
    const zero = Buffer.alloc(32)
    for (const signature of [
      Buffer.alloc(64),
      Buffer.concat([zero, bytes.subarray(32)]),
      Buffer.concat([bytes.subarray(0, 32), zero]),
      Buffer.concat([bytesOf(n), bytesOf(n)]),
      Buffer.alloc(64, 0xff),
    ]) {
      expect(await signatures.verify(read(`${h}.${y}.${b64(signature)}`), device.jwk)).toBe(false)
    }
  })

  test('the malleated twin (r, n-s) verifies and has the same signed hash: contents identify, not the text', async () => {
    const text = jws(header, payload)
    const [h, y, s = ''] = text.split('.')
    const bytes = Buffer.from(s, 'base64url')
    const twinS = n - BigInt(`0x${bytes.toString('hex', 32)}`)
    const twin = `${h}.${y}.${b64(Buffer.concat([bytes.subarray(0, 32), bytesOf(twinS)]))}`
    expect(twin).not.toBe(text)
    expect(await signatures.verify(read(twin), device.jwk)).toBe(true)
    expect(read(twin).signedHash).toBe(read(text).signedHash)
  })

  test('the header cannot choose the algorithm: an HMAC under the public key is no signature', async () => {
    const hs256 = '{"alg":"HS256","typ":"approval-response+jwt","kid":"k"}'
    const pem = createPublicKey({ key: device.jwk, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    })
    const input = `${b64(hs256)}.${b64(payload)}`
    const mac = createHmac('sha256', pem).update(input).digest()
    const text = `${input}.${b64(Buffer.concat([mac, mac]))}`
    expect(await signatures.verify(read(text), device.jwk)).toBe(false)
  })

  test('a key that is no P-256 point verifies nothing', async () => {
    const bad = { ...device.jwk, y: device.jwk.x }
    expect(await signatures.verify(read(jws(header, payload)), bad)).toBe(false)
  })

  test('a cached key is as correct as a fresh one', async () => {
    const good = read(jws(header, payload))
    const bad = read(jws(header, payload, pair().privateKey))
    for (let i = 0; i < 3; i++) {
      expect(await signatures.verify(good, device.jwk)).toBe(true)
      expect(await signatures.verify(bad, device.jwk)).toBe(false)
    }
  })
})

describe('headers that are not exactly ours', () => {
  const kid = 'a'.repeat(43)
  const ours = { alg: 'ES256', typ: answerTyp, kid }

  test('ours is read', () => {
    expect(readHeader(answerTyp, read(jws(JSON.stringify(ours), payload)).header)).toEqual({ kid })
  })

  test.each([
    ['alg none', { ...ours, alg: 'none' }],
    ['alg HS256', { ...ours, alg: 'HS256' }],
    ['alg ES384', { ...ours, alg: 'ES384' }],
    ['alg in lower case', { ...ours, alg: 'es256' }],
    ['no alg', { typ: answerTyp, kid }],
    ['another typ', { ...ours, typ: 'device-proof+jwt' }],
    ['typ in upper case', { ...ours, typ: answerTyp.toUpperCase() }],
    ['no typ', { alg: 'ES256', kid }],
    ['crit', { ...ours, crit: ['exp'] }],
    ['b64', { ...ours, b64: false, crit: ['b64'] }],
    ['jwk', { ...ours, jwk: device.jwk }],
    ['jku', { ...ours, jku: 'https://attacker.example/keys' }],
    ['x5c', { ...ours, x5c: [] }],
    ['__proto__', JSON.parse(`{"__proto__":{},"alg":"ES256","typ":"${answerTyp}","kid":"${kid}"}`)],
    ['kid that is no thumbprint', { ...ours, kid: "' or 1=1 --" }],
    ['kid with a newline', { ...ours, kid: `${'a'.repeat(42)}\n` }],
    ['kid that is a list', { ...ours, kid: [kid] }],
  ])('%s is refused', (_, headerValue) => {
    const { header: unverifiedHeader } = read(jws(JSON.stringify(headerValue), payload))
    expect(readHeader(answerTyp, unverifiedHeader)).toBeUndefined()
  })
})

describe('thumbprints', () => {
  test('follow RFC 7638', async () => {
    const jwk: PublicJwk = {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    }
    const canonical = `{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`
    const thumbprint = createHash('sha256').update(canonical).digest('base64url')
    expect(await signatures.thumbprint(jwk)).toBe(thumbprint)
  })

  test('additional members of a key change nothing', async () => {
    const extendedKey = { ...device.jwk, use: 'enc', alg: 'RS256', key_ops: ['sign'], kid: 'x' }
    expect(await signatures.thumbprint(extendedKey)).toBe(await signatures.thumbprint(device.jwk))
  })

  test.each([
    ['off the curve', { y: device.jwk.x }],
    ['all zero', { x: b64(Buffer.alloc(32)), y: b64(Buffer.alloc(32)) }],
    ['another curve', { crv: 'P-384' }],
    ['another type', { kty: 'RSA' }],
    ['a short coordinate', { x: device.jwk.x.slice(0, 42) }],
    ['a padded coordinate', { x: `${device.jwk.x}=` }],
    ['a coordinate with a leading zero byte', { x: b64(Buffer.alloc(33)) }],
    ['non-zero tail bits', { x: withTailBits(device.jwk.x) }],
    ['a number', { x: 5 }],
    ['a missing coordinate', { y: undefined }],
  ])('there is none of a key that is %s', async (_, change) => {
    const jwk = { ...device.jwk, ...change } as PublicJwk
    expect(await signatures.thumbprint(jwk)).toBeUndefined()
  })

  test('a coordinate beyond the field has no second spelling, so a key has one thumbprint', async () => {
    const jwk = pointWithX(5n)
    const beyond = { ...jwk, x: b64(bytesOf(5n + p)) }
    expect(await signatures.thumbprint(jwk)).toBeDefined()
    expect(await signatures.thumbprint(beyond)).toBeUndefined()
  })
})

describe('signing', () => {
  let key: NewSigningKey

  beforeAll(async () => {
    key = await signatures.createKey(tenantId)
  })

  const signingKey = () => ({ tenantId, kid: key.kid, privateSealed: key.privateSealed }) as const

  test('a new key is named by its thumbprint and readable in neither half', async () => {
    expect(await signatures.thumbprint(key.publicJwk)).toBe(key.kid)
    expect(Object.keys(key.publicJwk)).toEqual(['kty', 'crv', 'x', 'y'])
    expect(Buffer.from(key.privateSealed).toString('latin1')).not.toContain(key.publicJwk.x)
  })

  test('exactly the given header and payload are signed, to the byte', async () => {
    const headerText = '{"kid":"k", "typ":"t",\n"alg":"ES256"}'
    const payloadText = '{ "b": 1.0, "a": "\\u00e9/é" }'
    const text = await signatures.sign(signingKey(), headerText, payloadText)
    const [h = '', y = ''] = text.split('.')
    expect(Buffer.from(h, 'base64url').toString()).toBe(headerText)
    expect(Buffer.from(y, 'base64url').toString()).toBe(payloadText)
    expect(read(text).signedHash).toBe(signatures.signedHash(headerText, payloadText))
    expect(await signatures.verify(read(text), key.publicJwk)).toBe(true)
  })

  test('the same text signed twice has one signed hash and two signatures', async () => {
    const [one, two] = [
      await signatures.sign(signingKey(), header, payload),
      await signatures.sign(signingKey(), header, payload),
    ]
    expect(one).not.toBe(two)
    expect(read(one).signedHash).toBe(read(two).signedHash)
  })

  test('a private key moved to another tenant or name signs nothing, even where it signed before', async () => {
    await signatures.sign(signingKey(), header, payload)
    const other = 'tnt_01h455vb4pex5vsknk084sn02r'
    await expect(
      signatures.sign({ ...signingKey(), tenantId: other }, header, payload),
    ).rejects.toThrow()
    await expect(
      signatures.sign({ ...signingKey(), kid: 'a'.repeat(43) }, header, payload),
    ).rejects.toThrow()
  })

  test('another private key sealed under this name is refused', async () => {
    const sealing = buildSealing({ current: masterKey })
    const otherKey = await signatures.createKey(tenantId)
    const privateText = sealing.open(
      otherKey.privateSealed,
      `signing-key:${tenantId}:${otherKey.kid}`,
    )
    const privateSealed = sealing.seal(privateText, `signing-key:${tenantId}:${key.kid}`)
    const fresh = buildSignatures(sealing)
    await expect(
      fresh.sign({ tenantId, kid: key.kid, privateSealed }, header, payload),
    ).rejects.toThrow('another key')
  })

  test('a process with the same master key signs with keys that another created', async () => {
    const fresh = buildSignatures(buildSealing({ current: masterKey }))
    const text = await fresh.sign(signingKey(), header, payload)
    expect(await signatures.verify(read(text), key.publicJwk)).toBe(true)
  })
})

/** A point of P-256 with this x; b from NIST SP 800-186, 3.2.1.3. */
function pointWithX(x: bigint): PublicJwk {
  const b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn
  const square = (((x ** 3n - 3n * x + b) % p) + p) % p
  // p = 3 mod 4, so a root is the (p+1)/4-th power.
  let root = 1n
  let factor = square
  for (let power = (p + 1n) / 4n; power > 0n; power >>= 1n) {
    if (power & 1n) root = (root * factor) % p
    factor = (factor * factor) % p
  }
  return { kty: 'EC', crv: 'P-256', x: b64(bytesOf(x)), y: b64(bytesOf(root)) }
}
