import { fcmError, fieldError } from './fcm-errors.ts'
import type { GatewayReply } from './gateway-reply.ts'

/** The target of a message. */
export type FcmTarget = {
  readonly kind: 'token' | 'fid' | 'topic' | 'condition'
  readonly value: string
}

/** A valid message. */
export type FcmMessage = {
  readonly target: FcmTarget
  readonly data: Readonly<Record<string, string>>
  readonly notification: Readonly<Record<string, unknown>> | undefined
  readonly collapseKey: string | undefined
  readonly priority: 'high' | 'normal'
  readonly ttlSeconds: number
  readonly validateOnly: boolean
}

type Json = Readonly<Record<string, unknown>>

/** Keys plus values sent to the device, in bytes; half for topics. */
const PAYLOAD_LIMIT_BYTES = 4096
const TOPIC_PAYLOAD_LIMIT_BYTES = 2048
/** Four weeks: the longest lifetime of a message, and the default. */
const TTL_LIMIT_SECONDS = 2_419_200
const RESERVED_KEY = /^(?:from|gcm|message_type|google.*|gcm\..*)$/i
const TARGET_KINDS = ['token', 'fid', 'topic', 'condition'] as const
const MESSAGE_FIELDS = [
  ...TARGET_KINDS,
  'name',
  'data',
  'notification',
  'android',
  'webpush',
  'apns',
  'fcm_options',
  'fcmOptions',
]

/** Whether the outcome is an answer already. */
export function isReply(value: object): value is GatewayReply {
  return 'status' in value && 'body' in value
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknownField(
  where: string,
  body: Json,
  knownFields: readonly string[],
): GatewayReply | undefined {
  const name = Object.keys(body).find((key) => !knownFields.includes(key))
  if (name === undefined) return undefined
  const at = where === '' ? '' : ` at '${where}'`
  const text = `Invalid JSON payload received. Unknown name "${name}"${at}: Cannot find field.`
  return fieldError(where, text, 'json')
}

function readTarget(message: Json): GatewayReply | FcmTarget {
  const kinds = TARGET_KINDS.filter((kind) => message[kind] !== undefined)
  const [kind, second] = kinds
  if (!kind) return fieldError('message', 'Recipient of the message is not set.', 'fcm')
  if (second) {
    const text = `Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '${second}'`
    return fieldError('message', text, 'json')
  }
  const value = message[kind]
  if (typeof value !== 'string') {
    return fieldError(`message.${kind}`, `Invalid value at 'message.${kind}' (TYPE_STRING)`, 'json')
  }
  return { kind, value }
}

function readData(where: string, value: unknown): GatewayReply | Record<string, string> {
  if (value === undefined) return {}
  if (!isObject(value)) return fieldError(where, `Invalid value at '${where}' (map)`, 'json')
  const data: Record<string, string> = {}
  for (const [index, [key, text]] of Object.entries(value).entries()) {
    const field = `${where}[${index}].value`
    if (typeof text !== 'string') {
      const shownValue = JSON.stringify(text)
      return fieldError(field, `Invalid value at '${field}' (TYPE_STRING), ${shownValue}`, 'json')
    }
    if (RESERVED_KEY.test(key)) return fieldError(where, `Invalid data payload key: ${key}`, 'fcm')
    data[key] = text
  }
  return data
}

function readTtl(value: unknown): GatewayReply | { seconds: number } {
  if (value === undefined) return { seconds: TTL_LIMIT_SECONDS }
  const field = 'message.android.ttl'
  const digits =
    typeof value === 'string' ? /^(-?\d{1,12}(?:\.\d{1,9})?)s$/.exec(value)?.[1] : undefined
  if (digits === undefined) {
    const text = `Invalid value at '${field}' (type.googleapis.com/google.protobuf.Duration), ${JSON.stringify(value)}`
    return fieldError(field, text, 'json')
  }
  const seconds = Math.floor(Number(digits))
  if (seconds < 0 || Number(digits) > TTL_LIMIT_SECONDS) {
    return fieldError(field, 'Invalid ttl value: must be between 0 and 2419200 seconds', 'fcm')
  }
  return { seconds }
}

function readPriority(
  value: unknown,
  visible: boolean,
): GatewayReply | { level: 'high' | 'normal' } {
  if (value === undefined) return { level: visible ? 'high' : 'normal' }
  const level = typeof value === 'string' ? value.toLowerCase() : ''
  if (level === 'high' || level === 'normal') return { level }
  const field = 'message.android.priority'
  const text = `Invalid value at '${field}' (type.googleapis.com/google.firebase.fcm.v1.AndroidMessagePriority), ${JSON.stringify(value)}`
  return fieldError(field, text, 'json')
}

function sizeOf(data: Json): number {
  let bytes = 0
  for (const [key, value] of Object.entries(data)) {
    bytes += Buffer.byteLength(key)
    bytes += Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value))
  }
  return bytes
}

function readFields(message: Json, android: Json, target: FcmTarget): GatewayReply | FcmMessage {
  const common = readData('message.data', message.data)
  if (isReply(common)) return common
  const own = readData('message.android.data', android.data)
  if (isReply(own)) return own
  const shownNotification = android.notification ?? message.notification
  const notification = isObject(shownNotification) ? shownNotification : undefined
  const ttl = readTtl(android.ttl)
  if (isReply(ttl)) return ttl
  const priority = readPriority(android.priority, notification !== undefined)
  if (isReply(priority)) return priority
  const collapseKey = android.collapse_key ?? android.collapseKey
  const data = { ...common, ...own }
  const wide = target.kind === 'topic' || target.kind === 'condition'
  if (
    sizeOf(data) + sizeOf(notification ?? {}) >
    (wide ? TOPIC_PAYLOAD_LIMIT_BYTES : PAYLOAD_LIMIT_BYTES)
  ) {
    return fieldError('message', 'Android message is too big', 'fcm')
  }
  return {
    target,
    data,
    notification,
    collapseKey: typeof collapseKey === 'string' ? collapseKey : undefined,
    priority: priority.level,
    ttlSeconds: ttl.seconds,
    validateOnly: false,
  }
}

/**
 * Reads the body of `messages:send` (REST reference, `projects.messages`), with Google's names or
 * in camelCase as protobuf JSON allows.
 */
export function readMessage(body: unknown): GatewayReply | FcmMessage {
  if (!isObject(body)) return fcmError('INVALID_ARGUMENT', { details: [] })
  const outer = unknownField('', body, ['message', 'validate_only', 'validateOnly'])
  if (outer) return outer
  const { message } = body
  if (!isObject(message)) return fieldError('message', 'Message must be set.', 'fcm')
  const inner = unknownField('message', message, MESSAGE_FIELDS)
  if (inner) return inner
  const target = readTarget(message)
  if (isReply(target)) return target
  const android = isObject(message.android) ? message.android : {}
  const read = readFields(message, android, target)
  const validateOnly = body.validate_only === true || body.validateOnly === true
  return isReply(read) ? read : { ...read, validateOnly }
}
