import { createPrivateKey } from 'node:crypto'
import http2 from 'node:http2'
import https from 'node:https'
import { CompactSign } from 'jose'
import type { ApnsCredentials } from '../../simulator/credentials.ts'
import type { Simulator } from '../../simulator/simulator.ts'

/** An answer as received. */
export type WireAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

const encode = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

/** A provider token as a client signs it; every part can be replaced. */
export async function signProviderToken(
  credentials: Pick<ApnsCredentials, 'keyPem' | 'keyId' | 'teamId'>,
  issuedAtMs = Date.now(),
  claims: object = {},
): Promise<string> {
  const iat = Math.floor(issuedAtMs / 1000)
  return new CompactSign(encode({ iss: credentials.teamId, iat, ...claims }))
    .setProtectedHeader({ alg: 'ES256', kid: credentials.keyId })
    .sign(createPrivateKey(credentials.keyPem))
}

/** A bare HTTP/2 connection to the APNs gateway, under any name. */
export class ApnsClient implements AsyncDisposable {
  readonly session: http2.ClientHttp2Session
  readonly goaways: { readonly lastStreamId: number; readonly text: string }[] = []

  constructor(simulator: Simulator, name = 'api.push.apple.com') {
    const { host, port } = simulator.apns
    const url = name === host ? `https://${host}:${port}` : `https://${name}`
    this.session = http2.connect(url, { ca: simulator.caPem, servername: name, host, port })
    this.session.on('error', () => undefined)
    this.session.on('goaway', (_code, lastStreamId, data) => {
      this.goaways.push({ lastStreamId, text: data ? Buffer.from(data).toString() : '' })
    })
  }

  /** One request; rejects when the stream ends without an answer. */
  request(
    headers: http2.OutgoingHttpHeaders,
    body: string | Buffer = '{"aps":{"alert":"hello"}}',
  ): Promise<WireAnswer> {
    const stream = this.session.request({ ':method': 'POST', ...headers })
    const answer = collect(stream)
    if (stream.writable) stream.end(body)
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.session.destroy()
  }
}

async function collect(stream: http2.ClientHttp2Stream): Promise<WireAnswer> {
  const headers = await new Promise<http2.IncomingHttpHeaders & { ':status'?: number }>(
    (resolve, reject) => {
      stream.on('response', resolve)
      stream.on('error', reject)
      stream.on('close', () => reject(new Error(`stream closed with code ${stream.rstCode}`)))
    },
  )
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return { status: headers[':status'] ?? 0, headers, text }
}

/** The header fields of a valid push. */
export async function rightHeaders(
  simulator: Simulator,
  deviceToken: string,
): Promise<Record<string, string>> {
  const [topic = ''] = simulator.credentials.apns.bundleIds
  return {
    ':path': `/3/device/${deviceToken}`,
    authorization: `bearer ${await signProviderToken(simulator.credentials.apns)}`,
    'apns-topic': topic,
    'apns-push-type': 'alert',
  }
}

/**
 * Redirects every connection to the gateway; name, SNI and certificate check stay those of the real
 * host.
 */
export class RedirectAgent extends https.Agent {
  readonly #to: { readonly host: string; readonly port: number }

  constructor(simulator: Simulator) {
    super({ keepAlive: true, ca: simulator.caPem })
    this.#to = simulator.fcm
  }

  override createConnection(
    options: https.RequestOptions & { servername?: string; host?: string },
    callback?: (error: Error | null, stream: import('node:stream').Duplex) => void,
  ): import('node:stream').Duplex | null | undefined {
    const servername = options.servername || options.host
    return super.createConnection(
      { ...options, ...this.#to, ...(servername ? { servername } : {}) },
      callback,
    )
  }
}

/** One HTTP/1.1 request to Google's side of the gateway. */
export function requestGoogle(
  agent: https.Agent,
  url: string,
  options: { headers?: Record<string, string>; method?: string; body?: string } = {},
): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', headers = {}, body = '' } = options
    const request = https.request(url, { agent, method, headers }, (response) => {
      let text = ''
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** What a service account signs to get an access token; every part can be replaced. */
export async function signAssertion(
  simulator: Simulator,
  claims: object = {},
  header: object = {},
): Promise<string> {
  const account = simulator.credentials.fcm.serviceAccount
  const iat = Math.floor(Date.now() / 1000)
  const right = {
    iss: account.client_email,
    aud: 'https://oauth2.googleapis.com/token',
    scope: 'https://www.googleapis.com/auth/firebase.messaging',
    iat,
    exp: iat + 3600,
  }
  return new CompactSign(encode({ ...right, ...claims }))
    .setProtectedHeader({ alg: 'RS256', kid: account.private_key_id, ...header })
    .sign(createPrivateKey(account.private_key))
}

/** Trades an assertion for the token endpoint's answer. */
export function requestToken(agent: https.Agent, assertion: string): Promise<WireAnswer> {
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
  }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return requestGoogle(agent, 'https://oauth2.googleapis.com/token', { headers, body })
}

/** A working access token. */
export async function getAccessToken(simulator: Simulator, agent: https.Agent): Promise<string> {
  const answer = await requestToken(agent, await signAssertion(simulator))
  return (JSON.parse(answer.text) as { access_token: string }).access_token
}
