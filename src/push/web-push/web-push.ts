import type { IncomingHttpHeaders } from 'node:http'
import { pushServiceOf, readWebPushToken } from '../../domain/push-subscription.ts'
import type { EgressGuard } from '../../platform/net/egress-guard.ts'
import { buildGuardedClient, type GuardedClient } from '../../platform/net/guarded-client.ts'
import { ProxyTunnel, type PushProxy } from '../../platform/net/proxy-tunnel.ts'
import type { Clock } from '../../platform/world.ts'
import { buildBoundedProvider } from '../bounded-provider.adapter.ts'
import { withBreaker } from '../breaker.adapter.ts'
import type { PushMessage, PushProvider, PushResult } from '../push.store.ts'
import { logOutcome, type PushLog, plainText } from '../push-log.adapter.ts'
import { parseRetryAfterMs } from '../retry-after.ts'
import { encryptFor } from './content-encryption.ts'
import { toWebPush } from './notification.ts'
import { buildVapidHeaders, type VapidHeaders, type VapidKey } from './vapid.ts'
import { readWebPushAnswer, readWebPushError } from './web-push-replies.ts'

export type WebPushOptions = {
  readonly keys: { find(publicKey: string): Promise<VapidKey | null> }
  /** The push services that may be reached (domain/push-subscription.ts). */
  readonly hosts: readonly string[]
  /** How a push service reaches the operator: a `mailto:` or an https address. */
  readonly subject: string | null
  /** What a click on a notification opens. */
  readonly page: string
  readonly guard: EgressGuard
  /** Where to connect instead of the push services; host name checks stay theirs. */
  readonly address?: { readonly host: string; readonly port: number }
  /** Authorities to trust in addition to the public ones, in PEM. */
  readonly ca?: readonly string[]
  /** The HTTP proxy through which to connect. */
  readonly proxy?: PushProxy
  /** From the call to the answer, including the wait for a slot; 10,000 by default. */
  readonly deadlineMs?: number
  /** Concurrent requests to one push service; 64 by default. */
  readonly maxInFlight?: number
  readonly clock: Clock
  readonly log: PushLog
}

/** Of an answer's body; reasons are some hundred bytes. */
const detailBytesMax = 1024
/** Breakers that are kept: a wildcard in the list makes the number of origins unlimited. */
const originsMax = 256

type Parts = WebPushOptions & { readonly client: GuardedClient; readonly headers: VapidHeaders }

/**
 * Web Push (RFC 8030) with a sender of our own, through the guarded client: only to push services
 * that are allowed, only to public addresses, without redirects. Each push service has its own
 * slots, so that a slow one delays no other, and each of its origins a breaker of its own: a device
 * chooses its name under a wildcard, and one that does not exist must stop no other. It chooses the
 * path, too, and with it what the push service answers: the breaker stops the devices that fail.
 */
export function buildWebPushProvider(options: WebPushOptions): PushProvider {
  const { address, proxy, ca = [], clock, log, hosts } = options
  const connect = routeOf(address, proxy)
  const client = buildGuardedClient({
    guard: options.guard,
    ca,
    keepAlive: true,
    ...(connect && { connect }),
  })
  const headers = buildVapidHeaders(options.subject, () => clock.now().getTime())
  const parts: Parts = { ...options, client, headers }
  const services = new Map<string, PushProvider>()
  const origins = new Map<string, PushProvider>()

  function openService(service: string): PushProvider {
    const push = services.get(service) ?? buildService(parts)
    services.set(service, push)
    return push
  }

  function openOrigin(service: string, origin: string): PushProvider {
    const push =
      origins.get(origin) ?? withBreaker(openService(service), { log, triesOthers: true })
    origins.delete(origin)
    origins.set(origin, push)
    for (const oldest of [...origins.keys()].slice(0, -originsMax)) origins.delete(oldest)
    return push
  }

  return {
    async send(message) {
      const { endpoint } = readWebPushToken(message.address.token)
      const service = pushServiceOf(endpoint, hosts)
      if (service) return openOrigin(service, new URL(endpoint).origin).send(message)
      const reason = 'Web Push: this push service is not allowed: check WEB_PUSH_HOSTS'
      const result = { kind: 'misconfigured', reason } as const
      logOutcome(log, message, result, 0)
      return result
    },
    async drain() {
      await Promise.all([...services.values()].map((service) => service.drain()))
      client.close()
    },
  }
}

function routeOf(address: WebPushOptions['address'], proxy: PushProxy | undefined) {
  if (!address && !proxy) return undefined
  return (target: { readonly host: string; readonly port: number }) =>
    proxy ? { socket: new ProxyTunnel(proxy, address ?? target) } : (address ?? target)
}

function buildService(parts: Parts): PushProvider {
  const { maxInFlight = 64, deadlineMs = 10_000, clock, log } = parts
  return buildBoundedProvider({
    maxInFlight,
    deadlineMs,
    clock,
    log,
    attempt: (message, deadlineAt) => attempt(parts, message, deadlineAt),
    close: async () => undefined,
  })
}

async function attempt(
  parts: Parts,
  message: PushMessage,
  deadlineAt: number,
): Promise<PushResult> {
  const target = readWebPushToken(message.address.token)
  const key = await parts.keys.find(target.vapidKey)
  if (!key) {
    const reason = 'Web Push: this installation does not have the VAPID key of the subscription'
    return { kind: 'misconfigured', reason }
  }
  const { origin } = new URL(target.endpoint)
  const { text, headers } = toWebPush(message, parts.clock.now(), parts.page)
  const request = {
    method: 'POST',
    url: target.endpoint,
    headers: {
      ...headers,
      authorization: parts.headers.of(key, origin),
      'content-encoding': 'aes128gcm',
      'content-type': 'application/octet-stream',
    },
    body: encryptFor(target, text),
    timeoutMs: deadlineAt - performance.now(),
    bytesMax: detailBytesMax,
    cutsBody: true,
  } as const
  try {
    const { status, headers: replyHeaders, body } = await parts.client.send(request)
    if (status >= 200 && status < 300) return accept(message, replyHeaders)
    if (status === 401 || status === 403) parts.headers.forget(key, origin)
    const nowMs = parts.clock.now().getTime()
    const retryAfterMs = parseRetryAfterMs(replyHeaders['retry-after'], nowMs)
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
    return readWebPushAnswer({ status, detail: body, ...wait })
  } catch (error) {
    return readWebPushError(error)
  }
}

/**
 * Apple names the message. Others give its address (`Location`), with which one can withdraw it:
 * our own id stands for it.
 */
function accept({ deliveryId }: PushMessage, headers: IncomingHttpHeaders): PushResult {
  const id = headers['apns-id']
  const providerMessageId = typeof id === 'string' ? plainText(id) : deliveryId
  return { kind: 'accepted', providerMessageId }
}
