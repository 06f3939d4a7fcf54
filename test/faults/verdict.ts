// The invariant after any fault: one end for each challenge, the acknowledged one, permanently.

import { onServer } from '../support/cluster.ts'
import type { Scene } from './scene.ts'
import type { History } from './sign-ins.ts'

const isEnd = (status: string) => status !== 'pending'

/** The contradictions between the responses of one sign-in and the stored status. */
export function faultsOf(
  { id, acknowledgments: acknowledgedCalls, reads }: History,
  storedStatus: string | undefined,
): string[] {
  if (storedStatus === undefined) return [`${id} was created, acknowledged and is gone`]
  const faults: string[] = []
  const decisions = new Set(acknowledgedCalls)
  if (decisions.size > 1) faults.push(`${id} was acknowledged as ${[...decisions].join(' and ')}`)
  for (const one of decisions) {
    if (one !== storedStatus)
      faults.push(`${id} was acknowledged as ${one} and is kept as ${storedStatus}`)
  }
  const finalRead = reads.find(isEnd)
  if (finalRead !== undefined && finalRead !== storedStatus)
    faults.push(`${id} read ${finalRead} and is kept as ${storedStatus}`)
  return faults
}

const doubledEnds = `
  select challenge_id as id, count(*)::int as ends from activities
  where type in ('challenge_approved', 'challenge_denied', 'challenge_expired', 'challenge_cancelled',
    'challenge_reported')
  group by challenge_id having count(*) > 1`

const untold = `
  select c.id, c.status from challenges c
  where c.status in ('approved', 'denied') and not exists (select from activities a
    where a.tenant_id = c.tenant_id and a.challenge_id = c.id
      and a.type in ('challenge_approved', 'challenge_denied', 'challenge_reported'))`

const twice = `
  select idempotency_key as key, count(*)::int as made from challenges
  where idempotency_key is not null group by tenant_id, rp_id, idempotency_key having count(*) > 1`

/** Descriptions of every violation in the histories and the database. */
export async function findViolations(
  scene: Scene,
  histories: readonly History[],
): Promise<string[]> {
  return onServer(scene.databaseUrl, async (client) => {
    const all = async (text: string) => (await client.query(text)).rows
    const storedStatuses = new Map(
      (await all('select id, status from challenges')).map((row) => [row.id, row.status]),
    )
    return [
      ...histories.flatMap((history) => faultsOf(history, storedStatuses.get(history.id))),
      ...(await all(doubledEnds)).map(({ id, ends }) => `${id} ended ${ends} times in the record`),
      ...(await all(untold)).map(({ id, status }) => `${id} is ${status}, and no activity says so`),
      ...(await all(twice)).map(({ key, made }) => `${made} challenges were made under ${key}`),
    ]
  })
}
