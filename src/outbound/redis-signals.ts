import { createRedisLink } from './redis-link.ts'
import type { SignalCarrier } from './signal-hub.ts'

/** A channel is of the whole Redis: installations in other databases and schemas have their own. */
export const redisChannelOf = (database: string, schema: string) =>
  `countersign:signals:${encodeURIComponent(database)}:${encodeURIComponent(schema)}`
/** Of one message; what is more goes in several. */
const messageLengthMax = 7_900

/** Keys as messages that are not too long. */
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
 * Carries signals over Redis pub/sub while Redis is there. It need not be: whoever waits reads again every second anyway, and
 * everyone is asked to look again after each reconnection. There is no second carrier for the meantime: processes that see Redis
 * and processes that do not would have to hear both for ever.
 */
export function createRedisSignals(
  { url, channel }: { readonly url: string; readonly channel: string },
  { failed, works }: { readonly failed: (error: unknown) => void; readonly works: () => void },
): SignalCarrier {
  const links: { close(): void }[] = []
  let publisher: ReturnType<typeof createRedisLink> | undefined
  return {
    /** Ends when both connections were tried once, whatever came of it. */
    async start(received, lookAgain) {
      let up = 0
      const link = (ready?: Parameters<typeof createRedisLink>[0]['ready']) => {
        const { promise: tried, resolve } = Promise.withResolvers<void>()
        let isUp = false
        const made = createRedisLink({
          url,
          ...(ready && { ready }),
          failed(error) {
            if (isUp) up -= 1
            isUp = false
            failed(error)
            resolve()
          },
          works() {
            isUp = true
            up += 1
            if (up === 2) works()
            if (ready) lookAgain()
            resolve()
          },
        })
        links.push(made)
        return { made, tried }
      }
      const sending = link()
      const hearing = link((redis) => {
        redis.on('message', (_channel: string, text: string) => {
          for (const key of text.split(' ')) received(key)
        })
        return redis.subscribe(channel)
      })
      publisher = sending.made
      await Promise.all([sending.tried, hearing.tried])
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
