// A realm of Keycloak as far as its HTTP authentication channel goes, written from its source
// (26.x): what it sends, when it stores a request, and what its callback endpoint answers. It has
// no other part of Keycloak.

import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

export type RealmReply = {
  readonly status: number
  /** The bearer that was sent: Keycloak's `createBearerToken`. */
  readonly token: string
  readonly authResultId: string
}

export type Question = {
  readonly login_hint: string
  readonly binding_message?: string
  readonly [more: string]: unknown
}

/** The behavior of the callback endpoint before its rules apply. */
export type Weather = 'fair' | 'silent' | 'failing'

export type KeycloakDouble = AsyncDisposable & {
  readonly issuer: string
  /** Every received callback, and its response. */
  readonly callbacks: { readonly status: string; readonly answer: number }[]
  readonly keyFetches: () => number
  /** Stores a request with this bearer, as if it had been asked. */
  storeRequest(token: string): void
  /** Callbacks for unknown requests before Keycloak stores one. */
  storesAfter(refusals: number): void
  setWeather(weather: Weather): void
  /** Publishes these keys from now on instead of its own. */
  publishKeys(keys: readonly unknown[]): void
  /** Starts CIBA at this address for the channel, as the backchannel endpoint does. */
  ask(
    channel: string,
    question: Question,
    more?: { readonly claims?: JWTPayload; readonly token?: string; readonly forged?: boolean },
  ): Promise<RealmReply>
  /** The client's response at the token endpoint. */
  outcome(
    authResultId: string,
  ): 'authorization_pending' | 'tokens' | 'access_denied' | 'invalid_grant'
}

type StoredRequest = { decision: 'SUCCEED' | 'UNAUTHORIZED' | 'CANCELLED' | null }

const lifetimeSeconds = 120

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

const createKeys = () => generateKeyPair('RS256')
/** Of realms that have ended: a pair takes long to create, and only what runs needs its own. */
const freeKeys: Awaited<ReturnType<typeof createKeys>>[] = []
let strangerKeys: ReturnType<typeof createKeys> | undefined
/** The key of no realm. */
async function strangerKey() {
  strangerKeys ??= createKeys()
  return (await strangerKeys).privateKey
}

export async function startKeycloakDouble(realm = 'staff'): Promise<KeycloakDouble> {
  const keys = freeKeys.pop() ?? (await createKeys())
  const { publicKey, privateKey } = keys
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
  const callbacks: { status: string; answer: number }[] = []
  const requests = new Map<string, StoredRequest>()
  const arriving = new Set<string>()
  let refusalsFirst = 0
  let keyFetches = 0
  let publishedKeys: readonly unknown[] = [jwk]
  let weather: Weather = 'fair'
  const tokens = new Map<string, string>()

  /** BackchannelAuthenticationCallbackEndpoint: 200, or why not. */
  function callback(token: string | undefined, status: string): number {
    if (token === undefined) return 401
    const id = tokens.get(token)
    if (id === undefined) return 403
    if (arriving.has(id) && refusalsFirst-- <= 0) {
      arriving.delete(id)
      requests.set(id, { decision: null })
    }
    const storedRequest = requests.get(id)
    if (!storedRequest) return 403
    if (storedRequest.decision !== null) {
      // `cancelRequest`: the second callback removes the decided request.
      requests.delete(id)
      return 403
    }
    if (status !== 'SUCCEED' && status !== 'UNAUTHORIZED' && status !== 'CANCELLED') return 400
    storedRequest.decision = status
    return 200
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '', 'http://x').pathname
    const text = await bodyOf(request)
    if (path === `/realms/${realm}/protocol/openid-connect/certs`) {
      keyFetches++
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ keys: publishedKeys }))
      return
    }
    if (path !== `/realms/${realm}/protocol/openid-connect/ext/ciba/auth/callback`) {
      response.writeHead(404).end()
      return
    }
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
    const { status } = JSON.parse(text)
    const answer = weather === 'failing' ? 500 : callback(token, status)
    callbacks.push({ status, answer })
    if (weather === 'silent') return
    response.writeHead(answer).end()
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const issuer = `http://127.0.0.1:${address.port}/realms/${realm}`

  return {
    issuer,
    callbacks,
    keyFetches: () => keyFetches,
    publishKeys(keys) {
      publishedKeys = keys
    },
    storeRequest(token) {
      const id = randomUUID()
      tokens.set(token, id)
      requests.set(id, { decision: null })
    },
    storesAfter(refusals) {
      refusalsFirst = refusals
    },
    setWeather(next) {
      weather = next
    },

    async ask(channel, question, { claims = {}, token: ownToken, forged = false } = {}) {
      const authResultId = randomUUID()
      const now = Math.floor(Date.now() / 1000)
      const token =
        ownToken ??
        (await new SignJWT({
          typ: 'Bearer',
          iss: issuer,
          aud: issuer,
          jti: authResultId,
          azp: 'payroll',
          sub: randomUUID(),
          iat: now,
          exp: now + lifetimeSeconds,
          ...claims,
        })
          .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'k1' })
          .sign(forged ? await strangerKey() : privateKey))
      const body = { is_consent_required: false, scope: 'openid', acr_values: null, ...question }
      const response = await fetch(channel, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
      })
      const { status } = response
      // `storeAuthenticationRequest` comes after the 201, and only then.
      if (status === 201 && ownToken === undefined) {
        tokens.set(token, authResultId)
        arriving.add(authResultId)
      }
      return { status, token, authResultId }
    },

    outcome(id) {
      const storedRequest = requests.get(id)
      if (!storedRequest) return arriving.has(id) ? 'authorization_pending' : 'invalid_grant'
      if (storedRequest.decision === null) return 'authorization_pending'
      return storedRequest.decision === 'SUCCEED' ? 'tokens' : 'access_denied'
    },

    async [Symbol.asyncDispose]() {
      // Some tests end it twice.
      if (!freeKeys.includes(keys)) freeKeys.push(keys)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
