import type { Actor } from '../domain/activity.ts'
import type { WindowFacts } from '../domain/enrollment-window.ts'
import type { EnrollmentId, TenantId, UserId } from '../domain/ids.ts'

type ByUser = { readonly tenantId: TenantId; readonly userId: UserId }

/** Windows in which users may enroll by themselves. */
export interface EnrollmentWindowStore {
  /** What decides about a window; null when the tenant has no such user. */
  find(user: ByUser): Promise<WindowFacts | null>
  /**
   * Opens a window, in the place of one that is open, and records it; `changed` when the user has
   * got a device or recovery codes since the facts were read, or was suspended.
   */
  open(
    user: ByUser & { readonly minutes: number },
    actor: Actor,
  ): Promise<{ readonly until: Date } | 'changed'>
  /**
   * Closes it, cancels the enrollments that it has permitted, with devices that were not confirmed,
   * and records all of it; null when none is open, and nothing goes on that one permitted.
   */
  close(
    user: ByUser,
    actor: Actor,
  ): Promise<{ readonly cancelledIds: readonly EnrollmentId[] } | null>
}
