// Unmodified clients of the Auth API, on a loopback connection with TLS, and one of this project
// that can misbehave.

import { createHmac } from 'node:crypto'
import https from 'node:https'
import { connect, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import { Client } from '@duosecurity/duo_api'
import constants from '@duosecurity/duo_api/lib/constants.js'
import { createTlsCredentials } from '../../simulator/certificates.ts'
import type { Api, Phone, RunningService } from './running-service.ts'
import { until } from './until.ts'

/** An integration for clients of the Auth API. */
export type AuthApiDoor = {
  readonly id: string
  readonly integrationKey: string
  readonly secret: string
  change(changes: object): Promise<void>
  lastError(): Promise<string | undefined>
}

/** The response to such a client. */
// biome-ignore lint/suspicious/noExplicitAny: tests read what they expect; a wrong shape fails them
export type Answer = any

/** Calls one route. */
export type AuthApi = (
  method: 'GET' | 'POST',
  name: string,
  params?: Readonly<Record<string, string>>,
) => Promise<Answer>

export async function createAuthApiDoor(
  { api }: { readonly api: Api },
  more: object = {},
): Promise<AuthApiDoor> {
  const { items } = (await api('GET', '/v1/relying-parties')).json
  const creation = await api('POST', '/v1/integrations', {
    relyingPartyId: items.at(-1).id,
    name: 'Bastion',
    settings: { kind: 'duo_auth_api' },
    ...more,
  })
  if (creation.status !== 201) throw new Error(creation.text)
  const { id, integrationKey, secret } = creation.json
  return {
    id,
    integrationKey,
    secret,
    async change(changes) {
      const update = await api('PATCH', `/v1/integrations/${id}`, changes)
      if (update.status !== 200) throw new Error(update.text)
    },
    async lastError() {
      return (await api('GET', `/v1/integrations/${id}`)).json.lastError?.code
    },
  }
}

/** TLS in front of a service, as a reverse proxy that keeps the Host header. */
export async function startTlsLine(origin: string) {
  const { caPem, certificatePem, keyPem } = await createTlsCredentials()
  const port = Number(new URL(origin).port)
  const open = new Set<Socket>()
  const server = createServer({ key: keyPem, cert: certificatePem }, (near) => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => open.delete(socket))
    }
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the line has no port')
  return {
    port: address.port,
    caPem,
    /** Cuts what is connected, as a proxy or a network does; the next connections work. */
    cut() {
      for (const socket of open) socket.destroy()
    },
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The unmodified client of npm; its pinned certificates and its fixed port are set at run time. */
export function npmClient(
  { port, caPem }: { readonly port: number; readonly caPem: string },
  { integrationKey, secret }: Pick<AuthApiDoor, 'integrationKey' | 'secret'>,
  version: 2 | 5 = 2,
): AuthApi {
  constants.DUO_PINNED_CERT = caPem
  Object.assign(https.globalAgent, { defaultPort: port })
  const client = new Client(integrationKey, secret, 'localhost', version)
  return (method, name, params = {}) =>
    new Promise((resolve) => client.jsonApiCall(method, `/auth/v2/${name}`, params, resolve))
}

/** As in RFC 3986. */
function encode(text: string): string {
  const hex = (one: string) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(text).replace(/[!'()*]/g, hex)
}

/** Deviations of a call from the protocol. */
export type Misbehaviour = {
  readonly date?: string
  readonly dateHeader?: string
  readonly algorithm?: 'sha1' | 'sha512'
  readonly secret?: string
  /** Sent instead of the signed form. */
  readonly form?: string
  /** Sent and signed verbatim. */
  readonly signedForm?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Follows the signature in the credentials. */
  readonly loginEnd?: string
  readonly signal?: AbortSignal
}

/** A signed call by this project's code, version 2, without TLS; the answer with its status. */
export async function callSigned(
  origin: string,
  { integrationKey, secret }: Pick<AuthApiDoor, 'integrationKey' | 'secret'>,
  method: 'GET' | 'POST',
  name: string,
  params: Readonly<Record<string, string>> = {},
  how: Misbehaviour = {},
): Promise<{ readonly status: number; readonly json: Answer }> {
  const { date = new Date().toUTCString(), dateHeader = 'x-duo-date', algorithm = 'sha512' } = how
  const [path = '', query] = `/auth/v2/${name}`.split('?')
  const form = Object.entries(params)
    .map(([key, value]) => `${encode(key)}=${encode(value)}`)
    .sort()
    .join('&')
  const signingInput = [date, method, new URL(origin).hostname, path, how.signedForm ?? form].join(
    '\n',
  )
  const mac = createHmac(algorithm, how.secret ?? secret).update(signingInput)
  const credentials = `${integrationKey}:${mac.digest('hex')}${how.loginEnd ?? ''}`
  const login = Buffer.from(credentials).toString('base64')
  const sentForm = how.form ?? how.signedForm ?? form
  const queryText = query ?? (method === 'GET' ? sentForm : '')
  const url = `${origin}${path}${queryText === '' ? '' : `?${queryText}`}`
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Basic ${login}`,
      [dateHeader]: date,
      ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...how.headers,
    },
    ...(method === 'POST' && { body: sentForm }),
    ...(how.signal && { signal: how.signal }),
  })
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
  return { status: response.status, json: isJson ? await response.json() : { response: {} } }
}

/** The pending request on a phone. */
export function questionTo(phone: Phone) {
  return until('the phone is asked', async () => (await phone.client.pending()).requests[0])
}

/**
 * Has the tenant's policy permit an integration to work without a number, and sets the integration
 * so.
 */
export async function permitNone(
  { api }: Pick<RunningService, 'api'>,
  { id, change }: Pick<AuthApiDoor, 'id' | 'change'>,
): Promise<void> {
  const policy = { profile: 'compat', numberNoneAllowedFor: [id] }
  const policyUpdate = await api('PATCH', '/v1/policy', policy)
  if (policyUpdate.status !== 200) throw new Error(policyUpdate.text)
  await change({ numberMode: 'none' })
}
