// Sends callbacks to realms. A slow or silent realm delays only its own callbacks.

import { type LeaseHolder, leaseName } from '../../domain/lease.ts'
import { buildLeasedSender, type LeasedSender } from '../../platform/work/leased-sender.ts'
import type { Log } from '../../push/push-dispatcher.ts'
import { type CallbackDependencies, sendCallback } from './keycloak.ts'
import type { DueCallback, KeycloakCallbackStore } from './keycloak-callback.store.ts'

export type Dependencies = CallbackDependencies & {
  readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'take'>
  readonly leaseHolder: LeaseHolder
  readonly log: Log
}

/** Callbacks in flight in one process: in all, for one tenant, and to one realm of a tenant. */
const callbacksInFlight = { max: 256, perTenant: 64, perRealm: 16 } as const

export type CallbackDispatcher = Pick<LeasedSender<never, never>, 'work' | 'drain'>

/**
 * A taken callback is stored as being tried, and tried immediately: if this process dies meanwhile,
 * no other process tries it again. So none is taken without a free slot, and its slot is free only
 * when its outcome is stored.
 */
export function buildCallbackDispatcher(dependencies: Dependencies): CallbackDispatcher {
  const { log, keycloakCallbacks, leaseHolder } = dependencies
  const { max, perTenant, perRealm } = callbacksInFlight
  return buildLeasedSender({
    send: (due: DueCallback) => sendCallback(dependencies, due),
    laneOf: ({ tenantId, issuer }) => ({ tenantId, issuer }),
    claims: {
      max,
      async claim(limit, loads) {
        const triedBy = leaseName(leaseHolder)
        const items = await keycloakCallbacks.take({ limit, perTenant, perRealm, loads, triedBy })
        // It does not say what it left.
        return { items, isMore: true }
      },
      onNotClaimed: (error) =>
        log.error({ err: error }, 'callbacks not looked for; the sweep will'),
    },
    onNotSent(error, { challengeId, issuer }) {
      log.error({ err: error, challengeId, issuer }, 'callback not settled; it is not made again')
    },
  })
}
