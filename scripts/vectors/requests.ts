// What the service signs: approval requests, links between its key sets, and results.

import {
  type RequestFacts,
  requestHeader,
  requestPayload,
  requestTyp,
} from '../../src/domain/approval-request.ts'
import { spellings, wrongHeaders } from './spellings.ts'
import {
  base64url,
  challengeId,
  deviceId,
  type Expected,
  headerOf,
  iat,
  issuer,
  keys,
  ok,
  origin,
  other,
  refusal,
  relyingPartyId,
  sha256,
  signJson,
  signTexts,
  type TestKey,
  tenantId,
  time,
  userId,
} from './world.ts'

type Changes = Readonly<Record<string, unknown>>
export type SignedVector = {
  readonly name: string
  readonly jws: string
  readonly expected: Expected
  /** Of a reader that speaks only the first version of the protocol; null where it is the same. */
  readonly expectedOfVersion1?: Expected
}

const { service1, service2, stranger } = keys
const seconds = (from: Date, more: number) => new Date(from.getTime() + more * 1000)

/** The request for the answers of the other file. */
export const requestFacts: RequestFacts = {
  issuer,
  tenantId,
  challengeId,
  deviceId,
  userId,
  jti: 'dmVjdG9yLXJlcXVlc3QtMQ',
  nonce: 'dmVjdG9yLW5vbmNlLW9mLTMyLWJ5dGVzLTAwMDAwMDA',
  relyingPartyName: 'Example Mail',
  context: {
    application: 'Webmail',
    action: 'Sign in',
    ip: '203.0.113.7',
    location: 'Zürich, Switzerland',
    userAgent: 'Firefox on Windows',
    fields: [{ label: 'Amount', value: 'CHF 120.00' }],
  },
  numberMode: 'service',
  numberDigits: 6,
  callerNumber: null,
  userVerification: 'preferred',
  returnUrl: null,
  createdAt: seconds(time, -30),
  expiresAt: seconds(time, 90),
  protocolVersion: 1,
}

const requestText = requestPayload(requestFacts)
const request = JSON.parse(requestText) as Changes

/** `rqh` of an answer to it: over `header.payload`, never over the signature. */
export const requestHash = sha256(
  `${base64url(requestHeader(service1.kid))}.${base64url(requestText)}`,
)

function requestVector(
  name: string,
  expectedOutcome: Expected,
  changes: Changes = {},
  key = service1,
): SignedVector {
  const jws = signJson(key, headerOf(requestTyp, key), { ...request, ...changes })
  return { name, jws, expected: expectedOutcome }
}

const malformedToken = refusal('malformed')

const firstVectors: readonly SignedVector[] = [
  {
    name: 'a request as the service signs it',
    jws: signTexts(service1, requestHeader(service1.kid), requestText),
    expected: { ok: true, requestHash, numberDigits: 6 },
  },
  requestVector('without a number to type', { ok: true, numberDigits: null }, { number: null }),
  requestVector('with the least context', ok, { ctx: { relyingParty: 'Example Mail' } }),
  requestVector('texts with joiners, a flag made of tags, and both directions', ok, {
    ctx: {
      relyingParty: 'Example Mail',
      action: '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u{1f469}\u200d\u{1f4bb}',
      location: '\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
    },
  }),
  requestVector('another issuer', refusal('issuer_wrong'), { iss: `${origin}/t/tnt_${other}` }),
  requestVector('another tenant', refusal('tenant_wrong'), { tid: `tnt_${other}` }),
  requestVector('another device', refusal('audience_wrong'), { aud: deviceId.replace(/.$/, 'z') }),
  requestVector('another user', refusal('user_wrong'), { sub: `usr_${other}` }),
  requestVector('another challenge than it was listed under', refusal('challenge_wrong'), {
    cid: `chl_${other}`,
  }),
  requestVector('its time is over', refusal('expired'), { exp: iat }),
  requestVector('its time has not come', refusal('not_yet_valid'), {
    iat: iat + 61,
    exp: iat + 120,
  }),
  requestVector('it lives longer than ten minutes', malformedToken, { exp: iat + 571 }),
  requestVector('a member we do not know', malformedToken, { hint: 'x' }),
  requestVector('a text to show that we do not know', malformedToken, {
    ctx: { relyingParty: 'x', html: '<b>' },
  }),
  requestVector('nine digits', malformedToken, { number: { digits: 9 } }),
  requestVector('a wish that we do not know', malformedToken, { uv: 'always' }),
  requestVector('no nonce', malformedToken, { nonce: undefined }),
  requestVector('a key that was never pinned', refusal('key_unknown'), {}, stranger),
  {
    name: 'a signature by another key',
    jws: signJson(stranger, headerOf(requestTyp, service1), request),
    expected: refusal('signature_wrong'),
  },
  ...wrongHeaders(requestTyp, service1.kid).map(([name, header]) => ({
    name,
    jws: signJson(service1, header, request),
    // A device looks up its pinned keys by `kid` and needs no other form of them.
    expected: name.startsWith('kid') ? refusal('key_unknown') : malformedToken,
  })),
]

const payment = { amount: '129.90', currency: 'EUR', payee: 'Bookshop Ltd' }
const must = ['ctx.relyingParty', 'ctx.action', 'ctx.transaction', 'number']
const second = {
  ctx: { relyingParty: 'Example Mail', action: 'Pay', transaction: payment },
  ver: 2,
  must,
}

/** Requests of the second version: a reader of the first refuses each, whatever is in it. */
const secondVectors: readonly SignedVector[] = (
  [
    ['a payment', { ok: true, numberDigits: 6 }, {}],
    ['members that need not be shown', ok, { mood: 'x', ctx: { ...second.ctx, mood: 'x' } }],
    ['where to go afterwards', ok, { returnUrl: 'https://shop.example.com/back' }],
    ['nothing to type', { ok: true, numberDigits: null }, { number: null }],
    [
      'a path that must be shown and that nobody knows',
      refusal('update_needed'),
      { must: [...must, 'ctx.seal'], ctx: { ...second.ctx, seal: 'x' } },
    ],
    [
      'a path that must be shown within another',
      refusal('update_needed'),
      { must: [...must, 'ctx.transaction.fee'] },
    ],
    ['a version that is not out yet', refusal('update_needed'), { ver: 3 }],
    ['the first version, named', malformedToken, { ver: 1 }],
    ['a version as text', malformedToken, { ver: '2' }],
    ['no list of what must be shown', malformedToken, { must: undefined }],
    ['a list without a version', malformedToken, { ver: undefined }],
    ['a path that is no text', malformedToken, { must: [1] }],
    [
      'an amount that is no text',
      malformedToken,
      { ctx: { ...second.ctx, transaction: { ...payment, amount: 129.9 } } },
    ],
    [
      'a payment with a member that nobody knows',
      malformedToken,
      { ctx: { ...second.ctx, transaction: { ...payment, fee: '1.00' } } },
    ],
  ] as const
).map(([name, expectedOutcome, changes]) => ({
  ...requestVector(`version 2: ${name}`, expectedOutcome, { ...second, ...changes }),
  expectedOfVersion1: malformedToken,
}))

const set = (...keys: TestKey[]) => keys.map(({ kid, jwk }) => ({ ...jwk, kid }))
const linkTyp = 'keyset+jwt'

/** The keys that the device pinned before these links. */
export const heldKeySet = { seq: 1, keys: set(service1) }

function link(
  name: string,
  expectedOutcome: Expected,
  changes: Changes = {},
  key = service1,
): SignedVector {
  const payload = {
    iss: issuer,
    seq: 2,
    iat: iat - 3600,
    keys: set(service2, service1),
    ...changes,
  }
  return { name, jws: signJson(key, headerOf(linkTyp, key), payload), expected: expectedOutcome }
}

export const linkVectors: readonly SignedVector[] = [
  link('the next set, signed by the key before', { ok: true, seq: 2 }),
  link('signed by the key that it introduces', refusal('key_unknown'), {}, service2),
  link('signed by a stranger', refusal('key_unknown'), {}, stranger),
  link('another tenant', refusal('issuer_wrong'), { iss: `${origin}/t/tnt_${other}` }),
  link('the same seq again: a fork', refusal('seq_wrong'), { seq: 1 }),
  link('a seq left out', refusal('seq_wrong'), { seq: 3 }),
  link('a key dropped', refusal('keys_wrong'), { keys: set(service2) }),
  link('nothing new', refusal('keys_wrong'), { keys: set(service1) }),
  link('a kid that is no thumbprint of its key', refusal('keys_wrong'), {
    keys: [{ ...service2.jwk, kid: stranger.kid }, ...set(service1)],
  }),
  link('a member we do not know', malformedToken, { exp: iat }),
]

const resultTyp = 'approval-result+jwt'

/** The relying party's expectation for an accepted result. */
export const resultExpectation = {
  issuer,
  audience: relyingPartyId,
  challengeId,
  binding: 'dmVjdG9yLWJpbmRpbmctb2Ytc2Vzc2lvbg',
}

const approval = {
  iss: issuer,
  aud: relyingPartyId,
  jti: 'dmVjdG9yLXJlc3VsdC0wMQ',
  iat,
  exp: iat + 60,
  tid: tenantId,
  cid: challengeId,
  sub: userId,
  binding: resultExpectation.binding,
  decision: 'approved',
  did: deviceId,
  number: 'service',
  amr: ['pop', 'swk', 'user'],
  auth_time: iat - 5,
}

function result(
  name: string,
  expectedOutcome: Expected,
  changes: Changes = {},
  key = service1,
): SignedVector {
  return {
    name,
    jws: signJson(key, headerOf(resultTyp, key), { ...approval, ...changes }),
    expected: expectedOutcome,
  }
}

const denial = { decision: 'denied', amr: undefined, auth_time: undefined }

export const requestVectors = [
  ...firstVectors,
  requestVector('version 1: a payment, which it does not know', malformedToken, {
    ctx: second.ctx,
  }),
  ...secondVectors,
]

export const resultVectors: readonly SignedVector[] = [
  result('approved', { ok: true, decision: 'approved' }),
  result('denied', { ok: true, decision: 'denied' }, { ...denial, reason: 'user_denied' }),
  result('of version 2', { ok: true, decision: 'approved' }, { ver: 2 }),
  result('a member that may be ignored', { ok: true, decision: 'approved' }, { mood: 'x' }),
  result(
    'members that must be known, and are',
    { ok: true, decision: 'approved' },
    {
      must: ['new_device', 'ver'],
    },
  ),
  result('a member that must be known, and is not', refusal('member_unknown'), {
    must: ['limit'],
    limit: '100.00',
  }),
  result('a list of members that is none', malformedToken, { must: 'ver' }),
  result('another audience', refusal('audience_wrong'), { aud: `rp_${other}` }),
  result('another issuer', refusal('issuer_wrong'), { iss: `${origin}/t/tnt_${other}` }),
  result('too old', refusal('expired'), { iat: iat - 61, exp: iat - 1 }),
  result('another challenge', refusal('challenge_wrong'), { cid: `chl_${other}` }),
  result('the session of somebody else', refusal('binding_wrong'), { binding: 'A'.repeat(34) }),
  result('no binding though one was given', refusal('binding_wrong'), { binding: undefined }),
  result('a key that is not the tenant’s', refusal('key_unknown'), {}, stranger),
  {
    name: 'another kind of text',
    jws: signJson(service1, headerOf(requestTyp, service1), approval),
    expected: malformedToken,
  },
  ...spellings(service1, headerOf(resultTyp, service1), approval, {
    malformed: malformedToken,
    notSigned: refusal('signature_wrong'),
    accepted: { ok: true, decision: 'approved' },
  }).filter(({ expected }) => expected !== malformedToken),
]
