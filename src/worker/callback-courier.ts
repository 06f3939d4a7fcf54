// Calls realms back. A realm that is slow or silent keeps only its own waiting.

import { type LeaseHolder, leaseName } from '../domain/lease.ts'
import type {
  DueCallback,
  KeycloakCallbackStore,
  RealmLoad,
} from '../ports/keycloak-callback-store.ts'
import { type CallbackNeeds, makeCallback } from '../usecases/doors/keycloak.ts'
import type { Log } from './dispatcher.ts'

export type Needs = CallbackNeeds & {
  readonly keycloakCallbacks: Pick<KeycloakCallbackStore, 'take'>
  readonly leaseHolder: LeaseHolder
  readonly log: Log
}

/** Callbacks under way in one process: in all, for one tenant, and to one realm of a tenant. */
const callbacksInFlight = { max: 256, perTenant: 64, perRealm: 16 } as const

export type CallbackCourier = {
  /** Takes up what is owed, as far as there are places; ends when what can be taken is under way. */
  work(): Promise<void>
  /** Takes up nothing more, and waits until everything taken is settled. */
  drain(): Promise<void>
}

/**
 * What is taken is written down as being tried, and tried at once: if this process dies meanwhile, nobody tries it again. So nothing
 * is taken for which there is no place.
 */
export function createCallbackCourier(needs: Needs): CallbackCourier {
  const { log } = needs
  const calling = new Set<Promise<void>>()
  const loads = new Map<string, RealmLoad>()
  let looking: Promise<void> | undefined
  let lookAgain = false
  let draining = false

  function occupy({ tenantId, issuer }: DueCallback, places: 1 | -1): void {
    const name = `${tenantId} ${issuer}`
    const inFlight = (loads.get(name)?.inFlight ?? 0) + places
    if (inFlight > 0) loads.set(name, { tenantId, issuer, inFlight })
    else loads.delete(name)
  }

  function call(due: DueCallback): void {
    occupy(due, 1)
    const { challengeId, issuer } = due
    const running = makeCallback(needs, due)
      .catch((error: unknown) => {
        log.error({ err: error, challengeId, issuer }, 'callback not settled; it is not made again')
      })
      .finally(() => {
        calling.delete(running)
        occupy(due, -1)
        // A place is free, and who waited for it is called now.
        void work()
      })
    calling.add(running)
  }

  async function look(): Promise<void> {
    do {
      lookAgain = false
      const { max, perTenant, perRealm } = callbacksInFlight
      const limit = max - calling.size
      if (limit <= 0) return
      const triedBy = leaseName(needs.leaseHolder)
      const places = { limit, perTenant, perRealm, loads: [...loads.values()], triedBy }
      for (const due of await needs.keycloakCallbacks.take(places)) call(due)
    } while (lookAgain && !draining)
  }

  async function work(): Promise<void> {
    if (draining) return
    lookAgain = true
    looking ??= look()
      .catch((error: unknown) =>
        log.error({ err: error }, 'callbacks not looked for; the sweep will'),
      )
      .finally(() => {
        looking = undefined
      })
    await looking
  }

  return {
    work,
    async drain() {
      draining = true
      while (calling.size > 0 || looking !== undefined) {
        await Promise.all([...calling])
        await looking
      }
    },
  }
}
