// Microsoft Entra as far as its External MFA goes, written from its documentation alone: the keys
// of its clouds, the hints that it signs, and what it makes of an answer.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'

const clouds = {
  global: 'https://login.microsoftonline.com',
  us_government: 'https://login.microsoftonline.us',
  china: 'https://login.partner.microsoftonline.cn',
} as const
export type Cloud = keyof typeof clouds

export const externalAuthProviderOf = (cloud: Cloud) =>
  `${clouds[cloud]}/common/federation/externalauthprovider`

/** The values that Entra asks for, as its documentation shows them. */
export const claimsAsked = {
  id_token: {
    acr: { essential: true, values: ['possessionorinherence'] },
    amr: {
      essential: true,
      values: [
        ...['face', 'fido', 'fpt', 'hwk', 'iris', 'otp', 'pop', 'retina', 'sc', 'sms', 'swk'],
        ...['tel', 'vbm'],
      ],
    },
  },
}

const createKeys = () => generateKeyPair('RS256')
let sharedKeys: ReturnType<typeof createKeys> | undefined
let strangerKeys: ReturnType<typeof createKeys> | undefined

export type HintOptions = {
  readonly cloud?: Cloud
  readonly claims?: JWTPayload
  readonly header?: Readonly<Record<string, string>>
  /** Signed by a key that is nobody's. */
  readonly forged?: boolean
}

/** What reaches Entra by the posted form. */
export type PostedAnswer = Readonly<Record<string, string>>

export type EntraDouble = AsyncDisposable & {
  readonly entraTenantId: string
  readonly applicationId: string
  readonly objectId: string
  /** The pairwise subject of the person at the application. */
  readonly subject: string
  discoveryUrlOf(cloud: Cloud): string
  /** A hint for the person, signed now, and expired as Entra's are. */
  hint(options?: HintOptions): Promise<string>
  /** The form that Entra has the browser post. */
  form(request: {
    readonly clientId: string
    readonly hint: string
    readonly more?: Readonly<Record<string, string | undefined>>
    readonly cloud?: Cloud
  }): Record<string, string>
  /** Entra's decision on what was posted: signed in, or the first thing that is wrong. */
  decide(
    answer: PostedAnswer,
    expectations: {
      readonly issuer: string
      readonly jwks: JSONWebKeySet
      readonly clientId: string
      readonly nonce: string
      readonly state?: string
      readonly now?: Date
    },
  ): Promise<'signed in' | string>
  /** Publishes keys with this issuer from now on; as Microsoft does where undefined. */
  publishIssuer(issuer: string | null | undefined): void
  setWeather(weather: 'fair' | 'failing' | 'elsewhere' | 'no keys'): void
  readonly fetches: string[]
}

const amrOfPossession = ['hwk', 'swk', 'pop', 'otp', 'sc', 'sms', 'tel', 'fido']

/** Starts the clouds on loopback. */
export async function startEntraDouble(): Promise<EntraDouble> {
  sharedKeys ??= createKeys()
  const { publicKey, privateKey } = await sharedKeys
  const jwk = { ...(await exportJWK(publicKey)), kid: 'ms-1', use: 'sig' }
  const [entraTenantId, applicationId, objectId] = [randomUUID(), randomUUID(), randomUUID()]
  const subject = `pairwise-${objectId.slice(0, 8)}`
  const fetches: string[] = []
  let keyIssuer: string | null | undefined
  let weather: Parameters<EntraDouble['setWeather']>[0] = 'fair'

  const server = createServer((request, reply) => {
    const { url = '' } = request
    fetches.push(url)
    const [, cloud = ''] = url.split('/')
    const origin = clouds[cloud as Cloud]
    const { port } = server.address() as AddressInfo
    const base = `http://127.0.0.1:${port}/${cloud}`
    const send = (status: number, body: object) =>
      reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (weather === 'failing' || !origin) return send(503, {})
    if (url.endsWith('/.well-known/openid-configuration')) {
      const host = weather === 'elsewhere' ? `http://127.0.0.2:${port}/${cloud}` : base
      return send(200, {
        issuer: `${origin}/{tenantid}/v2.0`,
        jwks_uri: `${host}/common/discovery/v2.0/keys`,
      })
    }
    const template = `${origin}/{tenantid}/v2.0`
    const issuer = keyIssuer === undefined ? template : keyIssuer
    const key = { ...jwk, ...(issuer !== null && { issuer }) }
    return send(200, { keys: weather === 'no keys' ? [] : [key] })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    ...{ entraTenantId, applicationId, objectId, subject, fetches },
    discoveryUrlOf: (cloud) =>
      `http://127.0.0.1:${port}/${cloud}/common/v2.0/.well-known/openid-configuration`,

    async hint({ cloud = 'global', claims = {}, header = {}, forged = false } = {}) {
      strangerKeys ??= createKeys()
      const key = forged ? (await strangerKeys).privateKey : privateKey
      const iat = Math.floor(Date.now() / 1000)
      return new SignJWT({
        ver: '2.0',
        iss: `${clouds[cloud]}/${entraTenantId}/v2.0`,
        aud: applicationId,
        tid: entraTenantId,
        oid: objectId,
        sub: subject,
        ...{ iat, nbf: iat, exp: iat - 1, uti: randomUUID() },
        preferred_username: 'ada@example.com',
        name: 'Ada Lovelace',
        ...claims,
      })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'ms-1', ...header })
        .sign(key)
    },

    form({ clientId, hint, more = {}, cloud = 'global' }) {
      const form = {
        scope: 'openid',
        response_type: 'id_token',
        response_mode: 'form_post',
        client_id: clientId,
        redirect_uri: externalAuthProviderOf(cloud),
        nonce: randomUUID(),
        state: randomUUID(),
        id_token_hint: hint,
        claims: JSON.stringify(claimsAsked),
        'client-request-id': randomUUID(),
        ...more,
      }
      const members = Object.entries(form).filter(([, value]) => value !== undefined)
      return Object.fromEntries(members) as Record<string, string>
    },

    async decide(answer, { issuer, jwks, clientId, nonce, state, now = new Date() }) {
      if (answer.error !== undefined) return `error: ${answer.error}`
      if (answer.state !== state) return 'state'
      const { id_token: token } = answer
      if (token === undefined) return 'no id_token'
      try {
        const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(jwks), {
          algorithms: ['RS256'],
          ...{ issuer, audience: clientId, subject, currentDate: now },
          requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub', 'nonce', 'acr', 'amr'],
        })
        const key = jwks.keys.find(({ kid }) => kid === protectedHeader.kid)
        if (!Array.isArray(key?.x5c) || key.x5c.length === 0) return 'x5c'
        if (payload.aud !== clientId) return 'aud'
        if (payload.nonce !== nonce) return 'nonce'
        if (!claimsAsked.id_token.acr.values.includes(String(payload.acr))) return 'acr'
        const { amr } = payload
        if (!Array.isArray(amr) || amr.length !== 1) return 'amr is one'
        return amrOfPossession.includes(String(amr[0])) ? 'signed in' : 'amr'
      } catch (error) {
        return error instanceof Error ? error.message : 'refused'
      }
    },

    publishIssuer(issuer) {
      keyIssuer = issuer
    },
    setWeather(next) {
      weather = next
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
