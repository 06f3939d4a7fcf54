import type { TenantId, UserId } from '../domain/ids.ts'
import type { Refusal } from '../domain/refusal.ts'

/** Lines of work that wait for one another, in the memory of this process. */
export interface Turns {
  /**
   * Does the work when it is the turn of its line. Lines take turns, so a long one makes no other wait longer than for one work
   * of each. Where too much waits already, or this has waited for too long: `too_many_requests`, and the work was not begun. A holder of several lines takes no more places than are then
   * left free for others.
   */
  take<T>(
    line: string,
    work: () => Promise<T>,
    whose?: { readonly holder: string },
  ): Promise<T | Refusal>
}

export interface UserTurns {
  /**
   * Does what locks the row of a user, one at a time in this process: what waited for that lock in the database would hold a
   * connection each. Who asks stands in a line of their own (`line`), so that strangers who try codes do not hold up the owner.
   * Lines of devices and sessions (`device:`, `portal:`) find room before others; what an API key orders (`api_key:`) goes before all.
   */
  take<T>(
    user: { readonly tenantId: TenantId; readonly userId: UserId },
    line: string,
    work: () => Promise<T>,
  ): Promise<T | Refusal>
}
