// From a new service to one that can be filled.

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { type Fill, openFill } from './fill.ts'
import { enrollPeople, type StoredPerson, type StoredService } from './stored-service.ts'

const restTimeoutMs = 60_000
const lookEveryMs = 100

/** Nothing that the worker, or a service behind its answers, has yet to do. */
const isAtRest = `select not exists (select from challenges where status = 'pending')
  and not exists (select from deliveries where status = 'queued')
  and not exists (select from challenge_targets where fetched_at is null)
  and not exists (select from activities
    where notice = 'owed' or (notice is null and severity = 'critical'))
  and exists (select from audit_chains where checkpoint_seq is not null) as yes`

/** As if no worker had run: then all that is filled in is yet to be linked. */
const withoutChain = `delete from audit_links; delete from audit_heads; delete from audit_chains;
  delete from audit_events where type = 'audit_checkpointed'`

/**
 * Lets a user of the service sign in, and waits until the worker has done everything about it; then
 * stops the worker. The database has no audit chain afterwards.
 */
export async function prepareFill(
  service: StoredService,
  client: pg.Client,
  people: readonly StoredPerson[],
): Promise<Fill> {
  await service.startWorker()
  const [model] = await enrollPeople(service, 1, 'stored-model')
  if (!model) throw new Error('nobody was enrolled')
  await model.signIn()
  model.close()
  await untilAtRest(client)
  await service.stopWorker()
  await client.query(withoutChain)
  const { rows } = await client.query<{ id: string }>(
    'select id from challenges where user_id = $1',
    [model.userId],
  )
  const challengeId = rows[0]?.id ?? ''
  const userIds = people.map(({ userId }) => userId)
  return openFill(client, { userId: model.userId, challengeId }, userIds)
}

/** Resolves once the worker has nothing to do. */
export async function untilAtRest(client: pg.Client): Promise<void> {
  const deadline = performance.now() + restTimeoutMs
  for (;;) {
    const { rows } = await client.query<{ yes: boolean }>(isAtRest)
    if (rows[0]?.yes) return
    if (performance.now() > deadline) throw new Error('the worker is never done')
    await delay(lookEveryMs)
  }
}
