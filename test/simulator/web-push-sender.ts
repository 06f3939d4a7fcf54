// A sender of pushes to browsers by the standards alone: RFC 8030, 8188, 8291 and 8292.

import { createECDH, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { request } from 'node:https'
import ece from 'http_ece'
import type { Subscription } from '../../simulator/browsers.ts'
import type { Address } from '../../simulator/tls-listener.ts'

/** A key pair of a sender; `point` is what browsers subscribe under. */
export function aKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65)
  return { privateKey, point: point.toString('base64url') }
}

type Claims = { readonly aud?: string; readonly exp?: number; readonly sub?: string | undefined }
type SenderKey = { readonly privateKey: KeyObject; readonly point: string }

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The sender's identification for this endpoint. */
export function vapid(
  endpoint: string,
  { privateKey: key, point }: SenderKey,
  { nowMs = Date.now(), ...claims }: Claims & { readonly nowMs?: number } = {},
): string {
  const { origin } = new URL(endpoint)
  const exp = Math.floor(nowMs / 1000) + 3_600
  const usual = { aud: origin, exp, sub: 'mailto:ops@example.com' }
  const input = `${part({ typ: 'JWT', alg: 'ES256' })}.${part({ ...usual, ...claims })}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `vapid t=${input}.${signature.toString('base64url')}, k=${point}`
}

/** The text for this browser alone. */
export function encrypt(text: string, { keys }: Subscription): Buffer {
  const privateKey = createECDH('prime256v1')
  privateKey.generateKeys()
  const { p256dh: dh, auth: authSecret } = keys
  return ece.encrypt(Buffer.from(text), { version: 'aes128gcm', privateKey, dh, authSecret })
}

export type WebPush = {
  readonly method?: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

export type WebPushAnswer = {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

/** Posts to the endpoint's push service, which is at `at`. */
export function postPush(
  at: Address,
  ca: string,
  endpoint: string,
  { method = 'POST', headers, body }: WebPush,
): Promise<WebPushAnswer> {
  const url = new URL(endpoint)
  const definedHeaders = Object.entries(headers).filter(([, value]) => value !== undefined)
  return new Promise((resolve, reject) => {
    const call = request(
      {
        ...{ host: at.host, port: at.port, method, path: url.pathname + url.search, ca },
        servername: url.hostname,
        agent: false,
        headers: { host: url.host, ...Object.fromEntries(definedHeaders) } as Record<
          string,
          string
        >,
      },
      async (answer) => {
        const text = (await answer.toArray()).join('')
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text })
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}
