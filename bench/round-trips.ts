import type { HttpConnection } from './http-connection.ts'
import type { Worker } from './level.ts'
import { readTotals, useBetween } from './service-metrics.ts'

/** Statements that one call waits for, and those that follow when it is answered already. */
export type CallTrips = { readonly waitedFor: readonly string[]; readonly after: readonly string[] }

/** The calls whose round trips are bounded. */
export type RoundTrips = Readonly<Record<'create' | 'fetch' | 'answer', CallTrips>>

const calls = 20
/** What the service sends behind the answer, together with that of other calls. */
const behind = ['settle_deliveries', 'mark_fetched', 'notify']

/** Makes each kind of call a few times, one after the other; null when the service does not tell. */
export async function countRoundTrips(
  { party, phone }: Worker,
  metrics: HttpConnection,
): Promise<RoundTrips | null> {
  let before = await readTotals(metrics)
  const sent = async (): Promise<CallTrips | null> => {
    const after = await readTotals(metrics)
    const use = before && after && useBetween(before, after)
    before = after
    return use && tripsOf(use.statements)
  }
  const numbers = new Map<string, string>()
  for (let call = 0; call < calls; call++) {
    const { id, number } = await party.create(phone.userId)
    numbers.set(id, number)
    if (phone.isPushed) await phone.pushedAt(id)
  }
  const create = await sent()
  let asked = await phone.prepareFetch()()
  for (let call = 1; call < calls; call++) asked = await phone.prepareFetch()()
  const fetch = await sent()
  for (const one of asked) {
    const number = numbers.get(one.id)
    if (number !== undefined) await phone.prepareApproval(one, number)()
  }
  const answer = await sent()
  return create && fetch && answer && { create, fetch, answer }
}

/** What is sent less than every other time belongs to the clock: sweeps, and look-ups that are remembered for a while. */
function tripsOf(statements: ReadonlyMap<string, number>): CallTrips {
  const names = [...statements].flatMap(([name, count]) =>
    Array.from({ length: Math.round(count / calls) }, () => name),
  )
  return {
    waitedFor: names.filter((name) => !behind.includes(name)),
    after: names.filter((name) => behind.includes(name)),
  }
}
