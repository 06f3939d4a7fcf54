// One connection to Redis that may break, hang or lie at any time, and costs nobody more than that its signals are lost.

import { Redis } from 'ioredis'

export type RedisLinkOptions = {
  readonly url: string
  /** What makes a fresh connection useful, such as a subscription. */
  readonly ready?: (redis: Redis) => Promise<unknown>
  /** Told of each connection that cannot be made, or is lost. */
  readonly failed: (error: unknown) => void
  /** Told of each connection that is ready. */
  readonly works: () => void
  /**
   * Between two questions whether the other end is still there: of a connection that hears only, nothing else would tell. 5,000
   * unless said otherwise.
   */
  readonly pingEveryMs?: number
}

export type RedisLink = {
  /** The connection while it works. */
  current(): Redis | undefined
  /** Gives the connection up, because it does not answer; another is made. */
  giveUp(error: unknown): void
  close(): void
}

/** For a connection, and for each answer. */
const answerMs = 1_000
/** From the first packet to what makes it useful. */
const readyMs = 2_000
const againMs = { first: 250, most: 5_000 } as const
/** What one message may have, or the answers between two pings; ours have 8 kB and four bytes. */
const messageBytesMax = 256 * 1024

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('Redis does not answer in time')), ms)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Ends the connection if more arrives than one message may have, before it is a message. Returns how to begin anew. */
function bound(redis: Redis, refuse: (error: Error) => void): () => void {
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
 * Keeps a connection to Redis: makes another with back-off whenever one is lost, for ever, in the background. Whatever Redis does, or
 * leaves undone, every connection is ready within two seconds or given up, answers within one, and is closed for good when it is closed.
 */
export function createRedisLink(options: RedisLinkOptions): RedisLink {
  const { pingEveryMs = 5_000 } = options
  let working: Redis | undefined
  let trying: { lose(error: unknown): void } | undefined
  let timer: NodeJS.Timeout | undefined
  let waitMs: number = againMs.first
  let closed = false

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
      working = undefined
      clearInterval(pinging)
      redis.disconnect()
      // Not left to the other end: one that does not answer our end would keep the process.
      redis.stream?.destroy()
      if (closed) return
      options.failed(error)
      timer = setTimeout(connect, waitMs)
      waitMs = Math.min(againMs.most, waitMs * 2)
    }
    trying = { lose }
    redis.on('error', lose)
    redis.once('end', () => lose(new Error('Redis closed the connection')))
    const beginAnew = bound(redis, lose)
    const opening = redis.connect().then(() => options.ready?.(redis))
    within(readyMs, opening).then(() => {
      if (isLost) return
      waitMs = againMs.first
      working = redis
      pinging = setInterval(() => redis.ping().then(beginAnew, lose), pingEveryMs)
      options.works()
    }, lose)
  }

  connect()
  return {
    current: () => working,
    giveUp: (error) => trying?.lose(error),
    close() {
      closed = true
      clearTimeout(timer)
      trying?.lose(undefined)
    },
  }
}
