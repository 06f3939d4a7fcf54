import type { PushAddress } from '../devices/push-address.store.ts'
import type { TenantId } from '../domain/ids.ts'
import type { AppProvider } from '../domain/push.ts'
import type { PushProvider } from './push.store.ts'
import { type PushLog, plainText } from './push-log.adapter.ts'

type Address = Pick<PushAddress, 'appId' | 'environment'> & { readonly provider: AppProvider }

/** A tenant's credentials for an app. The version increases with each change. */
export type StoredCredentials = {
  readonly id: string
  readonly version: number
  readonly secret: string
}

export type AppProvidersOptions = {
  /** Reads the credentials of an app as JSON; null when the tenant has none of its own. */
  readonly find: (tenantId: TenantId, address: Address) => Promise<StoredCredentials | null>
  /** Opens a provider; throws when the credentials cannot be used. */
  readonly open: (address: Address, secret: string) => PushProvider
  readonly log: PushLog
  /** How long credentials are cached; 5,000 by default. A signal ends it earlier (`forget`). */
  readonly cacheMs?: number
  /** Providers that are open at a time, each with its connections; 64 by default. */
  readonly openMax?: number
}

/**
 * The providers of the tenants' own apps: opened when first needed, closed when changed, removed,
 * or unused for the longest.
 */
export type AppProviders = {
  /**
   * The provider to send with; null when the tenant has no credentials of its own for this app.
   * Rejects when they cannot be read.
   */
  resolve(tenantId: TenantId, address: Address): Promise<PushProvider | null>
  /**
   * Re-reads the credentials of a tenant's open providers, and closes those that were changed or
   * removed. Never rejects.
   */
  forget(tenantId: TenantId): Promise<void>
  drain(): Promise<void>
}

type Entry = {
  readonly tenantId: TenantId
  readonly address: Address
  readAt: number
  reading: Promise<void> | null
  open: { readonly id: string; readonly version: number; readonly push: PushProvider } | null
}

// Entries without credentials are small; this many are cached before the least recently used is
// dropped.
const entriesMax = 10_000

const misconfiguredProvider = (reason: string): PushProvider => ({
  send: async () => ({ kind: 'misconfigured', reason }),
  drain: async () => undefined,
})

/** Opens and closes providers by what `find` returns. */
export function buildAppProviders(options: AppProvidersOptions): AppProviders {
  const { find, log, cacheMs = 5_000, openMax = 64 } = options
  // Least recently used first.
  const entries = new Map<string, Entry>()
  const closing = new Set<Promise<void>>()

  function close(entry: Entry): void {
    const { open } = entry
    if (!open) return
    entry.open = null
    const drain = open.push
      .drain()
      .catch((error: unknown) => log.warn({ err: error }, 'push provider not closed cleanly'))
      .finally(() => closing.delete(drain))
    closing.add(drain)
  }

  function openWith({ id, version, secret }: StoredCredentials, address: Address): Entry['open'] {
    try {
      return { id, version, push: options.open(address, secret) }
    } catch (error) {
      const text = error instanceof Error ? error.message : 'unknown failure'
      return {
        id,
        version,
        push: misconfiguredProvider(plainText(`credentials of ${id}: ${text}`)),
      }
    }
  }

  async function read(entry: Entry): Promise<void> {
    const credentials = await find(entry.tenantId, entry.address)
    entry.readAt = performance.now()
    const { open } = entry
    if (credentials && open?.id === credentials.id && open.version === credentials.version) return
    close(entry)
    // An entry that was evicted meanwhile must not be opened again.
    if (credentials && entries.get(keyOf(entry.tenantId, entry.address)) === entry) {
      entry.open = openWith(credentials, entry.address)
      evict()
    }
  }

  /** Concurrent callers share one read. */
  function refresh(entry: Entry): Promise<void> {
    entry.reading ??= read(entry).finally(() => {
      entry.reading = null
    })
    return entry.reading
  }

  function evict(): void {
    const openEntries = [...entries].filter(([, { open }]) => open !== null)
    const surplus = openEntries.slice(0, Math.max(0, openEntries.length - openMax))
    const oldest = [...entries].slice(0, Math.max(0, entries.size - entriesMax))
    for (const [key, entry] of [...surplus, ...oldest]) {
      entries.delete(key)
      close(entry)
    }
  }

  return {
    async resolve(tenantId, address) {
      const key = keyOf(tenantId, address)
      const entry = entries.get(key) ?? {
        tenantId,
        address,
        readAt: Number.NEGATIVE_INFINITY,
        reading: null,
        open: null,
      }
      entries.delete(key)
      entries.set(key, entry)
      if (performance.now() - entry.readAt >= cacheMs) await refresh(entry)
      return entry.open?.push ?? null
    },

    async forget(tenantId) {
      for (const entry of [...entries.values()]) {
        if (entry.tenantId !== tenantId) continue
        entry.readAt = Number.NEGATIVE_INFINITY
        // A read in progress may have begun before the change.
        await entry.reading?.catch(() => undefined)
        await refresh(entry).catch((error: unknown) =>
          log.warn({ err: error, tenantId }, 'credentials of an app not read; tried again at use'),
        )
      }
    },

    async drain() {
      for (const entry of entries.values()) close(entry)
      entries.clear()
      await Promise.all(closing)
    },
  }
}

/** FCM has one environment only. */
function keyOf(tenantId: TenantId, { provider, appId, environment }: Address): string {
  return JSON.stringify([tenantId, provider, appId, provider === 'apns' ? environment : ''])
}
