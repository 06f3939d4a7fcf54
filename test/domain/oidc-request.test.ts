import { describe, expect, test } from 'vitest'
import {
  entraRequestFault,
  isRequestFault,
  knownParameters,
  namedSubject,
  type Parameters,
  readCodeRequest,
  readCommonRequest,
  readParameters,
  returnedState,
  signedPartOf,
  stateLengthMax,
} from '../../src/domain/oidc-request.ts'

const errorOf = (value: object | undefined) =>
  value !== undefined && isRequestFault(value) ? value.error : undefined
const read = (more: Parameters) => readCommonRequest({ scope: 'openid', ...more })

const entraClaims = JSON.stringify({
  id_token: {
    acr: { essential: true, values: ['possessionorinherence'] },
    amr: { essential: true, values: ['face', 'hwk', 'swk'] },
  },
})

test('what is asked for is read, of claims first', () => {
  const request = read({
    scope: 'profile openid',
    state: 's',
    nonce: 'n',
    claims: entraClaims,
    acr_values: 'possession',
    ui_locales: 'nl-NL <b> en',
  })
  expect(request).toEqual({
    state: 's',
    nonce: 'n',
    acr: 'possessionorinherence',
    askedMethods: ['face', 'hwk', 'swk'],
    askedSubject: null,
    languages: ['nl-NL', 'en'],
  })
  expect(read({})).toEqual({
    state: null,
    nonce: null,
    acr: null,
    askedMethods: null,
    askedSubject: null,
    languages: [],
  })
})

test('a parameter without a value counts as missing, and one that is there twice for nothing', () => {
  expect(readParameters({ scope: 'openid', state: '' })).toEqual({ scope: 'openid' })
  expect(readParameters({ state: ['a', 'b'] })).toBeUndefined()
  expect(knownParameters({ state: 's', client_secret: 'x', other: '' })).toEqual({ state: 's' })
})

test('one value is a list of one, and a claim without values takes any', () => {
  const claims = JSON.stringify({
    id_token: { acr: { value: 'knowledgeorpossession' }, amr: null, sub: { value: 'ada' } },
  })
  expect(read({ claims })).toMatchObject({
    ...{ acr: 'knowledgeorpossession', askedMethods: null, askedSubject: 'ada' },
  })
  for (const any of ['{"essential":true}', 'null', '{}']) {
    const anyContext = `{"id_token":{"acr":${any}}}`
    expect(read({ claims: anyContext })).toMatchObject({ acr: 'possession' })
    const wishes = { claims: anyContext, acr_values: 'knowledge' }
    expect(read(wishes)).toMatchObject({ acr: null })
  }
  expect(read({ claims: '{}' })).toMatchObject({ acr: null, askedMethods: null })
})

test('a context that is only wished for may be left out, an essential one may not', () => {
  const wish = (acr: object) => ({ claims: JSON.stringify({ id_token: { acr } }) })
  const unmet = 'unmet_authentication_requirements'
  expect(read({ acr_values: 'knowledge' })).toMatchObject({ acr: null })
  expect(read(wish({ value: 'knowledge' }))).toMatchObject({ acr: null })
  expect(read(wish({ essential: false, values: ['x', 'possession'] }))).toMatchObject({
    acr: 'possession',
  })
  const essential = wish({ essential: true, values: ['knowledge', 'x'] })
  expect(errorOf(read(essential))).toBe(unmet)
  // What `acr_values` wishes for meets no demand.
  expect(errorOf(read({ ...essential, acr_values: 'possession' }))).toBe(unmet)
  // Entra takes no answer without one of its own, essential or not.
  const atEntra = readCommonRequest({ scope: 'openid', ...wish({ value: 'knowledge' }) }, true)
  expect(errorOf(atEntra)).toBe(unmet)
  expect(readCommonRequest({ scope: 'openid' }, true)).toMatchObject({ acr: null })
})

test('a token names its subject, verified or not', () => {
  const token = (payload: string) => `e30.${Buffer.from(payload).toString('base64url')}.x`
  expect(namedSubject(token('{"sub":"ada"}'))).toBe('ada')
  for (const text of ['', 'a', 'a.b', 'a.*.c', token('[]'), token('{'), token('{"sub":7}')]) {
    expect(namedSubject(text)).toBeUndefined()
  }
})

test('a state comes back as it was sent, or not at all', () => {
  expect(returnedState({ state: 's \u00e9' })).toBe('s \u00e9')
  for (const state of ['a\0', 'a\nb', '\ud800', 's'.repeat(stateLengthMax + 1)]) {
    expect(returnedState({ state })).toBeNull()
  }
  expect(returnedState({})).toBeNull()
})

test('an error brings back a state that fits into an address, and no other', () => {
  const longest = 's'.repeat(stateLengthMax)
  expect(returnedState({ state: longest })).toBe(longest)
  expect(returnedState({ state: `${longest}s` })).toBeNull()
  expect(returnedState({})).toBeNull()
})

test('tokens that differ in the signature alone are one token', () => {
  expect(signedPartOf('header.payload.one')).toBe(signedPartOf('header.payload.other'))
  expect(signedPartOf('header.payload.one')).not.toBe(signedPartOf('header.payloae.one'))
})

describe('a request is refused', () => {
  test.each([
    ['without openid', { scope: 'profile' }, 'invalid_scope'],
    ['without a scope', { scope: '' }, 'invalid_scope'],
    ['with an endless state', { state: 's'.repeat(stateLengthMax + 1) }, 'invalid_request'],
    ['with an endless nonce', { nonce: 'n'.repeat(513) }, 'invalid_request'],
    ['that wants nobody asked', { prompt: 'none' }, 'login_required'],
    ['that wants nobody asked, and somebody', { prompt: 'login none' }, 'invalid_request'],
    ['with a control character', { login_hint: 'a\0' }, 'invalid_request'],
    ['with half a character', { nonce: '\ud800' }, 'invalid_request'],
    ['with a control character in claims', { claims: '{\0}' }, 'invalid_request'],
    [
      'with a control character in a value of claims',
      { claims: '{"id_token":{"amr":{"value":"\\u0000"}}}' },
      'invalid_request',
    ],
    [
      'with a person of no text in claims',
      { claims: '{"id_token":{"sub":{"value":7}}}' },
      'invalid_request',
    ],
    ['with claims that are no JSON', { claims: '{' }, 'invalid_request'],
    ['with claims that are a list', { claims: '[]' }, 'invalid_request'],
    ['with claims of no object', { claims: '{"id_token":7}' }, 'invalid_request'],
    ['with a claim of no object', { claims: '{"id_token":{"acr":7}}' }, 'invalid_request'],
    [
      'with values that are no texts',
      { claims: '{"id_token":{"amr":{"values":[7]}}}' },
      'invalid_request',
    ],
    [
      'with values that are no list',
      { claims: '{"id_token":{"acr":{"values":"a"}}}' },
      'invalid_request',
    ],
    [
      'with endless claims',
      { claims: `{"id_token":{"a":"${'a'.repeat(4096)}"}}` },
      'invalid_request',
    ],
  ])('%s', (_, more, error) => {
    expect(errorOf(read(more))).toBe(error)
  })
})

test('Entra asks for an ID token that is posted, with a nonce', () => {
  const request = { response_type: 'id_token', response_mode: 'form_post', nonce: 'n' }
  expect(entraRequestFault(request)).toBeUndefined()
  expect(errorOf(entraRequestFault({ ...request, response_type: 'code' }))).toBe(
    'unsupported_response_type',
  )
  expect(errorOf(entraRequestFault({ ...request, response_mode: 'fragment' }))).toBe(
    'invalid_request',
  )
  expect(errorOf(entraRequestFault({ ...request, nonce: '' }))).toBe('invalid_request')
})

test('a request without a type lacks a parameter', () => {
  expect(errorOf(entraRequestFault({}))).toBe('invalid_request')
  expect(errorOf(readCodeRequest({}))).toBe('invalid_request')
})

describe('a request for a code', () => {
  const request = {
    response_type: 'code',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }
  test('brings a challenge of PKCE (RFC 7636, appendix B)', () => {
    const { code_challenge: codeChallenge } = request
    expect(readCodeRequest(request)).toEqual({ codeChallenge, responseMode: 'query' })
    expect(readCodeRequest({ ...request, response_mode: 'form_post' })).toMatchObject({
      responseMode: 'form_post',
    })
  })
  test.each([
    ['of another type', { response_type: 'id_token' }, 'unsupported_response_type'],
    ['of several types', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['in a fragment', { response_mode: 'fragment' }, 'invalid_request'],
    ['with a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['without a method', { code_challenge_method: '' }, 'invalid_request'],
    ['without a challenge', { code_challenge: '' }, 'invalid_request'],
    [
      'with a challenge in another spelling',
      { code_challenge: `${request.code_challenge.slice(0, -1)}N` },
      'invalid_request',
    ],
  ])('is refused %s', (_, more, error) => {
    expect(errorOf(readCodeRequest({ ...request, ...more }))).toBe(error)
  })
})
