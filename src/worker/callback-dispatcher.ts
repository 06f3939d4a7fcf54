// Sends callbacks to realms. A slow or silent realm delays only its own callbacks.

import { type LeaseHolder, leaseName } from '../domain/lease.ts'
import type {
  DueCallback,
  KeycloakCallbackStore,
  RealmLoad,
} from '../ports/keycloak-callback-store.ts'
import { type CallbackDependencies, sendCallback } from '../usecases/doors/keycloak.ts'
import type { Log } from './dispatcher.ts'

export type Dependencies = CallbackDependencies & {
  readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'take'>
  readonly leaseHolder: LeaseHolder
  readonly log: Log
}

/** Callbacks in flight in one process: in all, for one tenant, and to one realm of a tenant. */
const callbacksInFlight = { max: 256, perTenant: 64, perRealm: 16 } as const

export type CallbackDispatcher = {
  /**
   * Takes due callbacks, up to the free slots; resolves when all that can be taken are in flight.
   */
  work(): Promise<void>
  /** Takes no more, and waits until everything taken is settled. */
  drain(): Promise<void>
}

/**
 * A taken callback is stored as being tried, and tried immediately: if this process dies meanwhile,
 * no other process tries it again. So none is taken without a free slot.
 */
export function buildCallbackDispatcher(dependencies: Dependencies): CallbackDispatcher {
  const { log } = dependencies
  const calling = new Set<Promise<void>>()
  const loads = new Map<string, RealmLoad>()
  let polling: Promise<void> | undefined
  let pollAgain = false
  let draining = false

  function occupy({ tenantId, issuer }: DueCallback, slots: 1 | -1): void {
    const name = `${tenantId} ${issuer}`
    const inFlight = (loads.get(name)?.inFlight ?? 0) + slots
    if (inFlight > 0) loads.set(name, { tenantId, issuer, inFlight })
    else loads.delete(name)
  }

  function call(due: DueCallback): void {
    occupy(due, 1)
    const { challengeId, issuer } = due
    const running = sendCallback(dependencies, due)
      .catch((error: unknown) => {
        log.error({ err: error, challengeId, issuer }, 'callback not settled; it is not made again')
      })
      .finally(() => {
        calling.delete(running)
        occupy(due, -1)
        // A slot is free: call the next one in the queue now.
        void work()
      })
    calling.add(running)
  }

  async function poll(): Promise<void> {
    do {
      pollAgain = false
      const { max, perTenant, perRealm } = callbacksInFlight
      const limit = max - calling.size
      if (limit <= 0) return
      const triedBy = leaseName(dependencies.leaseHolder)
      const slots = { limit, perTenant, perRealm, loads: [...loads.values()], triedBy }
      for (const due of await dependencies.keycloakCallbacks.take(slots)) call(due)
    } while (pollAgain && !draining)
  }

  async function work(): Promise<void> {
    if (draining) return
    pollAgain = true
    polling ??= poll()
      .catch((error: unknown) =>
        log.error({ err: error }, 'callbacks not looked for; the sweep will'),
      )
      .finally(() => {
        polling = undefined
      })
    await polling
  }

  return {
    work,
    async drain() {
      draining = true
      while (calling.size > 0 || polling !== undefined) {
        await Promise.all([...calling])
        await polling
      }
    },
  }
}
