import { createHash, randomBytes } from 'node:crypto'
import { CompactSign } from 'jose'
import type { DeviceKey } from '../../clients/device/src/keys.ts'
import type { Phone, Reply, RunningService } from './running-service.ts'

const encoder = new TextEncoder()
export const hash = (text: string) => createHash('sha256').update(text).digest('base64url')
export const freshJti = () => randomBytes(16).toString('base64url')
export const seconds = (offset = 0) => Math.floor(Date.now() / 1000) + offset

/** Signs any claims under any header: also what no honest device would send. */
export function sign(
  key: DeviceKey,
  typ: string,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<string> {
  return new CompactSign(encoder.encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'ES256', typ, kid: key.kid, ...header })
    .sign(key.privateKey)
}

export type DeviceCall = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  /** Beside the proof. */
  readonly headers?: Readonly<Record<string, string>>
  /** Claims that differ from those of an honest proof; undefined leaves one out. */
  readonly claims?: Record<string, unknown>
  readonly header?: Record<string, unknown>
  readonly key?: DeviceKey
  readonly typ?: string
}

/** The proof that goes with a call. */
export function proofFor(
  { origin, tenantId }: Pick<RunningService, 'origin' | 'tenantId'>,
  phone: Phone,
  { method, path, body, claims, header, key, typ }: DeviceCall,
): Promise<string> {
  const honest = {
    tid: tenantId,
    did: phone.deviceId,
    htm: method,
    htu: `${origin}${path}`,
    iat: seconds(),
    jti: freshJti(),
    ...(body !== undefined && { bh: hash(JSON.stringify(body)) }),
  }
  return sign(
    key ?? phone.keys.possession,
    typ ?? 'device-proof+jwt',
    { ...honest, ...claims },
    header,
  )
}

/** Makes a device call, with this proof instead of an honest one where it is given. */
export async function callAsDevice(
  service: Pick<RunningService, 'origin' | 'tenantId'>,
  phone: Phone,
  call: DeviceCall,
  proof?: string,
): Promise<Reply> {
  const { method, path, body } = call
  const response = await fetch(`${service.origin}${path}`, {
    method,
    headers: {
      'device-proof': proof ?? (await proofFor(service, phone, call)),
      ...call.headers,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const json = text === '' ? undefined : JSON.parse(text)
  return { status: response.status, headers: response.headers, text, json }
}
