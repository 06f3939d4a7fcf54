import { randomBytes } from 'node:crypto'
import type { ServiceAccount } from './credentials.ts'
import { fcmError, fieldError } from './fcm-errors.ts'
import { type FcmMessage, type FcmTarget, isReply, readMessage } from './fcm-message.ts'
import type { GatewayParts } from './gateway-parts.ts'
import { type GatewayReply, type GatewayRequest, jsonReply } from './gateway-reply.ts'
import type { AccessTokens } from './google-oauth.ts'
import type { Phone, Phones } from './phones.ts'
import type { PushLog } from './push-log.ts'

const SEND_PATH = /^\/v1\/projects\/([^/]+)\/messages:send$/
/** A registration token: the installation's id, a colon, and the part that FCM signs. */
const REGISTRATION_TOKEN = /^[A-Za-z0-9_-]{11,}:APA91b[A-Za-z0-9_-]{40,}$/

/** A valid request; the device has not been looked up. */
export type RightMessage = {
  readonly message: FcmMessage
  readonly raw: unknown
  readonly token: string | undefined
}

/** `fcm.googleapis.com/v1/projects/{project}/messages:send`. */
export class MessagesEndpoint {
  readonly #account: ServiceAccount
  readonly #tokens: AccessTokens
  readonly #phones: Phones
  readonly #log: PushLog
  readonly #clock: () => number
  /** Makes message names unique: random once for this gateway, then counted. */
  readonly #nameSuffix = randomBytes(8).toString('hex')
  #names = 0

  constructor(
    account: ServiceAccount,
    tokens: AccessTokens,
    parts: Pick<GatewayParts, 'phones' | 'log' | 'clock'>,
  ) {
    this.#account = account
    this.#tokens = tokens
    this.#phones = parts.phones
    this.#log = parts.log
    this.#clock = parts.clock
  }

  /** Checks the request alone: path, bearer token, project, message. */
  read(request: GatewayRequest): GatewayReply | RightMessage {
    const project = SEND_PATH.exec(request.path)?.[1]
    if (project === undefined || request.method !== 'POST') return notFoundPage(request.path)
    const authorization = String(request.headers.authorization ?? '')
    const bearer = /^bearer (\S+)$/i.exec(authorization)?.[1]
    const verdict = bearer === undefined ? 'unknown' : this.#tokens.validate(bearer)
    if (verdict === 'unknown') return fcmError('UNAUTHENTICATED')
    if (verdict === 'other_scope') return fcmError('PERMISSION_DENIED')
    if (project !== this.#account.project_id) return fcmError('NOT_FOUND')
    const raw = parse(request.body)
    if (raw === undefined) {
      return fcmError('INVALID_ARGUMENT', { message: 'Invalid JSON payload received.' })
    }
    const message = readMessage(raw)
    if (isReply(message)) return message
    const { kind, value } = message.target
    return { message, raw, token: kind === 'token' ? value : undefined }
  }

  /** Accepts a message that `read` let through, or returns Google's error for its device. */
  answer({ message }: RightMessage): GatewayReply {
    const { target } = message
    const prefix = `projects/${this.#account.project_id}/messages`
    if (target.kind === 'token' || target.kind === 'fid') {
      const phone = this.#find(target)
      if (isReply(phone)) return phone
      if (message.validateOnly) return jsonReply(200, { name: `${prefix}/fake_message_id` })
      const name = `${prefix}/${this.#makeName()}`
      this.#accept(message, phone, name)
      return { ...jsonReply(200, { name }), token: phone.token }
    }
    const id = message.validateOnly ? 'fake_message_id' : this.#makeName()
    return jsonReply(200, { name: `${prefix}/${id}` })
  }

  #makeName(): string {
    this.#names += 1
    return `0:${this.#clock()}${String(this.#names).padStart(6, '0')}%${this.#nameSuffix}`
  }

  #find(target: FcmTarget): GatewayReply | Phone {
    if (target.kind === 'token' && !REGISTRATION_TOKEN.test(target.value)) {
      const text = 'The registration token is not a valid FCM registration token'
      return fieldError('message.token', text, 'fcm')
    }
    const phone =
      target.kind === 'fid'
        ? this.#phones.findInstallation(target.value)
        : this.#phones.find(target.value)
    if (phone?.provider !== 'fcm') return fcmError('UNREGISTERED')
    if ((phone.projectId ?? this.#account.project_id) !== this.#account.project_id) {
      return fcmError('SENDER_ID_MISMATCH')
    }
    return phone.unregisteredAt === undefined ? phone : fcmError('UNREGISTERED')
  }

  #accept(message: FcmMessage, phone: Phone, name: string): void {
    const { collapseKey, notification, priority, ttlSeconds, data } = message
    const at = this.#clock()
    const push = this.#log.accept({
      provider: 'fcm',
      id: name,
      token: phone.token,
      appId: phone.appId,
      ...(collapseKey === undefined ? {} : { collapseId: collapseKey }),
      expiresAt: at + ttlSeconds * 1000,
      at,
      priority,
      ttlSeconds,
      data,
      ...(notification === undefined ? {} : { notification }),
    })
    this.#phones.deliver(push)
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return undefined
  }
}

/** The response of Google's front end to an unknown path: HTML, not JSON. */
function notFoundPage(path: string): GatewayReply {
  const shownPath = path.replaceAll(/[<>&"]/g, '')
  const body = `<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p>The requested URL <code>${shownPath}</code> was not found on this server.\n`
  const headers = { 'content-type': 'text/html; charset=UTF-8' }
  return { status: 404, headers, body, reason: 'unknown_path' }
}
