// Server-sent events (WHATWG HTML, 9.2): the first reading is sent immediately, then each one that
// differs, until one is final.

import { Readable } from 'node:stream'

/** One reading of the followed object. */
export type Reading = { readonly data: string; readonly final: boolean }

export type EventStreamOptions = {
  readonly event: string
  readonly first: Reading
  /**
   * The next reading: immediately when the object has become final, else after at most `waitMs`.
   * Null when there are no more.
   */
  readonly next: (waitMs: number, isAborted: () => boolean) => Promise<Reading | null>
  readonly rereadMs: number
  readonly heartbeatMs: number
  readonly streamMs: number
  readonly stopping: () => boolean
}

const heartbeat = ':\n\n'

// How long a client may leave the last event unread before its stream is cut.
const lateMs = 10_000

async function* frames(
  options: EventStreamOptions,
  isAborted: () => boolean,
): AsyncGenerator<string, void> {
  const { event, next, rereadMs, heartbeatMs, streamMs, stopping } = options
  const until = performance.now() + streamMs
  let beatAt = performance.now() + heartbeatMs
  let last = options.first
  yield `event: ${event}\ndata: ${last.data}\n\n`
  while (!last.final && !stopping() && !isAborted()) {
    const now = performance.now()
    if (now >= until) return
    const reading = await next(
      Math.max(0, Math.min(rereadMs, until - now, beatAt - now)),
      isAborted,
    )
    if (reading === null) return
    const isChanged = reading.data !== last.data
    last = reading
    if (isChanged) yield `event: ${event}\ndata: ${reading.data}\n\n`
    else if (performance.now() >= beatAt) yield heartbeat
    else continue
    beatAt = performance.now() + heartbeatMs
  }
}

/**
 * The events as a stream of bytes. It ends by itself; destroying it, as a lost connection does,
 * ends the reading too.
 */
export function eventStream(options: EventStreamOptions): Readable {
  const stream: Readable = Readable.from(
    frames(options, () => stream.destroyed),
    { objectMode: false },
  )
  // A client that stops reading stops the generator, and with it the check of the clock.
  const late = setTimeout(() => stream.destroy(), options.streamMs + lateMs)
  stream.once('close', () => clearTimeout(late))
  return stream
}
