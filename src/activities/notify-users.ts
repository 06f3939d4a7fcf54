import { planNotices } from '../domain/notice.ts'
import type { Random } from '../platform/world.ts'
import type { Dispatcher } from '../push/delivery.store.ts'
import type { NoticeCursor, NoticeStore } from './notice.store.ts'

export type Dependencies = {
  readonly notices: Pick<NoticeStore, 'loadPending' | 'settle' | 'enqueue'>
  readonly dispatcher: Pick<Dispatcher, 'leaseHolder' | 'dispatch'>
  readonly random: Pick<Random, 'id'>
}

/**
 * Notifies users of a batch of activities: queues the pushes and dispatches them immediately. Any
 * number of processes may run this concurrently. `last` is the cursor of a walk over waiting
 * activities; null at its end.
 */
export async function notifyUsers(
  { notices, dispatcher, random }: Dependencies,
  query: { readonly waitingAfter: NoticeCursor | null; readonly limit: number },
): Promise<{ readonly last: NoticeCursor | null }> {
  const { users, last } = await notices.loadPending(query)
  for (const { tenantId, userId, ...facts } of users) {
    const { settlements, pushes } = planNotices(facts)
    for (const { outcome, activityIds } of settlements) {
      await notices.settle(tenantId, activityIds, outcome)
    }
    for (const push of pushes) {
      const deliveries = push.deviceIds.map((deviceId) => ({
        id: random.id('delivery'),
        deviceId,
      }))
      const { leaseHolder: leasedBy } = dispatcher
      const due = await notices.enqueue({ tenantId, userId, push, deliveries, leasedBy })
      dispatcher.dispatch(due)
    }
  }
  return { last }
}
