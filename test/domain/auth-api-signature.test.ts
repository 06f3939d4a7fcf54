import { createHash, createHmac } from 'node:crypto'
import duoSignatures from '@duosecurity/duo_api/lib/duo_sig.js'
import { describe, expect, test } from 'vitest'
import {
  algorithmOf,
  canonicalParams,
  isTimely,
  legacyCandidates,
  type SignatureAlgorithm,
  type SignedCall,
  signatureCandidates,
} from '../../src/domain/auth-api-signature.ts'

const date = 'Sun, 22 Nov 2026 08:34:31 GMT'
const host = 'push.example.com'
const sha512Hex = (text: Uint8Array | string) => createHash('sha512').update(text).digest('hex')

/** The signature that the client's own code sends. */
function signatureOf(authorization: string): string {
  const text = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()
  return text.slice(text.indexOf(':') + 1)
}

/** True when one of the candidates yields this signature under the key. */
function fits(call: SignedCall, signature: string, key = 'skey', algorithm?: SignatureAlgorithm) {
  const chosenAlgorithm = algorithm ?? algorithmOf(signature)
  if (!chosenAlgorithm) throw new Error('no signature')
  return signatureCandidates(call, chosenAlgorithm, sha512Hex).some(
    ({ text }) => createHmac(chosenAlgorithm, key).update(text).digest('hex') === signature,
  )
}

const call = (more: Partial<SignedCall>): SignedCall => ({
  date,
  method: 'POST',
  host,
  path: '/auth/v2/preauth',
  params: [],
  json: null,
  headers: [],
  ...more,
})

const members: Record<string, string>[] = [
  {},
  { username: 'ada' },
  { username: "j o'h(n)*!é", factor: 'push', device: 'auto' },
  { b: '2', a: '1', aa: '3', A: '0', 'a-b': '4', a_b: '5', 'a.b': '6', 'a~b': '7' },
  { username: '李+%20&=?#/\\', pushinfo: 'Server%2BIP%3D10.0.0.1%26Command%3D' },
  { '%': '%', '+': '+', ' ': ' ', é: '\u0000\n', '😀': '😀' },
]

test('members of one name are signed in the order of their values, equal ones as often as they occur', () => {
  const params = [
    ['a', '2'],
    ['b', '1'],
    ['a', '1'],
    ['a', '1'],
  ] as const
  expect(canonicalParams(params)).toBe('a=1&a=1&a=2&b=1')
})

describe('a signature of the npm client is recognized', () => {
  test.each(members)('version 2: %j', (params) => {
    const path = '/auth/v2/auth'
    const authorization = duoSignatures.sign('ikey', 'skey', 'POST', host, path, params, date)
    const incomingCall = call({ path, params: Object.entries(params).reverse() })
    expect(canonicalParams(incomingCall.params)).toBe(duoSignatures._canonParams(params))
    expect(fits(incomingCall, signatureOf(authorization))).toBe(true)
    expect(fits(incomingCall, signatureOf(authorization), 'another key')).toBe(false)
    const getAuthorization = duoSignatures.sign('ikey', 'skey', 'GET', host, path, params, date)
    expect(fits({ ...incomingCall, method: 'GET' }, signatureOf(getAuthorization))).toBe(true)
  })

  test.each(members)('version 5: %j', (params) => {
    const path = '/auth/v2/auth'
    const body = JSON.stringify(params)
    const authorization = duoSignatures.signV5('ikey', 'skey', 'POST', host, path, {}, date, body)
    const incomingCall = call({ path, json: Buffer.from(body) })
    expect(fits(incomingCall, signatureOf(authorization))).toBe(true)
    expect(
      fits({ ...incomingCall, json: Buffer.from(`${body} `) }, signatureOf(authorization)),
    ).toBe(false)
    const getAuthorization = duoSignatures.signV5(
      'ikey',
      'skey',
      'GET',
      host,
      path,
      params,
      date,
      '',
    )
    const query = call({ path, method: 'GET', params: Object.entries(params) })
    expect(fits(query, signatureOf(getAuthorization))).toBe(true)
  })
})

test('version 4 covers the body, and version 5 the headers of the client too', () => {
  const json = Buffer.from('{"username":"ada"}')
  const fourth = [date, 'POST', host, '/auth/v2/preauth', '', sha512Hex(json)].join('\n')
  const mac = (text: string) => createHmac('sha512', 'skey').update(text).digest('hex')
  expect(fits(call({ json }), mac(fourth))).toBe(true)

  const headers = [
    ['x-duo-b', '2'],
    ['accept', '*/*'],
    ['x-duo-date', date],
    ['x-duo-a', '1'],
  ] as const
  const datedHeaders = ['x-duo-a', '1', 'x-duo-b', '2', 'x-duo-date', date]
  const datedText = `${fourth}\n${sha512Hex(datedHeaders.join('\0'))}`
  const datelessText = `${fourth}\n${sha512Hex(['x-duo-a', '1', 'x-duo-b', '2'].join('\0'))}`
  expect(fits(call({ json, headers }), mac(datedText))).toBe(true)
  expect(fits(call({ json, headers }), mac(datelessText))).toBe(true)
  expect(fits(call({ json, headers: headers.slice(1) }), mac(datedText))).toBe(false)
})

describe('a request that was changed in transit no longer matches', () => {
  const params: SignedCall['params'] = [['username', 'ada']]
  const signature = signatureOf(
    duoSignatures.sign('i', 'skey', 'POST', host, '/auth/v2/preauth', { username: 'ada' }, date),
  )
  test.each<[string, Partial<SignedCall>]>([
    ['the date', { date: 'Sun, 22 Nov 2026 08:34:32 GMT' }],
    ['the method', { method: 'GET' }],
    ['the host', { host: 'push.example.org' }],
    ['the path', { path: '/auth/v2/auth' }],
    ['a value', { params: [['username', 'eve']] }],
    ['one more member', { params: [...params, ['factor', 'push']] }],
    ['a form that became JSON', { json: Buffer.from('{"username":"ada"}') }],
  ])('%s', (_, changes) => {
    expect(fits(call({ params }), signature)).toBe(true)
    expect(fits(call({ params, ...changes }), signature)).toBe(false)
  })

  test.each(['push.example.com:8443', 'PUSH.example.com', 'push.EXAMPLE.com:443'])(
    'but not the host as %s',
    (host) => {
      expect(fits(call({ params, host }), signature)).toBe(true)
    },
  )
})

test('a JSON body is never read as a form: version 2 leaves it unsigned', () => {
  const text = [date, 'POST', host, '/auth/v2/preauth', ''].join('\n')
  const signature = createHmac('sha512', 'skey').update(text).digest('hex')
  expect(fits(call({ json: Buffer.from('{"username":"eve"}') }), signature)).toBe(false)
})

test('of the older versions, SHA-1 is for version 2 alone', () => {
  const second = [date, 'POST', host, '/auth/v2/preauth', 'username=ada'].join('\n')
  const signature = createHmac('sha1', 'skey').update(second).digest('hex')
  expect(fits(call({ params: [['username', 'ada']] }), signature)).toBe(true)
  expect(signatureCandidates(call({ json: Buffer.from('{}') }), 'sha1', sha512Hex)).toEqual([])
})

test('a method is signed in capitals, however the request spells it', () => {
  const second = [date, 'POST', host, '/auth/v2/preauth', 'username=ada'].join('\n')
  const signature = createHmac('sha512', 'skey').update(second).digest('hex')
  expect(fits(call({ method: 'post', params: [['username', 'ada']] }), signature)).toBe(true)
})

test('a signature that matches nothing is compared with at most four texts', () => {
  const headers = [['x-duo-date', date]] as const
  const get = call({ method: 'GET', headers })
  expect(signatureCandidates(get, 'sha512', sha512Hex)).toHaveLength(4)
})

test.each([
  ['a'.repeat(40), 'sha1'],
  ['0'.repeat(128), 'sha512'],
  ['A'.repeat(128), undefined],
  ['a'.repeat(127), undefined],
  ['', undefined],
])('the algorithm of %s is %s', (signature, algorithm) => {
  expect(algorithmOf(signature)).toBe(algorithm)
})

describe('a date is valid for five minutes', () => {
  const at = (seconds: number) => new Date(Date.parse(date) + seconds * 1000)
  test.each([
    [0, true],
    [300, true],
    [-300, true],
    [300.1, false],
    [301, false],
    [-301, false],
  ])('at %d s: %s', (seconds, timely) => {
    expect(isTimely(date, at(seconds))).toBe(timely)
  })

  test.each([
    ['Sun, 22 Nov 2026 08:34:31 -0000', true],
    ['Sun, 22 Nov 2026 08:34:31 +0000', true],
    ['Sun, 22 Nov 2026 09:34:31 +0100', true],
    ['Sun, 22 Nov 2026 08:34:31', false],
    ['2026-11-22T08:34:31Z', false],
    ['Sun, 99 Nov 2026 08:34:31 GMT', false],
    ['', false],
  ])('as %s: %s', (value, timely) => {
    expect(isTimely(value, at(0))).toBe(timely)
  })
})

describe('version 1', () => {
  // As the source of duo_unix 1.11.3 makes it: method, host, path and sorted parameters.
  const params = [
    ['user', "j o'h"],
    ['failmode', 'closed'],
  ] as const
  const lines = 'POST\npush.example.com\n/rest/v1/preauth.bson\nfailmode=closed&user=j%20o%27h'
  const legacyCall = call({ path: '/rest/v1/preauth.bson', params, host: 'Push.example.com:8443' })

  test('is signed without a date by released clients, and with one by the last of them', () => {
    for (const algorithm of ['sha1', 'sha512'] as const) {
      expect(legacyCandidates(legacyCall, algorithm)).toEqual([
        { algorithm, text: lines, isDated: false },
        { algorithm, text: `${date}\n${lines}`, isDated: true },
      ])
    }
  })

  test('covers no body but a form', () => {
    expect(legacyCandidates({ ...legacyCall, json: Buffer.from('{}') }, 'sha1')).toEqual([])
  })

  test('has no text in common with later versions, unless that has the date', () => {
    const later = signatureCandidates(legacyCall, 'sha512', sha512Hex)
    expect(later.map(({ isDated }) => isDated)).toEqual([true])
    expect(later.map(({ text }) => text)).not.toContain(lines)
  })
})
