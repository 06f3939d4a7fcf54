import type { TenantId } from '../domain/ids.ts'
import type { PushAddress, PushProvider } from '../ports/push.ts'
import { type PushLog, plainText } from './push-log.ts'

type Address = Pick<PushAddress, 'provider' | 'appId' | 'environment'>

/** What a tenant has for an app. The version goes up with each change of the credentials. */
export type FoundApp = { readonly id: string; readonly version: number; readonly secret: string }

export type AppProvidersOptions = {
  /** Reads the credentials of an app as JSON; null when the tenant has none of its own. */
  readonly find: (tenantId: TenantId, address: Address) => Promise<FoundApp | null>
  /** Opens a provider; throws when the credentials are of no use. */
  readonly open: (address: Address, secret: string) => PushProvider
  readonly log: PushLog
  /** How long what was read is believed; 5,000 unless said otherwise. A signal makes it shorter (`forget`). */
  readonly believedMs?: number
  /** Providers that are open at a time, each with its connections; 64 unless said otherwise. */
  readonly openMax?: number
}

/** The providers of the tenants' own apps: opened when first needed, closed when changed, removed, or unused for the longest. */
export type AppProviders = {
  /** The provider to send with; null when the tenant has no credentials of its own for this app. Rejects when it cannot be known. */
  resolve(tenantId: TenantId, address: Address): Promise<PushProvider | null>
  /** Reads all that is open for a tenant again, and closes what was changed or removed. Never rejects. */
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

// Entries without credentials are small; this many tenants' apps are remembered before the oldest is forgotten.
const entriesMax = 10_000

const misconfigured = (reason: string): PushProvider => ({
  send: async () => ({ kind: 'misconfigured', reason }),
  drain: async () => undefined,
})

/** Opens and closes providers by what `find` says. */
export function createAppProviders(options: AppProvidersOptions): AppProviders {
  const { find, log, believedMs = 5_000, openMax = 64 } = options
  // In the order of their last use.
  const entries = new Map<string, Entry>()
  const closing = new Set<Promise<void>>()

  function close(entry: Entry): void {
    const { open } = entry
    if (!open) return
    entry.open = null
    const done = open.push
      .drain()
      .catch((error: unknown) => log.warn({ err: error }, 'push provider not closed cleanly'))
      .finally(() => closing.delete(done))
    closing.add(done)
  }

  function openWith({ id, version, secret }: FoundApp, address: Address): Entry['open'] {
    try {
      return { id, version, push: options.open(address, secret) }
    } catch (error) {
      const text = error instanceof Error ? error.message : 'unknown failure'
      return { id, version, push: misconfigured(plainText(`credentials of ${id}: ${text}`)) }
    }
  }

  async function read(entry: Entry): Promise<void> {
    const found = await find(entry.tenantId, entry.address)
    entry.readAt = performance.now()
    const { open } = entry
    if (found && open?.id === found.id && open.version === found.version) return
    close(entry)
    // One that was evicted meanwhile must not come back to life unseen.
    if (found && entries.get(keyOf(entry.tenantId, entry.address)) === entry) {
      entry.open = openWith(found, entry.address)
      evict()
    }
  }

  /** Callers at the same time share one reading. */
  function refresh(entry: Entry): Promise<void> {
    entry.reading ??= read(entry).finally(() => {
      entry.reading = null
    })
    return entry.reading
  }

  function evict(): void {
    const opened = [...entries].filter(([, { open }]) => open !== null)
    const surplus = opened.slice(0, Math.max(0, opened.length - openMax))
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
      if (performance.now() - entry.readAt >= believedMs) await refresh(entry)
      return entry.open?.push ?? null
    },

    async forget(tenantId) {
      for (const entry of [...entries.values()]) {
        if (entry.tenantId !== tenantId) continue
        entry.readAt = Number.NEGATIVE_INFINITY
        // A reading under way may have begun before the change.
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
