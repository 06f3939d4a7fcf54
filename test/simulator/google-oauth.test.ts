import { afterAll, beforeAll, expect, test } from 'vitest'
import { createServiceAccount } from '../../simulator/credentials.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import {
  getAccessToken,
  RedirectAgent,
  requestGoogle,
  requestToken,
  signAssertion,
  type WireAnswer,
} from './wire-clients.ts'

let now = Date.now()
let simulator: Simulator
let agent: RedirectAgent
const nowSeconds = Math.floor(now / 1000)

beforeAll(async () => {
  simulator = await startSimulator({ clock: () => now })
  agent = new RedirectAgent(simulator)
})
afterAll(async () => {
  agent.destroy()
  await simulator.close()
})

const TOKEN_URL = 'https://oauth2.googleapis.com/token'

function send(accessToken: string): Promise<WireAnswer> {
  const project = simulator.credentials.fcm.serviceAccount.project_id
  return requestGoogle(agent, `https://fcm.googleapis.com/v1/projects/${project}/messages:send`, {
    headers: { authorization: `Bearer ${accessToken}` },
    body: '{"validate_only":true,"message":{"topic":"news"}}',
  })
}

test('a valid assertion yields an access token for 3599 seconds', async () => {
  const answer = await requestToken(agent, await signAssertion(simulator))
  expect(answer.status).toBe(200)
  const body: unknown = JSON.parse(answer.text)
  expect(body).toEqual({
    access_token: expect.stringMatching(/^ya29\./),
    expires_in: 3599,
    token_type: 'Bearer',
  })
})

const wrongClaims: [string, object, string, string][] = [
  ['another issuer', { iss: 'stranger@example.com' }, 'invalid_grant', 'account not found'],
  ['another audience', { aud: 'https://example.com' }, 'invalid_grant', 'audience'],
  ['a life of more than an hour', { exp: nowSeconds + 7200 }, 'invalid_grant', '60 minutes'],
  [
    'an end in the past',
    { iat: nowSeconds - 7200, exp: nowSeconds - 3600 },
    'invalid_grant',
    '60 minutes',
  ],
  [
    'a beginning in the future',
    { iat: nowSeconds + 3600, exp: nowSeconds + 7200 },
    'invalid_grant',
    '60 minutes',
  ],
  ['no time of issue', { iat: undefined }, 'invalid_grant', '60 minutes'],
  ['no end', { exp: undefined }, 'invalid_grant', '60 minutes'],
  ['no scope', { scope: undefined }, 'invalid_scope', 'scope'],
]

test.each(wrongClaims)('an assertion with %s is refused', async (_what, claims, error, text) => {
  const answer = await requestToken(agent, await signAssertion(simulator, claims))
  expect(answer.status).toBe(400)
  const body: unknown = JSON.parse(answer.text)
  expect(body).toEqual({ error, error_description: expect.stringContaining(text) })
})

test('an assertion by another key, under another key id or of another kind is refused', async () => {
  const stranger = await createServiceAccount('x')
  const account = simulator.credentials.fcm.serviceAccount
  const impostor = {
    ...simulator,
    credentials: {
      ...simulator.credentials,
      fcm: { serviceAccount: { ...account, private_key: stranger.private_key } },
    },
  }
  const assertions = [
    await signAssertion(impostor),
    await signAssertion(simulator, {}, { kid: 'unknown' }),
    await signAssertion(simulator, {}, { alg: 'PS256' }),
    'garbage',
  ]
  for (const assertion of assertions) {
    const answer = await requestToken(agent, assertion)
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text)).toMatchObject({ error: 'invalid_grant' })
  }
})

const wrongForms: [string, string, number, string][] = [
  ['no grant type', 'assertion=x', 400, 'unsupported_grant_type'],
  ['another grant type', 'grant_type=password&assertion=x', 400, 'unsupported_grant_type'],
  [
    'no assertion',
    'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer',
    400,
    'invalid_request',
  ],
]

test.each(wrongForms)('a form with %s is refused', async (_what, body, status, error) => {
  const answer = await requestGoogle(agent, TOKEN_URL, { body })
  expect(answer.status).toBe(status)
  expect(JSON.parse(answer.text)).toMatchObject({ error })
})

test('the token endpoint takes POST only', async () => {
  expect((await requestGoogle(agent, TOKEN_URL, { method: 'GET' })).status).toBe(405)
})

test('an access token expires after its lifetime', async () => {
  const accessToken = await getAccessToken(simulator, agent)
  now += 3598_000
  expect((await send(accessToken)).status).toBe(200)
  now += 2000
  expect((await send(accessToken)).status).toBe(401)
  now -= 3600_000
})

test('a revoked access token is invalid immediately', async () => {
  const accessToken = await getAccessToken(simulator, agent)
  simulator.accessTokens.revoke()
  const answer = await send(accessToken)
  expect(answer.status).toBe(401)
  expect(JSON.parse(answer.text)).toMatchObject({ error: { status: 'UNAUTHENTICATED' } })
})

test('an access token without a messaging scope has no access', async () => {
  const scope = 'https://www.googleapis.com/auth/devstorage.read_write'
  const answer = await requestToken(agent, await signAssertion(simulator, { scope }))
  const { access_token } = JSON.parse(answer.text) as { access_token: string }
  const refusal = await send(access_token)
  expect(refusal.status).toBe(403)
  expect(JSON.parse(refusal.text)).toMatchObject({ error: { status: 'PERMISSION_DENIED' } })
})
