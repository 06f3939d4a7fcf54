import { once } from 'node:events'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { ConnectionTokens } from './apns-token.ts'

/** Concurrent streams of a client after its provider token was accepted. */
const STREAMS_WITH_TOKEN = 1000
const HIGHEST_STREAM_ID = 2 ** 31 - 1
const DRAIN_LIMIT_MS = 1000

/** One HTTP/2 connection of a client: its provider token, its open requests and how it ends. */
export class ApnsConnection implements ConnectionTokens {
  current: ConnectionTokens['current'] = undefined
  /** Whether the connection stays silent permanently. */
  isStalled = false
  readonly remotePort: number | undefined
  readonly #session: ServerHttp2Session
  readonly #open = new Set<ServerHttp2Stream>()
  #raised = false
  #onIdle: (() => void) | undefined

  constructor(session: ServerHttp2Session) {
    this.#session = session
    this.remotePort = session.socket.remotePort
  }

  /** A request began. */
  begin(stream: ServerHttp2Stream): void {
    this.#open.add(stream)
    stream.on('close', () => this.abandon(stream))
  }

  /** The request has ended. */
  abandon(stream: ServerHttp2Stream): void {
    this.#open.delete(stream)
    if (this.#open.size === 0) this.#onIdle?.()
  }

  /** Leaves a request unanswered permanently, and with `whole` every later one too. */
  stall(stream: ServerHttp2Stream, whole: boolean): void {
    this.isStalled ||= whole
    this.abandon(stream)
  }

  /**
   * Raises the stream limit, once: until a valid token came, it is one ("Establishing a token-based
   * connection to APNs").
   */
  raiseStreamLimit(): void {
    if (this.#raised || this.#session.destroyed) return
    this.#raised = true
    this.#session.settings({ maxConcurrentStreams: STREAMS_WITH_TOKEN })
  }

  /**
   * GOAWAY. In two phases (RFC 9113, 6.8): first a warning that names no stream, a round trip later
   * the real last stream. The frame carries the reason as JSON. Resolves once the last frame is on
   * its way; never, when the connection is gone before that.
   */
  goaway(phases: 1 | 2, reason: string): Promise<void> {
    const data = Buffer.from(JSON.stringify({ reason }))
    const { promise, resolve } = Promise.withResolvers<void>()
    const last = (): void => {
      if (!this.#session.destroyed) this.#session.goaway(0, 0, data)
      resolve()
    }
    const warn = phases === 2 && !this.#session.destroyed
    if (warn) this.#session.goaway(0, HIGHEST_STREAM_ID, data)
    if (!warn || !this.#session.ping(last)) last()
    return promise
  }

  /** Two-phase GOAWAY, waits for open requests up to a second, then ends the connection. */
  async drain(): Promise<void> {
    if (this.#session.destroyed) return
    const closing = once(this.#session, 'close')
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const deadline = setTimeout(resolve, DRAIN_LIMIT_MS)
    const idle = new Promise<void>((settle) => {
      this.#onIdle = settle
    })
    if (this.#open.size === 0) this.#onIdle?.()
    await Promise.race([Promise.all([this.goaway(2, 'Shutdown'), idle]), closing, late])
    clearTimeout(deadline)
    this.#session.destroy()
    await closing
  }
}
