// Server-sent events (WHATWG HTML, 9.2): what is read goes out at once, then whenever it differs, until it is final.

import { Readable } from 'node:stream'

/** One reading of what is followed. */
export type Reading = { readonly data: string; readonly final: boolean }

export type EventStreamOptions = {
  readonly event: string
  readonly first: Reading
  /** The next reading: at once when the thing became final, else after at most `waitMs`. Null when there is no more. */
  readonly next: (waitMs: number, aborted: () => boolean) => Promise<Reading | null>
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
  aborted: () => boolean,
): AsyncGenerator<string, void> {
  const { event, next, rereadMs, heartbeatMs, streamMs, stopping } = options
  const until = performance.now() + streamMs
  let beatAt = performance.now() + heartbeatMs
  let last = options.first
  yield `event: ${event}\ndata: ${last.data}\n\n`
  while (!last.final && !stopping() && !aborted()) {
    const now = performance.now()
    if (now >= until) return
    const reading = await next(Math.max(0, Math.min(rereadMs, until - now, beatAt - now)), aborted)
    if (reading === null) return
    const changed = reading.data !== last.data
    last = reading
    if (changed) yield `event: ${event}\ndata: ${reading.data}\n\n`
    else if (performance.now() >= beatAt) yield heartbeat
    else continue
    beatAt = performance.now() + heartbeatMs
  }
}

/** The events as a stream of bytes. It ends by itself; destroying it, as a lost connection does, ends the reading too. */
export function eventStream(options: EventStreamOptions): Readable {
  const stream: Readable = Readable.from(
    frames(options, () => stream.destroyed),
    { objectMode: false },
  )
  // A client that stops reading stops the generator, and with it the look at the clock.
  const late = setTimeout(() => stream.destroy(), options.streamMs + lateMs)
  stream.once('close', () => clearTimeout(late))
  return stream
}
