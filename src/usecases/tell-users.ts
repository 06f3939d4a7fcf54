import { planNotices } from '../domain/notice.ts'
import type { Dispatcher } from '../ports/delivery-store.ts'
import type { NoticePlace, NoticeStore } from '../ports/notice-store.ts'
import type { Random } from '../ports/world.ts'

export type Needs = {
  readonly notices: Pick<NoticeStore, 'loadOwed' | 'settle' | 'owe'>
  readonly dispatcher: Pick<Dispatcher, 'leaseHolder' | 'dispatch'>
  readonly random: Pick<Random, 'id'>
}

/**
 * Notifies users of a batch of activities: queues the pushes and dispatches them immediately. Any
 * number of processes may run this concurrently. `last` is the cursor of a walk over waiting
 * activities; null at its end.
 */
export async function tellUsers(
  { notices, dispatcher, random }: Needs,
  query: { readonly waitingAfter: NoticePlace | null; readonly limit: number },
): Promise<{ readonly last: NoticePlace | null }> {
  const { users, last } = await notices.loadOwed(query)
  for (const { tenantId, userId, ...facts } of users) {
    const { settled: settlements, pushes } = planNotices(facts)
    for (const { outcome, activityIds } of settlements) {
      await notices.settle(tenantId, activityIds, outcome)
    }
    for (const push of pushes) {
      const deliveries = push.deviceIds.map((deviceId) => ({
        id: random.id('delivery'),
        deviceId,
      }))
      const { leaseHolder: leasedBy } = dispatcher
      const due = await notices.owe({ tenantId, userId, push, deliveries, leasedBy })
      dispatcher.dispatch(due)
    }
  }
  return { last }
}
