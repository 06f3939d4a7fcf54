import type { PushAddress, PushProvider } from '../ports/push.ts'
import { logOutcome, type PushLog, plainText } from './push-log.ts'

/** One configured destination: a provider and the addresses it has credentials for. */
export type PushRoute =
  | {
      readonly provider: 'apns'
      readonly appId: string
      readonly environment: PushAddress['environment']
      readonly push: PushProvider
    }
  | { readonly provider: 'fcm'; readonly appId: string; readonly push: PushProvider }

/** FCM has one environment only, so an FCM address's `environment` does not take part in the choice. */
function keyOf(route: Pick<PushAddress, 'provider' | 'appId'> & { environment?: string }): string {
  return JSON.stringify([
    route.provider,
    route.appId,
    route.provider === 'apns' ? route.environment : '',
  ])
}

function missing({ provider, appId, environment }: PushAddress): string {
  const app = plainText(appId)
  return provider === 'apns'
    ? `no APNs key is configured for the app ${app} in the ${environment} environment: configure one for that bundle id`
    : `no FCM service account is configured for the app ${app}: configure one for that package name`
}

/**
 * One provider for all addresses: it hands each message to the route for its provider, app id and environment, and answers
 * `misconfigured` when there is none. `drain` drains every route. Throws when two routes claim the same addresses.
 */
export function createPushRouter(routes: readonly PushRoute[], log: PushLog): PushProvider {
  const byKey = new Map(routes.map((route) => [keyOf(route), route.push]))
  if (byKey.size < routes.length) {
    throw new Error('push routes: two of them are for the same app and environment; remove one')
  }
  return {
    send: async (message) => {
      const provider = byKey.get(keyOf(message.address))
      if (provider) return await provider.send(message)
      const result = { kind: 'misconfigured', reason: missing(message.address) } as const
      logOutcome(log, message, result, 0)
      return result
    },
    drain: async () => {
      await Promise.all([...new Set(byKey.values())].map((provider) => provider.drain()))
    },
  }
}
