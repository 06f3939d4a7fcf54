import { AsyncLocalStorage } from 'node:async_hooks'
import type { ClientHttp2Session, Settings } from 'node:http2'
import { connect, type TLSSocket } from 'node:tls'
import type { Provider, ProviderOptions } from '@parse/node-apn'
import type { PushAddress } from '../../devices/push-address.store.ts'
import { outboundTls } from '../../platform/net/answer-bounds.ts'
import { ProxyTunnel, type PushProxy } from '../../platform/net/proxy-tunnel.ts'
import { boundSession } from '../../platform/net/session-bounds.ts'
import type { Clock } from '../../platform/world.ts'
import { buildBoundedProvider } from '../bounded-provider.adapter.ts'
import { requirePrivateKey } from '../private-key.adapter.ts'
import type { PushMessage, PushProvider, PushResult } from '../push.store.ts'
import type { PushLog } from '../push-log.adapter.ts'
import { toApnsPush } from '../push-payload.adapter.ts'
import {
  type ApnsFailure,
  hasReply,
  isExpiredProviderToken,
  readApnsFailure,
} from './apns-replies.ts'
import { buildSilenceWatch } from './silence-watch.ts'

export type ApnsOptions = {
  /** The `.p8` key of Apple's developer portal, in PEM, and the ids that go with it. */
  readonly key: { readonly pem: string; readonly keyId: string; readonly teamId: string }
  readonly bundleId: string
  readonly environment: PushAddress['environment']
  /** Where to connect instead of Apple's host; host name check and `:authority` stay Apple's. */
  readonly address?: { readonly host: string; readonly port: number }
  /** Authorities to trust instead of the system's, in PEM. */
  readonly ca?: readonly string[]
  /**
   * The HTTP proxy through which to connect; the library's own proxy support stops permanently at
   * its first refusal.
   */
  readonly proxy?: PushProxy
  /** From the call to the answer, including the wait for a slot; 5,000 by default. */
  readonly deadlineMs?: number
  /** Concurrent requests on the wire; 500 by default: a session fails at several thousand. */
  readonly maxInFlight?: number
  readonly clock: Clock
  readonly log: PushLog
}

/** What node-apn hands to `http2.connect` but does not declare. */
type SessionOptions = {
  readonly peerMaxConcurrentStreams: number
  readonly maxSessionMemory: number
  readonly settings: Settings
  readonly createConnection: (authority: URL) => TLSSocket
}

/** The parts of node-apn that its types leave out. */
type ApnsClient = { readonly client: { readonly session?: ClientHttp2Session } }

/** A device token goes into the request's path as it is. Apple calls its length variable. */
const deviceToken = /^(?:[0-9a-f]{2}){1,100}$/i

/**
 * The connection for a session. The socket is destroyed when the peer does not close its end after
 * ours: nothing is left to send.
 */
function connectTo(hostname: string, { address, ca, proxy }: ApnsOptions): TLSSocket {
  const target = address ?? { host: hostname, port: 443 }
  const way = proxy ? { socket: new ProxyTunnel(proxy, target) } : target
  const tlsOptions = { ...outboundTls, ...(ca && { ca: [...ca] }) }
  const socket = connect({ ...way, ...tlsOptions, servername: hostname, ALPNProtocols: ['h2'] })
  socket.once('finish', () => setTimeout(() => socket.destroy(), 250))
  return socket
}

function providerOptions(
  options: ApnsOptions,
  deadlineMs: number,
  onConnection: (socket: TLSSocket) => void,
): ProviderOptions {
  const { key, environment } = options
  const session: SessionOptions = {
    // APNs allows one stream until it has seen a valid token; Node assumes 100, and 99 would be
    // refused.
    peerMaxConcurrentStreams: 1,
    // In MB. With Node's 10 a burst ends the whole session.
    maxSessionMemory: 100,
    settings: { enablePush: false },
    createConnection: ({ hostname }) => {
      const socket = connectTo(hostname, options)
      onConnection(socket)
      return socket
    },
  }
  return {
    token: { key: Buffer.from(key.pem), keyId: key.keyId, teamId: key.teamId },
    production: environment === 'production',
    // Its retries come within 10 ms and ignore Retry-After; ours are the dispatcher's.
    connectionRetryLimit: 0,
    // Behind our own deadline, only to free the slot of a stream that stays silent.
    requestTimeout: deadlineMs + 250,
    ...session,
  }
}

type ApnsOutcome = { readonly id: string } | { readonly failure: ApnsFailure }

/** node-apn, reduced to the calls that are safe to make. */
async function openApnsClient(options: ApnsOptions, deadlineMs: number) {
  const { default: apn } = await import('@parse/node-apn')
  const waitSignals = new AsyncLocalStorage<AbortSignal>()
  const onConnection = (socket: TLSSocket): void => {
    // The library creates the session around the connection and stores it before anything else
    // runs.
    queueMicrotask(() => {
      const { session } = provider.client
      if (session) boundSession(session, socket, () => waitSignals.getStore())
      else socket.destroy()
    })
  }
  const provider = new apn.Provider(
    providerOptions(options, deadlineMs, onConnection),
  ) as Provider & ApnsClient
  return {
    /** The stream ends when `signal` aborts, regardless of the library. */
    send: async (message: PushMessage, signal: AbortSignal): Promise<ApnsOutcome> => {
      const push = toApnsPush(message)
      const notification = new apn.Notification({ ...push, topic: options.bundleId })
      const { sent, failed } = await waitSignals.run(signal, () =>
        provider.send(notification, message.address.token),
      )
      const failure: ApnsFailure | undefined = failed[0]
      if (failure) return { failure }
      const reply = sent[0] as { 'apns-id'?: string } | undefined
      return { id: reply?.['apns-id'] ?? push.id }
    },
    /**
     * Ends the connection with everything on it; the next send opens a new one with the same
     * provider token.
     */
    disconnect: () => provider.client.session?.destroy(),
    close: () => {
      provider.client.session?.destroy()
      // Not awaited: node-apn's shutdown waits forever for a session that is destroyed but was
      // never closed.
      void provider.shutdown()
    },
  }
}

/**
 * Apple's push service through node-apn, without its pitfalls: no hidden retries, a bounded number
 * of streams, one stable `apns-id` per delivery, a deadline of our own, and a connection that is
 * replaced when the peer has stopped answering. The library is loaded in the background. Throws
 * when the key cannot be used.
 */
export function buildApnsProvider(options: ApnsOptions): PushProvider {
  requirePrivateKey(
    options.key.pem,
    (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    'APNs key: not a P-256 private key in PEM; use the .p8 file from the developer portal as it is',
  )
  const { deadlineMs = 5_000, maxInFlight = 500, clock, log, bundleId, environment } = options
  const loading = openApnsClient(options, deadlineMs)
  loading.catch(() => undefined)
  let environmentProven = false

  const silence = buildSilenceWatch(deadlineMs / 2, () => {
    log.warn({ bundleId, environment }, 'APNs has fallen silent: connecting anew')
    void loading.then((client) => client.disconnect())
  })

  const sendOnce = async (message: PushMessage, signal: AbortSignal): Promise<ApnsOutcome> => {
    const client = await loading
    const outcome = await client.send(message, signal)
    if ('id' in outcome || hasReply(outcome.failure)) silence.noteReply()
    return outcome
  }

  const attempt = async (message: PushMessage, signal: AbortSignal): Promise<PushResult> => {
    if (!deviceToken.test(message.address.token)) {
      return { kind: 'rejected', reason: 'the device token is not hexadecimal' }
    }
    let outcome = await sendOnce(message, signal)
    const isStale = 'failure' in outcome && isExpiredProviderToken(outcome.failure)
    if (isStale && !signal.aborted) outcome = await sendOnce(message, signal)
    if ('failure' in outcome) return readApnsFailure(outcome.failure, environmentProven)
    environmentProven = true
    return { kind: 'accepted', providerMessageId: outcome.id }
  }

  const close = () => loading.then((client) => client.close())
  return buildBoundedProvider({
    maxInFlight,
    deadlineMs,
    clock,
    log,
    attempt: (message, _deadlineAt, signal) => attempt(message, signal),
    onTimeout: silence.noteTimeout,
    close,
  })
}
