import type { HttpConnection } from './http-connection.ts'
import type { Worker } from './level.ts'
import { readTotals, useBetween } from './service-metrics.ts'

/** Statements that one call waits for, and those that follow its response. */
export type CallTrips = { readonly waitedFor: readonly string[]; readonly after: readonly string[] }

/** The calls whose round trips are bounded. */
export type RoundTrips = Readonly<Record<'create' | 'fetch' | 'answer', CallTrips>>

const calls = 20
/** What the service sends after the response, together with that of other calls. */
const behind = ['settle_deliveries', 'mark_fetched', 'notify']

/**
 * Signs in a few times, one after the other, and counts for each kind of call; null when the
 * service reports no metrics.
 */
export async function countRoundTrips(
  { party, phone }: Worker,
  metrics: HttpConnection,
): Promise<RoundTrips | null> {
  const sums = { create: new Map(), fetch: new Map(), answer: new Map() } satisfies Record<
    keyof RoundTrips,
    Map<string, number>
  >
  let before = await readTotals(metrics)
  const count = async (sum: Map<string, number>): Promise<void> => {
    const after = await readTotals(metrics)
    const use = before && after && useBetween(before, after)
    before = after
    for (const [name, times] of use?.statements ?? []) sum.set(name, (sum.get(name) ?? 0) + times)
  }
  for (let call = 0; call < calls; call++) {
    const { id, number } = await party.create(phone.userId)
    if (phone.isPushed) await phone.pushedAt(id)
    await count(sums.create)
    const request = (await phone.prepareFetch()()).find((one) => one.id === id)
    if (!request) throw new Error('the phone has not received the challenge of the relying party')
    await count(sums.fetch)
    await phone.prepareApproval(request, number)()
    await count(sums.answer)
  }
  return (
    before && {
      create: tripsOf(sums.create),
      fetch: tripsOf(sums.fetch),
      answer: tripsOf(sums.answer),
    }
  )
}

/**
 * Statements sent less than every other time are periodic: sweeps, and look-ups that are cached for
 * a while.
 */
function tripsOf(statements: ReadonlyMap<string, number>): CallTrips {
  const names = [...statements].flatMap(([name, count]) =>
    Array.from({ length: Math.round(count / calls) }, () => name),
  )
  return {
    waitedFor: names.filter((name) => !behind.includes(name)),
    after: names.filter((name) => behind.includes(name)),
  }
}
