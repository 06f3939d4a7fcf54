// Tests of connections that run in this process: one of each tenant, and not too many in a minute.

import { connectionTestWaitSeconds } from '../../domain/connection-test.ts'
import type { TenantId } from '../../domain/ids.ts'
import { type Refusal, refuse } from '../../domain/refusal.ts'

export type ConnectionTurns = {
  /** Runs the work, or refuses it: the tenant has another under way, or had too many. */
  run<T>(tenantId: TenantId, work: () => Promise<T>): Promise<T | Refusal<'too_many_requests'>>
}

type Tenancy = { startedMs: readonly number[]; isRunning: boolean }

const minuteMs = 60_000

/** The turns of one process; a tenant that tests nothing for a minute is forgotten. */
export function buildConnectionTurns(nowMs: () => number): ConnectionTurns {
  const tenancies = new Map<TenantId, Tenancy>()

  function forgetOld(now: number): void {
    for (const [tenantId, { startedMs, isRunning }] of tenancies) {
      if (!isRunning && startedMs.every((one) => now - one >= minuteMs)) tenancies.delete(tenantId)
    }
  }

  return {
    async run(tenantId, work) {
      const now = nowMs()
      forgetOld(now)
      const tenancy = tenancies.get(tenantId) ?? { startedMs: [], isRunning: false }
      const retryAfterSeconds = connectionTestWaitSeconds(tenancy, now)
      if (retryAfterSeconds > 0) return refuse('too_many_requests', { retryAfterSeconds })
      tenancy.startedMs = [...tenancy.startedMs.filter((one) => now - one < minuteMs), now]
      tenancy.isRunning = true
      tenancies.set(tenantId, tenancy)
      try {
        return await work()
      } finally {
        tenancy.isRunning = false
      }
    },
  }
}
