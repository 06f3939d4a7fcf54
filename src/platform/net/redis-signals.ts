import { buildRedisLink } from './redis-link.ts'
import type { SignalCarrier } from './signal-hub.ts'

/** Channels are shared by the whole Redis: each database and schema has one of its own. */
export const redisChannelOf = (database: string, schema: string) =>
  `countersign:signals:${encodeURIComponent(database)}:${encodeURIComponent(schema)}`
/** Of one message; more keys go into several messages. */
const messageLengthMax = 7_900

/** Keys, joined into messages of at most this length. */
function messagesOf(keys: readonly string[]): string[] {
  const messages: string[] = []
  let message = ''
  for (const key of keys) {
    if (message !== '' && message.length + key.length + 1 > messageLengthMax) {
      messages.push(message)
      message = ''
    }
    message = message === '' ? key : `${message} ${key}`
  }
  return message === '' ? messages : [...messages, message]
}

/**
 * Carries signals over Redis pub/sub while Redis is there. It may be absent: waiting requests poll
 * every second anyway, and all of them re-read after each reconnection. There is no second carrier
 * as a fallback: processes that reach Redis and processes that do not would have to subscribe to
 * both permanently.
 */
export function buildRedisSignals(
  { url, channel }: { readonly url: string; readonly channel: string },
  {
    onFailure,
    onReady,
  }: { readonly onFailure: (error: unknown) => void; readonly onReady: () => void },
): SignalCarrier {
  const links: { close(): void }[] = []
  let publisher: ReturnType<typeof buildRedisLink> | undefined
  return {
    /** Resolves after one attempt at both connections, successful or not. */
    async start(onKey, onGap) {
      let up = 0
      const link = (prepare?: Parameters<typeof buildRedisLink>[0]['prepare']) => {
        const { promise: firstAttempt, resolve } = Promise.withResolvers<void>()
        let isUp = false
        const newLink = buildRedisLink({
          url,
          ...(prepare && { prepare }),
          onFailure(error) {
            if (isUp) up -= 1
            isUp = false
            onFailure(error)
            resolve()
          },
          onReady() {
            isUp = true
            up += 1
            if (up === 2) onReady()
            if (prepare) onGap()
            resolve()
          },
        })
        links.push(newLink)
        return { newLink, firstAttempt }
      }
      const publishing = link()
      const subscribing = link((redis) => {
        redis.on('message', (_channel: string, text: string) => {
          for (const key of text.split(' ')) onKey(key)
        })
        return redis.subscribe(channel)
      })
      publisher = publishing.newLink
      await Promise.all([publishing.firstAttempt, subscribing.firstAttempt])
    },
    async send(keys) {
      const redis = publisher?.current()
      if (!redis) return
      try {
        for (const message of messagesOf(keys)) await redis.publish(channel, message)
      } catch (error) {
        publisher?.giveUp(error)
      }
    },
    async close() {
      for (const link of links) link.close()
    },
  }
}
