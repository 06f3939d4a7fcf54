// In which queues a typed code waits until it is checked.

import type { TenantId, UserId } from '../domain/ids.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { FairQueue, UserQueue } from '../platform/fair-queue.ts'

export type PasscodeQueues = {
  readonly userQueue: UserQueue
  /** Codes of one user go one at a time, whatever else is done for the user. */
  readonly userCodeQueue: UserQueue
  /** A line for each user, held by the tenant. */
  readonly passcodeQueue: FairQueue
}

/** The user's place is taken last: what waits behind other users' codes holds up no answer. */
export function inQueues<T>(
  { userCodeQueue, passcodeQueue, userQueue }: PasscodeQueues,
  user: { readonly tenantId: TenantId; readonly userId: UserId },
  line: string,
  work: () => Promise<T>,
): Promise<T | Refusal<'too_many_requests'>> {
  const inUserQueue = () => userQueue.run(user, line, work)
  const whose = { holder: user.tenantId }
  return userCodeQueue.run(user, line, () =>
    passcodeQueue.run(`${user.tenantId} ${user.userId}`, inUserQueue, whose),
  )
}
