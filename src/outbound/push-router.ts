import type { PushAddress, PushProvider, PushResult } from '../ports/push.ts'
import type { AppProviders } from './app-providers.ts'
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

/** A tenant chooses its own credentials, and with them whom it asks and what that one says. */
function toldByOwn(result: PushResult): PushResult {
  return result.kind === 'token_gone' ? { ...result, tenantOnly: true } : result
}

/**
 * One provider for all addresses: it hands each message to the tenant's own credentials for its provider, app id and environment,
 * else to the route that serves every tenant, and answers `misconfigured` when there is none. `drain` drains every route. Throws
 * when two routes claim the same addresses.
 */
export function createPushRouter(
  routes: readonly PushRoute[],
  log: PushLog,
  apps?: Pick<AppProviders, 'resolve' | 'drain'>,
): PushProvider {
  const byKey = new Map(routes.map((route) => [keyOf(route), route.push]))
  if (byKey.size < routes.length) {
    throw new Error('push routes: two of them are for the same app and environment; remove one')
  }
  return {
    send: async (message) => {
      let result: PushResult = { kind: 'misconfigured', reason: missing(message.address) }
      try {
        const own = await apps?.resolve(message.tenantId, message.address)
        if (own) return toldByOwn(await own.send(message))
        const provider = byKey.get(keyOf(message.address))
        if (provider) return await provider.send(message)
      } catch (error) {
        // Whose credentials to use cannot be known at the moment; nobody else's will do.
        const text = error instanceof Error ? error.message : 'unknown failure'
        result = { kind: 'retry', reason: plainText(`credentials not read: ${text}`) }
      }
      logOutcome(log, message, result, 0)
      return result
    },
    drain: async () => {
      const providers = [...new Set(byKey.values())]
      await Promise.all([apps?.drain(), ...providers.map((provider) => provider.drain())])
    },
  }
}
