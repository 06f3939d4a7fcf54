// One connection to Redis. It may break, hang or send garbage at any time; the only cost is lost
// signals.

import { Redis } from 'ioredis'

export type RedisLinkOptions = {
  readonly url: string
  /** Prepares a new connection for use, such as by a subscription. */
  readonly prepare?: (redis: Redis) => Promise<unknown>
  /** Called for each connection that cannot be made, or is lost. */
  readonly onFailure: (error: unknown) => void
  /** Called for each connection that is ready. */
  readonly onReady: () => void
  /**
   * Interval of the heartbeat (`PING`): on a connection that only receives, nothing else would show
   * that the peer is gone. 5,000 by default.
   */
  readonly pingEveryMs?: number
}

export type RedisLink = {
  /** The connection while it works. */
  current(): Redis | undefined
  /** Gives the connection up, because it does not answer; a new one is opened. */
  giveUp(error: unknown): void
  close(): void
}

/** Timeout for connecting, and for each answer. */
const answerMs = 1_000
/** Timeout from the first packet until the connection is ready. */
const readyMs = 2_000
const againMs = { first: 250, most: 5_000 } as const
/** Of one message, or of the answers between two pings; ours have 8 kB and four bytes. */
const messageBytesMax = 256 * 1024

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('Redis does not answer in time')), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Ends the connection when more arrives than one message may have, before the message is complete.
 * Returns a function that resets the count.
 */
function boundMessages(redis: Redis, refuse: (error: Error) => void): () => void {
  let bytes = 0
  const beginAnew = (): void => {
    bytes = 0
  }
  redis.on('message', beginAnew)
  redis.once('connect', () => {
    redis.stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > messageBytesMax) refuse(new Error('Redis sends more than a message has'))
    })
  })
  return beginAnew
}

/**
 * Keeps a connection to Redis: reconnects with back-off whenever one is lost, without end, in the
 * background. Regardless of what Redis does, every connection is ready within two seconds or given
 * up, answers within one, and stays closed once it is closed.
 */
export function buildRedisLink(options: RedisLinkOptions): RedisLink {
  const { pingEveryMs = 5_000 } = options
  let current: Redis | undefined
  let attempt: { lose(error: unknown): void } | undefined
  let timer: NodeJS.Timeout | undefined
  let waitMs: number = againMs.first
  let isClosed = false

  function connect(): void {
    const redis = new Redis(options.url, {
      protocol: 2,
      lazyConnect: true,
      retryStrategy: null,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      disableClientInfo: true,
      maxRetriesPerRequest: 0,
      connectTimeout: answerMs,
      commandTimeout: answerMs,
      disconnectTimeout: answerMs,
    })
    let pinging: NodeJS.Timeout | undefined
    let isLost = false
    const lose = (error: unknown): void => {
      if (isLost) return
      isLost = true
      current = undefined
      clearInterval(pinging)
      redis.disconnect()
      // Not left to the peer: one that does not close its end would keep the process alive.
      redis.stream?.destroy()
      if (isClosed) return
      options.onFailure(error)
      timer = setTimeout(connect, waitMs)
      waitMs = Math.min(againMs.most, waitMs * 2)
    }
    attempt = { lose }
    redis.on('error', lose)
    redis.once('end', () => lose(new Error('Redis closed the connection')))
    const beginAnew = boundMessages(redis, lose)
    const opening = redis.connect().then(() => options.prepare?.(redis))
    within(readyMs, opening).then(() => {
      if (isLost) return
      waitMs = againMs.first
      current = redis
      pinging = setInterval(() => redis.ping().then(beginAnew, lose), pingEveryMs)
      options.onReady()
    }, lose)
  }

  connect()
  return {
    current: () => current,
    giveUp: (error) => attempt?.lose(error),
    close() {
      isClosed = true
      clearTimeout(timer)
      attempt?.lose(undefined)
    },
  }
}
