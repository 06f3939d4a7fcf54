import type { TenantId, UserId } from '../domain/ids.ts'
import type { Refusal } from '../domain/refusal.ts'

/** A fair queue of work, in the memory of this process. */
export interface FairQueue {
  /**
   * Runs the work when it is next in its line. Lines are served round-robin, so a long line makes
   * no other wait longer than for one piece of work of each. Where too much is queued already, or
   * this has waited for too long: `too_many_requests`, and the work was not started. A holder of
   * several lines takes no more slots than are then left free for others.
   */
  run<T>(
    line: string,
    work: () => Promise<T>,
    whose?: { readonly holder: string },
  ): Promise<T | Refusal<'too_many_requests'>>
}

export interface UserQueue {
  /**
   * Runs work that locks the row of a user, one at a time in this process: waiting for that lock in
   * the database would occupy a connection each. Each caller has a line of its own (`line`), so
   * that unauthenticated clients who try codes do not delay the owner. Lines of devices and
   * sessions (`device:`, `portal:`) find room before others; what an API key orders (`api_key:`)
   * goes first.
   */
  run<T>(
    user: { readonly tenantId: TenantId; readonly userId: UserId },
    line: string,
    work: () => Promise<T>,
  ): Promise<T | Refusal<'too_many_requests'>>
}
