// A client of version 1 of the Auth API by this project's code, without TLS: it can misbehave.

import { createHmac } from 'node:crypto'
import type { Answer, AuthApiDoor } from './auth-api.ts'

/** Deviations of a call from what released clients send. */
export type LegacyMisbehaviour = {
  readonly format?: 'json' | 'bson'
  readonly algorithm?: 'sha1' | 'sha512'
  readonly secret?: string
  /** Sent as `X-Duo-Date`, and signed as duo_unix 2.0.4 does. */
  readonly date?: string
  /** Called and signed instead of the path of version 1. */
  readonly path?: string
  /** Sent instead of the signed form. */
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

type LegacyReply = {
  readonly status: number
  readonly type: string
  readonly json: Answer
}

/** Reads what bsonspec.org says of texts, int32 and documents; anything else is an error. */
export function decodeBson(bytes: Buffer): Answer {
  if (bytes.readInt32LE(0) !== bytes.length || bytes.at(-1) !== 0) throw new Error('no document')
  const document: Answer = {}
  let at = 4
  while (bytes[at] !== 0) {
    const kind = bytes[at]
    const end = bytes.indexOf(0, at + 1)
    const name = bytes.toString('utf8', at + 1, end)
    const length = bytes.readInt32LE(end + 1)
    if (kind === 0x10) document[name] = length
    else if (kind === 0x02) document[name] = bytes.toString('utf8', end + 5, end + 4 + length)
    else if (kind === 0x03) document[name] = decodeBson(bytes.subarray(end + 1, end + 1 + length))
    else throw new Error(`kind ${kind}`)
    at = end + 1 + (kind === 0x10 ? 4 : kind === 0x02 ? 4 + length : length)
  }
  if (at !== bytes.length - 1) throw new Error('more than one document')
  return document
}

/** As in RFC 3986. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/** A call as released clients sign it: HMAC-SHA-1, and no date. */
export async function callLegacy(
  origin: string,
  { integrationKey, secret }: Pick<AuthApiDoor, 'integrationKey' | 'secret'>,
  method: 'GET' | 'POST',
  name: 'preauth' | 'auth' | 'status',
  params: Readonly<Record<string, string>>,
  how: LegacyMisbehaviour = {},
): Promise<LegacyReply> {
  const { format = 'bson', algorithm = 'sha1', date } = how
  const path = how.path ?? `/rest/v1/${name}.${format}`
  const form = Object.entries(params)
    .map(([key, value]) => `${encode(key)}=${encode(value)}`)
    .sort()
    .join('&')
  const dateLines = date === undefined ? [] : [date]
  const text = [...dateLines, method, new URL(origin).hostname, path, form].join('\n')
  const mac = createHmac(algorithm, how.secret ?? secret).update(text)
  const login = Buffer.from(`${integrationKey}:${mac.digest('hex')}`).toString('base64')
  const response = await fetch(`${origin}${path}${method === 'GET' ? `?${form}` : ''}`, {
    method,
    headers: {
      authorization: `Basic ${login}`,
      ...(date !== undefined && { 'x-duo-date': date }),
      ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...how.headers,
    },
    ...(method === 'POST' && { body: how.body ?? form }),
    ...(how.signal && { signal: how.signal }),
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    json: format === 'bson' ? decodeBson(bytes) : JSON.parse(bytes.toString()),
  }
}
