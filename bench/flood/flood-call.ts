// What a flood sends, over one of its connections.

import { randomBytes } from 'node:crypto'
import { HttpConnection, type Reply } from '../http-connection.ts'

export const floods = ['claims', 'passcodes', 'polls', 'portal'] as const
export type Flood = (typeof floods)[number]

/** Who floods: strangers who know the tenant, or that tenant's relying party with its users. */
export type FloodSource = {
  readonly origin: string
  readonly tenantId: string
  readonly key: string
  /** One for each connection, as far as the flood needs them; as many pending challenges. */
  readonly userIds: readonly string[]
  readonly challengeIds: readonly string[]
}

/** Sends the next request, and says what came of it: the status, or `dropped` by this side. */
export type FloodCall = { send(): Promise<string>; close(): void }

const callTimeoutMs = 10_000
/** An open poll is dropped after up to this time. */
const pollMsMax = 50

/** Whether it comes from strangers, each at an address in a network of its own. */
export function isOfStrangers(flood: Flood): boolean {
  return flood === 'claims' || flood === 'portal'
}

/** The calls of the n-th connection of a flood. */
export function floodCall(flood: Flood, source: FloodSource, n: number): FloodCall {
  const from = isOfStrangers(flood) ? `127.${1 + (n % 250)}.0.1` : '127.0.0.2'
  const connection = new HttpConnection(source.origin, from)
  const send = senders[flood](source, connection, n)
  return { send, close: () => connection.close() }
}

type Sender = (source: FloodSource, connection: HttpConnection, n: number) => () => Promise<string>

const senders: Readonly<Record<Flood, Sender>> = {
  claims: ({ tenantId }, connection) => {
    const keys = { possession: { kty: 'EC', crv: 'P-256', x: coordinate, y: coordinate } }
    const device = { name: 'P', platform: 'ios', model: 'M', osVersion: '1', appVersion: '1' }
    const proofs = { possession: `a.b.${'c'.repeat(86)}` }
    const claim = { tenantId, appId: 'com.example.app', device, keys, proofs }
    return () =>
      statusOf(post(connection, '/device/v1/enrollments/claim', { ...claim, code: madeUp() }))
  },
  portal:
    ({ tenantId }, connection) =>
    () =>
      statusOf(post(connection, '/portal/v1/sessions', { tenantId, token: madeUp() }, sameOrigin)),
  passcodes: ({ key, userIds }, connection, n) => {
    const target = `/v1/users/${userIds[n]}/passcodes/verify`
    return () => statusOf(post(connection, target, { code: wrongCode() }, bearer(key)))
  },
  polls,
}

/** By turns a read and a long poll that is dropped, of the connection's own challenge. */
function polls({ key, challengeIds }: FloodSource, connection: HttpConnection, n: number) {
  const target = `/v1/challenges/${challengeIds[n]}`
  let isRead = false
  const poll = (): Promise<string> => {
    const timer = setTimeout(() => connection.close(), Math.random() * pollMsMax)
    return statusOf(get(connection, `${target}?wait=30`, key))
      .catch(() => 'dropped')
      .finally(() => clearTimeout(timer))
  }
  return () => {
    isRead = !isRead
    return isRead ? statusOf(get(connection, target, key)) : poll()
  }
}

const coordinate = 'A'.repeat(43)
const sameOrigin = { 'sec-fetch-site': 'same-origin' }
const madeUp = () => randomBytes(32).toString('base64url')
const wrongCode = () => String(Math.floor(Math.random() * 1e6)).padStart(6, '0')
const bearer = (key: string) => ({ authorization: `Bearer ${key}` })

function post(
  connection: HttpConnection,
  target: string,
  body: object,
  more: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const headers = { 'content-type': 'application/json', ...more }
  const call = { method: 'POST', target, headers, timeoutMs: callTimeoutMs } as const
  return connection.call({ ...call, body: JSON.stringify(body) })
}

function get(connection: HttpConnection, target: string, key: string): Promise<Reply> {
  return connection.call({ method: 'GET', target, headers: bearer(key), timeoutMs: callTimeoutMs })
}

async function statusOf(reply: Promise<Reply>): Promise<string> {
  return String((await reply).status)
}
