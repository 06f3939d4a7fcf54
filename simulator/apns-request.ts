import type { IncomingHttpHeaders } from 'node:http2'
import { type ApnsRefusal, refuse } from './apns-reasons.ts'

/** The header fields of a valid request. */
export type ApnsRequest = {
  readonly topic: string
  /** The topic without the suffix that some push types require. */
  readonly bundleId: string
  readonly pushType: string
  readonly priority: 10 | 5 | 1
  /**
   * Seconds since the epoch; 0 means deliver once without storing, absent means that Apple decides.
   */
  readonly expirationSeconds: number | undefined
  readonly collapseId: string | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Payload bytes; a VoIP push may be larger. */
const PAYLOAD_LIMIT_BYTES = 4096
const VOIP_PAYLOAD_LIMIT_BYTES = 5120
const COLLAPSE_ID_LIMIT_BYTES = 64
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const TOPIC = /^[A-Za-z0-9][A-Za-z0-9.-]*$/
const TARGET = /^\/3\/device\/([^/?]*)$/

/** Every push type, with the suffix that its topic must carry. */
const TOPIC_SUFFIXES: Readonly<Record<string, string>> = {
  alert: '',
  background: '',
  mdm: '',
  voip: '.voip',
  complication: '.complication',
  fileprovider: '.pushkit.fileprovider',
  location: '.location-query',
  liveactivity: '.push-type.liveactivity',
  pushtotalk: '.voip-ptt',
  widgets: '.push-type.widgets',
  controls: '.push-type.controls',
}

/** The `apns-id` of the request when it is a UUID as required. */
export function readApnsId(headers: IncomingHttpHeaders): string | undefined {
  const id = headers['apns-id']
  return typeof id === 'string' && UUID.test(id) ? id : undefined
}

/** The device token of the path, or why the path or the method is wrong. */
export function readTarget(headers: IncomingHttpHeaders): ApnsRefusal | { deviceToken: string } {
  const deviceToken = TARGET.exec(headers[':path'] ?? '')?.[1]
  if (deviceToken === undefined) return refuse('BadPath')
  if (headers[':method'] !== 'POST') return refuse('MethodNotAllowed')
  if (deviceToken === '') return refuse('MissingDeviceToken')
  return { deviceToken }
}

/**
 * Whether a field that Apple reads occurs more than once; `rawHeaders` alternates names and values.
 */
export function hasDuplicates(rawHeaders: readonly string[]): boolean {
  const seenNames = new Set<string>()
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (!name.startsWith('apns-') && name !== 'authorization') continue
    if (seenNames.has(name)) return true
    seenNames.add(name)
  }
  return false
}

function readApnsHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const own: Record<string, string> = {}
  for (const name in headers) {
    if (name.startsWith('apns-')) own[name] = String(headers[name])
  }
  return own
}

function readPriority(value: string | undefined, pushType: string): 10 | 5 | 1 | undefined {
  const priority = ({ '10': 10, '5': 5, '1': 1 } as const)[value ?? '10']
  return pushType === 'background' && priority === 10 ? undefined : priority
}

/**
 * Reads the `apns-*` header fields of "Sending notification requests to APNs". Stricter than Apple
 * in one point: `apns-push-type` is required (Apple requires it for watchOS and recommends it
 * elsewhere; a sender that forgets it fails here).
 */
export function readRequest(headers: IncomingHttpHeaders): ApnsRefusal | ApnsRequest {
  const own = readApnsHeaders(headers)
  const pushType = own['apns-push-type'] ?? ''
  const topic = own['apns-topic'] ?? ''
  const suffix = Object.hasOwn(TOPIC_SUFFIXES, pushType) ? TOPIC_SUFFIXES[pushType] : undefined
  const priority = readPriority(own['apns-priority'], pushType)
  const expiration = own['apns-expiration']
  const collapseId = own['apns-collapse-id']
  if (own['apns-id'] !== undefined && !UUID.test(own['apns-id'])) return refuse('BadMessageId')
  if (topic === '') return refuse('MissingTopic')
  if (suffix === undefined) return refuse('InvalidPushType')
  if (!TOPIC.test(topic) || !topic.endsWith(suffix)) return refuse('BadTopic')
  if (priority === undefined) return refuse('BadPriority')
  if (expiration !== undefined && !/^\d{1,15}$/.test(expiration)) {
    return refuse('BadExpirationDate')
  }
  if (
    collapseId !== undefined &&
    Buffer.byteLength(collapseId, 'latin1') > COLLAPSE_ID_LIMIT_BYTES
  ) {
    return refuse('BadCollapseId')
  }
  return {
    topic,
    bundleId: topic.slice(0, topic.length - suffix.length),
    pushType,
    priority,
    expirationSeconds: expiration === undefined ? undefined : Number(expiration),
    collapseId,
    headers: own,
  }
}

/** The payload as an object, or the refusal. */
export function readPayload(
  body: Buffer,
  pushType: string,
): ApnsRefusal | { payload: Record<string, unknown> } {
  const limit = pushType === 'voip' ? VOIP_PAYLOAD_LIMIT_BYTES : PAYLOAD_LIMIT_BYTES
  if (body.length === 0) return refuse('PayloadEmpty')
  if (body.length > limit) return refuse('PayloadTooLarge')
  try {
    const payload: unknown = JSON.parse(body.toString('utf8'))
    if (typeof payload === 'object' && payload !== null && !Array.isArray(payload)) {
      return { payload: payload as Record<string, unknown> }
    }
  } catch {
    // Not JSON: the same refusal as a payload without an object.
  }
  return refuse('PayloadEmpty')
}
