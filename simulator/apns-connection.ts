import { once } from 'node:events'
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { ConnectionTokens } from './apns-token.ts'

/** Streams that a client may open at once after its provider token was accepted. */
export const STREAMS_WITH_TOKEN = 1000
const HIGHEST_STREAM_ID = 2 ** 31 - 1
const DRAIN_LIMIT_MS = 1000

/** One HTTP/2 connection of a client: its provider token, its open requests and how it ends. */
export class ApnsConnection implements ConnectionTokens {
  current: ConnectionTokens['current'] = undefined
  /** Whether the connection has gone silent for good. */
  stalled = false
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

  /** Nobody needs to wait for this request any more. */
  abandon(stream: ServerHttp2Stream): void {
    this.#open.delete(stream)
    if (this.#open.size === 0) this.#onIdle?.()
  }

  /** Leaves a request without an answer for ever, and with `whole` every later one too. */
  stall(stream: ServerHttp2Stream, whole: boolean): void {
    this.stalled ||= whole
    this.abandon(stream)
  }

  /** Allows many streams, once: until a valid token came, one must do ("Establishing a token-based connection to APNs"). */
  raiseStreamLimit(): void {
    if (this.#raised || this.#session.destroyed) return
    this.#raised = true
    this.#session.settings({ maxConcurrentStreams: STREAMS_WITH_TOKEN })
  }

  /**
   * GOAWAY. In two phases (RFC 9113, 6.8): first a warning that names no stream, a round trip later the real last stream.
   * The frame carries the reason as JSON.
   */
  goaway(phases: 1 | 2, reason: string): void {
    const data = Buffer.from(JSON.stringify({ reason }))
    const last = (): void => {
      if (!this.#session.destroyed) this.#session.goaway(0, 0, data)
    }
    if (this.#session.destroyed) return
    if (phases === 2) this.#session.goaway(0, HIGHEST_STREAM_ID, data)
    if (phases === 1 || !this.#session.ping(last)) last()
  }

  /** Two-phase GOAWAY, waits for open requests up to a second, then ends the connection. */
  async drain(): Promise<void> {
    if (this.#session.destroyed) return
    const closed = once(this.#session, 'close')
    this.goaway(2, 'Shutdown')
    await this.#whenIdle()
    this.#session.destroy()
    await closed
  }

  async #whenIdle(): Promise<void> {
    if (this.#open.size === 0) return
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(resolve, DRAIN_LIMIT_MS)
      this.#onIdle = () => {
        clearTimeout(deadline)
        resolve()
      }
    })
  }
}
