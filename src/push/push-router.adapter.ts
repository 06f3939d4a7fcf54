import type { PushAddress } from '../devices/push-address.store.ts'
import type { AppProvider } from '../domain/push.ts'
import type { AppProviders } from './app-providers.adapter.ts'
import type { PushProvider, PushResult } from './push.store.ts'
import { logOutcome, type PushLog, plainText } from './push-log.adapter.ts'

/** One configured destination: a provider and the addresses it has credentials for. */
export type PushRoute =
  | {
      readonly provider: 'apns'
      readonly appId: string
      readonly environment: PushAddress['environment']
      readonly push: PushProvider
    }
  | { readonly provider: 'fcm'; readonly appId: string; readonly push: PushProvider }
  /** Browsers have no credentials of an app. */
  | { readonly provider: 'web_push'; readonly push: PushProvider }

type RouteOf = Pick<PushAddress, 'provider'> & { appId?: string; environment?: string }

/** Only APNs has two environments; Web Push has no apps either. */
function keyOf({ provider, appId, environment }: RouteOf): string {
  if (provider === 'web_push') return provider
  return JSON.stringify([provider, appId, provider === 'apns' ? environment : ''])
}

/** Whether the address is one of a mobile app, which may have credentials of its tenant. */
function isOfApp(address: PushAddress): address is PushAddress & { provider: AppProvider } {
  return address.provider !== 'web_push'
}

function missingRouteReason({ provider, appId, environment }: PushAddress): string {
  const app = plainText(appId)
  return provider === 'apns'
    ? `no APNs key is configured for the app ${app} in the ${environment} environment: ` +
        'configure one for that bundle id'
    : `no FCM service account is configured for the app ${app}: configure one for that package name`
}

/**
 * A tenant chooses its own credentials, and with them the server that answers: its `token_gone`
 * counts for this tenant only.
 */
function limitToTenant(result: PushResult): PushResult {
  return result.kind === 'token_gone' ? { ...result, tenantOnly: true } : result
}

/**
 * One provider for all addresses: it sends each message with the tenant's own credentials for its
 * provider, app id and environment, else over the route that serves every tenant, and answers
 * `misconfigured` when there is none. `drain` drains every route. Throws when two routes claim the
 * same addresses.
 */
export function buildPushRouter(
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
      let result: PushResult = {
        kind: 'misconfigured',
        reason: missingRouteReason(message.address),
      }
      try {
        const { tenantId, address } = message
        const own = isOfApp(address) ? await apps?.resolve(tenantId, address) : null
        if (own) return limitToTenant(await own.send(message))
        const provider = byKey.get(keyOf(message.address))
        if (provider) return await provider.send(message)
      } catch (error) {
        // Which credentials to use cannot be determined at the moment; no others may be used
        // instead.
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
