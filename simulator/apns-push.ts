import type { IncomingHttpHeaders } from 'node:http2'
import { type ApnsRefusal, isRefusal, refuse } from './apns-reasons.ts'
import {
  type ApnsRequest,
  hasDuplicates,
  readPayload,
  readRequest,
  readTarget,
} from './apns-request.ts'
import type { ConnectionTokens, ProviderTokens } from './apns-token.ts'
import type { Environment, Phone, Phones } from './phones.ts'
import type { ApnsPush } from './pushes.ts'

/** One request as received. */
export type WireRequest = {
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

/** A valid request; the device has not been looked up. */
export type RightPush = {
  readonly deviceToken: string
  readonly request: ApnsRequest
  readonly payload: Record<string, unknown>
}

/** The longest time that Apple stores an undelivered notification. */
const STORAGE_LIMIT_MS = 30 * 24 * 60 * 60 * 1000
const HEX = /^(?:[0-9a-f]{2})+$/i

/** Checks the request alone, in the order path, token, header fields, payload. */
export async function checkRequest(
  wire: WireRequest,
  connection: ConnectionTokens,
  tokens: ProviderTokens,
  bundleIds: ReadonlySet<string>,
): Promise<ApnsRefusal | RightPush> {
  const target = readTarget(wire.headers)
  if (isRefusal(target)) return target
  if (hasDuplicates(wire.rawHeaders)) return refuse('DuplicateHeaders')
  const tokenRefusal = await tokens.validate(connection, wire.headers.authorization)
  if (tokenRefusal) return tokenRefusal
  const request = readRequest(wire.headers)
  if (isRefusal(request)) return request
  const body = readPayload(wire.body, request.pushType)
  if (isRefusal(body)) return body
  if (!HEX.test(target.deviceToken)) return refuse('BadDeviceToken')
  if (!bundleIds.has(request.bundleId)) return refuse('TopicDisallowed')
  return { ...target, request, payload: body.payload }
}

/** The environment that the server name of a client selects; a plain address selects either. */
export function environmentOf(authority: string | undefined): Environment | undefined {
  if (authority === undefined) return undefined
  if (/^api\.push\.apple\.com\b/i.test(authority)) return 'production'
  if (/^api\.(sandbox|development)\.push\.apple\.com\b/i.test(authority)) return 'sandbox'
  return undefined
}

/** Finds the device of a valid push, or returns Apple's refusal. */
export function findDevice(
  phones: Phones,
  push: RightPush,
  authority: string | undefined,
): ApnsRefusal | Phone {
  const phone = phones.find(push.deviceToken.toLowerCase())
  const environment = environmentOf(authority)
  const foreign = environment !== undefined && phone?.environment !== environment
  if (phone?.provider !== 'apns' || foreign) return refuse('BadDeviceToken')
  if (phone.appId !== push.request.bundleId) return refuse('DeviceTokenNotForTopic')
  if (phone.unregisteredAt !== undefined) return refuse('Unregistered', phone.unregisteredAt)
  return phone
}

/** The push that the gateway stores, accepted at `at`. */
export function describePush(
  push: RightPush,
  phone: Phone,
  id: string,
  at: number,
): Omit<ApnsPush, 'sequence'> {
  const { request, payload } = push
  const { expirationSeconds, collapseId, pushType, priority, headers } = request
  const latest = at + STORAGE_LIMIT_MS
  const requestedExpiry = expirationSeconds === undefined ? latest : expirationSeconds * 1000
  return {
    provider: 'apns',
    id,
    token: phone.token,
    appId: phone.appId,
    ...(collapseId === undefined ? {} : { collapseId }),
    expiresAt: expirationSeconds === 0 ? at : Math.min(requestedExpiry, latest),
    at,
    pushType,
    priority,
    headers,
    payload,
  }
}
