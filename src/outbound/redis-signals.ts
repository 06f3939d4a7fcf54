import { Redis } from 'ioredis'
import type { SignalCarrier } from './signal-hub.ts'

const channel = 'countersign:signals'

/** Carries signals over Redis pub/sub; reconnects for ever, and asks everyone to look again after each reconnection. */
export function createRedisSignals(url: string, failed: (error: unknown) => void): SignalCarrier {
  const options = { lazyConnect: true, maxRetriesPerRequest: 1, connectTimeout: 2_000 }
  const publisher = new Redis(url, { ...options, enableOfflineQueue: false })
  const subscriber = new Redis(url, { ...options, maxRetriesPerRequest: null })
  publisher.on('error', failed)
  subscriber.on('error', failed)
  return {
    async start(received, lookAgain) {
      subscriber.on('message', (_channel: string, text: string) => {
        for (const key of text.split(' ')) received(key)
      })
      subscriber.on('ready', lookAgain)
      await Promise.all([publisher.connect(), subscriber.connect()])
      await subscriber.subscribe(channel)
    },
    async send(keys) {
      await publisher.publish(channel, keys.join(' '))
    },
    async close() {
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}
