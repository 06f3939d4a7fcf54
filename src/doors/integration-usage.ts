import type { Clock } from '../platform/world.ts'
import type { Log } from '../push/push-dispatcher.ts'
import type { IntegrationStore, IntegrationUsage, IntegrationUse } from './integration.store.ts'

/** How long uses are collected before they are stored in one batch. */
const everyMs = 1_000
/** More integrations than this at a time are stored early. */
const waitingMax = 1_000

/**
 * Collects uses and failures of integrations, and stores them at most once a second and process:
 * flooding a door cannot make the database write. What could not be stored is lost and logged; it
 * is informational, no decision depends on it.
 */
export function buildIntegrationUsage(
  integrations: Pick<IntegrationStore, 'recordUses'>,
  clock: Clock,
  log: Pick<Log, 'warn'>,
): IntegrationUsage & { drain(): Promise<void> } {
  let waiting = new Map<string, IntegrationUse>()
  let timer: NodeJS.Timeout | null = null
  let writing = Promise.resolve()

  function write(): void {
    if (timer) clearTimeout(timer)
    timer = null
    if (waiting.size === 0) return
    const uses = [...waiting.values()]
    waiting = new Map()
    writing = writing
      .then(() => integrations.recordUses(uses))
      .catch((error: unknown) => log.warn({ err: error }, 'uses of integrations are lost'))
  }

  function note({ tenantId, id }: Pick<IntegrationUse, 'tenantId' | 'id'>, code: string | null) {
    const at = clock.now()
    const before = waiting.get(id)
    const isUse = code === null
    waiting.set(id, {
      tenantId,
      id,
      uses: (before?.uses ?? 0) + (isUse ? 1 : 0),
      usedAt: isUse ? at : (before?.usedAt ?? null),
      lastError: isUse ? (before?.lastError ?? null) : { code, at },
    })
    if (waiting.size >= waitingMax) write()
    else timer ??= setTimeout(write, everyMs)
  }

  return {
    recordUse: (integration) => note(integration, null),
    recordFailure: note,
    async drain() {
      write()
      await writing
    },
  }
}
