// What a hosted sign-in has of secrets is neither in the log nor readable in the database.

import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loggerOptions } from '../../src/platform/http/logging.ts'
import { everythingStored } from '../support/everything-stored.ts'
import { assertionOf, basicOf, createClientKey, signAsClient } from '../support/oidc-client.ts'
import {
  type Parameters,
  type Provider,
  pkce,
  redirectUri,
  startProvider,
} from '../support/provider.ts'

let log = ''
let provider: Provider
beforeAll(async () => {
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      log += chunk
      callback()
    },
  })
  provider = await startProvider(pino(loggerOptions('trace'), sink))
})
afterAll(() => provider[Symbol.asyncDispose]())

test('secrets of clients, cookies, references, hints, codes and tokens', async () => {
  const key = await createClientKey()
  const jwks = [key.publicJwk]
  const basic = { clientAuthentication: 'client_secret_basic', jwks }
  const client = await provider.createClient({ ...basic, bareLoginHintAllowed: true })
  const poster = await provider.createClient({ clientAuthentication: 'client_secret_post', jwks })
  const signer = await provider.createClient({ jwks })
  const entra = await provider.createEntraDoor()
  const { verifier, code_challenge, code_challenge_method } = pkce()
  const request: Parameters = {
    ...{ client_id: client.id, scope: 'openid', response_type: 'code', redirect_uri: redirectUri },
    ...{ state: 'canary-state', nonce: 'canary-nonce', login_hint: 'canary-person' },
    ...{ code_challenge, code_challenge_method },
  }
  const header = basicOf(client.id, client.secret)
  const pushing = await provider.call('par', request, header)
  const { request_uri } = pushing.json
  const led = await provider.follow({ client_id: client.id, request_uri })
  const bare = await provider.follow(request)
  const signedRequest = await signAsClient(key, {
    ...{ iss: client.id, aud: provider.base, ...request },
  })
  const signedLed = await provider.follow({
    ...{ client_id: client.id, redirect_uri: redirectUri, request: signedRequest },
  })
  const { parameters } = await provider.end(led)
  const { code = '' } = parameters
  const form = { grant_type: 'authorization_code', code, code_verifier: verifier }
  const tokens = await provider.call('token', { ...form, redirect_uri: redirectUri }, header)
  expect(tokens.status).toBe(200)
  const credentials = { client_id: poster.id, client_secret: poster.secret }
  await provider.call('par', { ...request, ...credentials }, {})
  const assertion = await assertionOf(key, signer.id, provider.base)
  await provider.call('par', { ...request, client_id: signer.id, ...assertion }, {})
  const hint = await provider.entra.hint()
  const entraLed = await provider.bring(provider.entra.form({ clientId: entra.id, hint }))
  const { parameters: answer } = await provider.end(entraLed)
  const secrets = [
    ...[client.secret, poster.secret, header.authorization.slice(6), code, verifier],
    ...[led.secret, bare.secret, signedLed.secret, entraLed.secret],
    ...[request_uri, request_uri.split(':').at(-1), signedRequest, hint],
    ...[assertion.client_assertion, tokens.json.id_token, tokens.json.access_token],
    ...[answer.id_token],
  ]
  const database = await everythingStored(provider.service.database.url)
  expect(log).toContain('/oidc/authorize')
  for (const secret of secrets) {
    expect(secret?.length).toBeGreaterThan(20)
    expect(log).not.toContain(secret)
    expect(database).not.toContain(secret)
  }
  // What the answer is built from is kept for a day, and logged nowhere.
  expect(database).toContain('canary-state')
  expect(log).not.toContain('canary')
  expect(log).not.toMatch(/"authorization":"Basic/i)
})
