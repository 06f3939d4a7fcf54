// All routes of pushes; src/service/compose.ts connects the rest.

import type { Logger } from 'pino'
import type { TenantId } from '../domain/ids.ts'
import { pushEnvironments } from '../domain/push.ts'
import { senderAt } from '../domain/push-subscription.ts'
import { buildEgressGuard } from '../platform/net/egress-guard.ts'
import type { Clock, Sealing } from '../platform/world.ts'
import { buildApnsProvider } from '../push/apns/apns.ts'
import type { ApnsCredentials, AppStore, FcmCredentials } from '../push/app.store.ts'
import { buildAppProviders } from '../push/app-providers.adapter.ts'
import { appCredentialsBinding, appSignalPrefix } from '../push/apps.ts'
import { withBreaker } from '../push/breaker.adapter.ts'
import { buildFcmProvider } from '../push/fcm/fcm.ts'
import type { PushProvider } from '../push/push.store.ts'
import { buildPushRouter, type PushRoute } from '../push/push-router.adapter.ts'
import type { VapidKeys } from '../push/web-push/vapid-keys.ts'
import type { Config } from './config.ts'
import { operatorFault } from './start-fault.ts'

/** The routes of the environment's apps, for every tenant. */
function appRoutesOf({ apns, fcm }: Config, clock: Clock, log: Logger): PushRoute[] {
  const routes: PushRoute[] = []
  if (apns) {
    const { bundleId } = apns
    for (const environment of pushEnvironments) {
      const push = withBreaker(buildApnsProvider({ ...apns, environment, clock, log }), { log })
      routes.push({ provider: 'apns', appId: bundleId, environment, push })
    }
  }
  if (fcm) {
    const push = withBreaker(buildFcmProvider({ ...fcm, clock, log }), { log })
    routes.push({ provider: 'fcm', appId: fcm.appId, push })
  }
  return routes
}

/** A provider whose code is loaded with its first push; a load that failed is tried again. */
function loadedLate(open: () => Promise<PushProvider>): PushProvider {
  let opening: Promise<PushProvider> | undefined
  return {
    async send(message) {
      opening ??= open().catch((error: unknown) => {
        opening = undefined
        throw error
      })
      return (await opening).send(message)
    },
    drain: async () => (await opening)?.drain(),
  }
}

/** The route to browsers. */
function browserRoute(
  { webPush, authenticatorOrigin }: Config,
  { webPushKeys, clock, publicOrigin }: Parts,
  log: Logger,
): PushRoute {
  const push = loadedLate(async () => {
    const { buildWebPushProvider } = await import('../push/web-push/web-push.ts')
    return buildWebPushProvider({
      ...webPush,
      subject: webPush.subject ?? senderAt(publicOrigin),
      page: `${authenticatorOrigin ?? publicOrigin}/authenticator/`,
      keys: webPushKeys,
      guard: buildEgressGuard(),
      clock,
      log,
    })
  })
  return { provider: 'web_push', push }
}

/** Unusable credentials are the operator's to correct. */
function asOperatorFault<T>(open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw operatorFault(error)
  }
}

type Parts = {
  readonly apps: Pick<AppStore, 'findCredentials'>
  readonly sealing: Pick<Sealing, 'open'>
  readonly clock: Clock
  readonly signals: { listen(listener: (key: string) => void): void }
  readonly webPushKeys: VapidKeys
  readonly publicOrigin: string
}

/**
 * The providers of the environment for all tenants, and those of the tenants' own apps, which are
 * opened on first use.
 */
export function openPush(config: Config, parts: Parts, log: Logger): PushProvider {
  const { apps, sealing, clock, signals } = parts
  const routes = asOperatorFault(() => appRoutesOf(config, clock, log))
  if (routes.length === 0) {
    log.warn('no push credentials in the environment: only browsers and apps of tenants are pushed')
  }
  const { pushEndpoints } = config
  const own = buildAppProviders({
    log,
    async find(tenantId, address) {
      const app = await apps.findCredentials(tenantId, address)
      if (!app) return null
      const { id, version, credentialsSealed } = app
      const binding = appCredentialsBinding(tenantId, id)
      return { id, version, secret: sealing.open(credentialsSealed, binding) }
    },
    open({ provider, appId, environment }, secret) {
      if (provider === 'apns') {
        const key = JSON.parse(secret) as ApnsCredentials
        const app = { key, bundleId: appId, environment }
        const apns = buildApnsProvider({ ...app, clock, log, ...pushEndpoints.apns })
        return withBreaker(apns, { log })
      }
      const serviceAccount = JSON.parse(secret) as FcmCredentials
      const fcm = buildFcmProvider({ serviceAccount, appId, clock, log, ...pushEndpoints.fcm })
      return withBreaker(fcm, { log })
    },
  })
  signals.listen((key) => {
    if (key.startsWith(appSignalPrefix)) {
      void own.forget(key.slice(appSignalPrefix.length) as TenantId)
    }
  })
  return buildPushRouter([...routes, browserRoute(config, parts, log)], log, own)
}
