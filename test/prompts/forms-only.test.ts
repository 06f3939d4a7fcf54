// What takes a form takes nothing else (RFC 6749, 3.1 and 3.2; RFC 9126, 2.1).

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import { basicOf } from '../support/oidc-client.ts'
import { type Provider, pkce, redirectUri, startProvider } from '../support/provider.ts'

let provider: Provider
let client: { readonly id: IntegrationId; readonly secret: string }
beforeAll(async () => {
  provider = await startProvider()
  client = await provider.createClient({
    clientAuthentication: 'client_secret_basic',
    bareLoginHintAllowed: true,
  })
})
afterAll(() => provider[Symbol.asyncDispose]())

const { code_challenge, code_challenge_method } = pkce()
const request = () => ({
  ...{ client_id: client.id, scope: 'openid', response_type: 'code', redirect_uri: redirectUri },
  ...{ login_hint: 'ada', code_challenge, code_challenge_method },
})

async function send(path: string, body: string, type: string | null, accept = '*/*') {
  const response = await fetch(`${provider.base}/${path}`, {
    ...{ method: 'POST', body: new TextEncoder().encode(body), redirect: 'manual' },
    headers: {
      ...{ ...basicOf(client.id, client.secret), accept },
      ...(type !== null && { 'content-type': type }),
    },
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

const form = () => `${new URLSearchParams(request())}`
const notForms = (): [string, string | null][] => [
  [JSON.stringify(request()), 'application/json'],
  [JSON.stringify({ ...request(), scope: ['openid', 'openid'] }), 'application/json'],
  [form(), 'text/plain'],
  [form(), 'multipart/form-data; boundary=x'],
  [form(), 'application/json'],
  [form(), null],
  ['', null],
  [`${form()}&scope=openid`, 'application/x-www-form-urlencoded'],
]

test.for(['par', 'token'])('%s refuses any other body as OAuth does', async (path) => {
  for (const [body, type] of notForms()) {
    const { status, headers, text } = await send(path, body, type)
    expect(status).toBe(400)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(JSON.parse(text)).toEqual({
      error: 'invalid_request',
      error_description: 'send application/x-www-form-urlencoded, each parameter once',
    })
  }
  const charset = 'application/x-www-form-urlencoded; charset=UTF-8'
  expect((await send('par', form(), charset)).status).toBe(201)
})

test('authorize answers any other body by a page, and opens nothing', async () => {
  for (const [body, type] of notForms()) {
    const { status, headers, text } = await send('authorize', body, type, 'text/html')
    expect([400, 401, 415]).toContain(status)
    expect([headers.get('location'), headers.getSetCookie()]).toEqual([null, []])
    expect(text).toContain('<h1>')
  }
  expect((await provider.sql('select from prompts')).rowCount).toBe(0)
})

test('a page of a prompt takes no form of another type', async () => {
  const { location } = await provider.bring(request())
  for (const action of ['ask', 'more', 'again', 'cancel', 'return', 'code']) {
    for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/xml']) {
      const response = await fetch(`${provider.origin}${location}/${action}`, {
        ...{ method: 'POST', body: '{"code":"12345678"}', redirect: 'manual' },
        headers: { 'content-type': type, 'sec-fetch-site': 'same-origin' },
      })
      expect([action, response.status]).toEqual([action, 415])
    }
  }
})
