import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_BUNDLE_ID, type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { getAccessToken, RedirectAgent, requestGoogle, type WireAnswer } from './wire-clients.ts'

const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError'
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'

let simulator: Simulator
let agent: RedirectAgent
let accessToken: string
let token: string
let project: string

beforeAll(async () => {
  simulator = await startSimulator()
  agent = new RedirectAgent(simulator)
  accessToken = await getAccessToken(simulator, agent)
  token = simulator.phones.register({ provider: 'fcm', appId: DEFAULT_BUNDLE_ID }).token
  project = simulator.credentials.fcm.serviceAccount.project_id
})
afterAll(async () => {
  agent.destroy()
  await simulator.close()
})

function post(body: unknown, options: { path?: string; authorization?: string } = {}) {
  const path = options.path ?? `/v1/projects/${project}/messages:send`
  const authorization = options.authorization ?? `Bearer ${accessToken}`
  return requestGoogle(agent, `https://fcm.googleapis.com${path}`, {
    headers: { authorization, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

function send(message: object): Promise<WireAnswer> {
  return post({ message: { token, ...message } })
}

type GoogleError = {
  error: { code: number; message: string; status: string; details?: { '@type': string }[] }
}

function errorOf(answer: WireAnswer): GoogleError['error'] {
  return (JSON.parse(answer.text) as GoogleError).error
}

function detailTypes(answer: WireAnswer): string[] {
  return (errorOf(answer).details ?? []).map((detail) => detail['@type'])
}

test('an accepted message gets a name in the project, and carries the data for the app', async () => {
  const answer = await send({
    data: { cid: 'chl_1', kind: 'a' },
    android: { priority: 'high', ttl: '30.500s', collapse_key: 'chl_1', data: { kind: 'b' } },
  })
  expect(answer.status).toBe(200)
  const { name } = JSON.parse(answer.text) as { name: string }
  expect(name).toMatch(new RegExp(`^projects/${project}/messages/0:`))
  const push = simulator.log.acceptedPushes(token).at(-1)
  expect(push).toMatchObject({
    provider: 'fcm',
    id: name,
    collapseId: 'chl_1',
    priority: 'high',
    ttlSeconds: 30,
    data: { cid: 'chl_1', kind: 'b' },
  })
  expect((push?.expiresAt ?? 0) - (push?.at ?? 0)).toBe(30_000)
})

const right: [string, object][] = [
  ['nothing but a target', {}],
  ['camelCase as protobuf JSON allows', { android: { collapseKey: 'a', ttl: '0s' } }],
  ['the longest life', { android: { ttl: '2419200s' } }],
  ['priority in the spelling of the enum', { android: { priority: 'NORMAL' } }],
  ['a notification', { notification: { title: 'Sign in?', body: 'Open the app' } }],
  ['4096 bytes of keys and values', { data: { k: 'x'.repeat(4095) } }],
  ['a key that only contains a reserved word', { data: { notgoogle: 'x', fromage: 'x' } }],
  ['other platforms', { apns: { headers: {} }, webpush: {}, fcm_options: {} }],
]

test.each(right)('a message with %s is accepted', async (_what, message) => {
  expect(await send(message)).toMatchObject({ status: 200 })
})

const wrong: [string, object, string, string[]][] = [
  ['no target', { token: undefined }, 'not set', [FCM_ERROR, BAD_REQUEST]],
  ['two targets', { topic: 'news' }, 'oneof', [BAD_REQUEST]],
  ['a token that is none', { token: 'x' }, 'not a valid', [FCM_ERROR, BAD_REQUEST]],
  ['a target that is not text', { token: 7 }, 'TYPE_STRING', [BAD_REQUEST]],
  ['a number as data', { data: { n: 1 } }, 'TYPE_STRING', [BAD_REQUEST]],
  ['an object as data', { data: { n: {} } }, 'TYPE_STRING', [BAD_REQUEST]],
  ['a list of data', { data: ['a'] }, 'map', [BAD_REQUEST]],
  ['the key from', { data: { from: 'x' } }, 'data payload key', [FCM_ERROR, BAD_REQUEST]],
  ['the key gcm', { data: { gcm: 'x' } }, 'data payload key', [FCM_ERROR, BAD_REQUEST]],
  ['a key of Google', { data: { 'google.x': 'x' } }, 'data payload key', [FCM_ERROR, BAD_REQUEST]],
  ['4097 bytes', { data: { k: 'x'.repeat(4096) } }, 'too big', [FCM_ERROR, BAD_REQUEST]],
  [
    '4097 bytes for Android',
    { android: { data: { k: 'x'.repeat(4096) } } },
    'too big',
    [FCM_ERROR, BAD_REQUEST],
  ],
  [
    '2049 bytes to a topic',
    { token: undefined, topic: 'news', data: { k: 'x'.repeat(2048) } },
    'too big',
    [FCM_ERROR, BAD_REQUEST],
  ],
  ['a life beyond four weeks', { android: { ttl: '2419201s' } }, 'ttl', [FCM_ERROR, BAD_REQUEST]],
  ['a negative life', { android: { ttl: '-1s' } }, 'ttl', [FCM_ERROR, BAD_REQUEST]],
  ['a life without unit', { android: { ttl: '60' } }, 'Duration', [BAD_REQUEST]],
  ['a life as number', { android: { ttl: 60 } }, 'Duration', [BAD_REQUEST]],
  ['an unknown priority', { android: { priority: 'urgent' } }, 'Priority', [BAD_REQUEST]],
  ['an unknown field', { priority: 'high' }, 'Unknown name', [BAD_REQUEST]],
]

test.each(wrong)(
  'a message with %s is an invalid argument',
  async (_what, message, text, types) => {
    const before = simulator.log.acceptedPushes().length
    const answer = await send(message)
    expect(errorOf(answer)).toMatchObject({ code: 400, status: 'INVALID_ARGUMENT' })
    expect(answer.status).toBe(400)
    expect(errorOf(answer).message).toContain(text)
    expect(detailTypes(answer)).toEqual(types)
    expect(simulator.log.acceptedPushes()).toHaveLength(before)
  },
)

test.each(['', '{', '[]', '{"message":null}', '{"message":{},"extra":1}'])(
  'the body %o is an invalid argument',
  async (body) => {
    expect(errorOf(await post(body))).toMatchObject({ code: 400, status: 'INVALID_ARGUMENT' })
  },
)

test('a message with validate_only is not delivered', async () => {
  const before = simulator.log.acceptedPushes().length
  const answer = await post({ validate_only: true, message: { token } })
  expect(JSON.parse(answer.text)).toEqual({ name: `projects/${project}/messages/fake_message_id` })
  expect(simulator.log.acceptedPushes()).toHaveLength(before)
})

test('an installation id reaches the same app as its token', async () => {
  const fid = token.split(':')[0]
  const answer = await post({ message: { fid, data: { to: 'fid' } } })
  expect(answer.status).toBe(200)
  expect(simulator.log.acceptedPushes(token).at(-1)).toMatchObject({ data: { to: 'fid' } })
})

test('without a valid bearer token everything is UNAUTHENTICATED, without FcmError', async () => {
  for (const authorization of ['', 'Bearer', 'Bearer ya29.unknown', `Basic ${accessToken}`]) {
    const answer = await post({ message: {} }, { authorization })
    expect(errorOf(answer)).toMatchObject({ code: 401, status: 'UNAUTHENTICATED' })
    expect(answer.headers['www-authenticate']).toContain('invalid_token')
    expect(detailTypes(answer)).not.toContain(FCM_ERROR)
  }
})

test('another project is NOT_FOUND without FcmError, so that it is not mistaken for a dead token', async () => {
  const answer = await post({ message: { token } }, { path: '/v1/projects/other/messages:send' })
  expect(answer.status).toBe(404)
  expect(errorOf(answer)).toEqual({
    code: 404,
    message: 'Requested entity was not found.',
    status: 'NOT_FOUND',
  })
})

test('the token of a removed app, and an unknown one, are UNREGISTERED', async () => {
  const removedToken = simulator.phones.register({
    provider: 'fcm',
    appId: DEFAULT_BUNDLE_ID,
  }).token
  simulator.phones.unregister(removedToken)
  for (const dead of [removedToken, `${'a'.repeat(22)}:APA91b${'b'.repeat(134)}`]) {
    const answer = await send({ token: dead })
    expect(answer.status).toBe(404)
    expect(errorOf(answer)).toEqual({
      code: 404,
      message: 'Requested entity was not found.',
      status: 'NOT_FOUND',
      details: [{ '@type': FCM_ERROR, errorCode: 'UNREGISTERED' }],
    })
  }
})

test('the token of an app that belongs to another project is SENDER_ID_MISMATCH', async () => {
  const registration = { provider: 'fcm', appId: DEFAULT_BUNDLE_ID, projectId: 'other' } as const
  const answer = await send({ token: simulator.phones.register(registration).token })
  expect(answer.status).toBe(403)
  expect(errorOf(answer)).toMatchObject({
    status: 'PERMISSION_DENIED',
    details: [{ '@type': FCM_ERROR, errorCode: 'SENDER_ID_MISMATCH' }],
  })
})

test('an unknown path is an HTML page as from Google', async () => {
  const answer = await post({}, { path: '/fcm/send' })
  expect(answer.status).toBe(404)
  expect(answer.headers['content-type']).toContain('text/html')
})

const codes: [string, number, string][] = [
  ['QUOTA_EXCEEDED', 429, 'RESOURCE_EXHAUSTED'],
  ['UNAVAILABLE', 503, 'UNAVAILABLE'],
  ['INTERNAL', 500, 'INTERNAL'],
  ['THIRD_PARTY_AUTH_ERROR', 401, 'UNAUTHENTICATED'],
  ['UNREGISTERED', 404, 'NOT_FOUND'],
  ['SENDER_ID_MISMATCH', 403, 'PERMISSION_DENIED'],
  ['INVALID_ARGUMENT', 400, 'INVALID_ARGUMENT'],
]

test.each(codes)('%s can be simulated, as %i %s', async (reason, status, canonical) => {
  simulator.faults.add({ provider: 'fcm', kind: 'reason', reason, retryAfterSeconds: 7 })
  const answer = await send({})
  expect(answer.status).toBe(status)
  expect(answer.headers['retry-after']).toBe('7')
  const { details, ...error } = errorOf(answer)
  expect(error).toMatchObject({ code: status, status: canonical })
  expect(details?.[0]).toEqual({ '@type': FCM_ERROR, errorCode: reason })
})
