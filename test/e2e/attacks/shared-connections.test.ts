// One tenant asks for more than the database can serve, while another one works.

import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOtherTenant } from '../../support/other-tenant.ts'
import {
  type Api,
  createApi,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

let service: RunningService
let crowd: Api
/** A connection that locks what the crowd needs, so that each of its calls keeps one busy. */
let holder: pg.Client
const people = Array.from({ length: 20 }, (_, at) => `u${at}`)

const enroll = (api: Api, user: string) =>
  api('POST', '/v1/enrollments', { user, displayName: 'U' })

beforeAll(async () => {
  service = await startTestService()
  crowd = createApi(service.origin, (await createOtherTenant(service)).key)
  for (const user of people) expect((await enroll(crowd, user)).status).toBe(201)
  holder = new pg.Client({ connectionString: service.database.url })
  await holder.connect()
})
afterAll(async () => {
  await holder.end()
  await service[Symbol.asyncDispose]()
})

async function heldConnections(): Promise<number> {
  // A transaction sees the connections of its first look.
  await holder.query('select pg_stat_clear_snapshot()')
  const { rows } = await holder.query(
    "select count(*)::int as held from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  )
  return rows[0].held
}

// Of ten connections five are shared.
const crowdMax = 3

test.each([
  [
    'lists',
    'lock table integrations in access exclusive mode',
    () => people.map(() => crowd('GET', '/v1/integrations')),
  ],
  [
    'enrollments',
    `select from user_protections p join user_identifiers i using (tenant_id, user_id)
     where i.namespace = 'other' for update of p`,
    () => people.map((user) => enroll(crowd, user)),
  ],
])(
  'slow %s of one tenant leave connections for lists and enrollments of another',
  async (_what, lock, flood) => {
    await holder.query('begin')
    await holder.query(lock)
    const answers: number[] = []
    const floods = flood().map(async (call) => void answers.push((await call).status))
    await until('they take what they may', async () => (await heldConnections()) >= crowdMax)
    expect((await service.api('GET', '/v1/users')).status).toBe(200)
    expect((await enroll(service.api, 'ada')).status).toBe(201)
    expect(await heldConnections()).toBeLessThanOrEqual(crowdMax)
    expect(answers).toEqual([])
    await holder.query('rollback')
    await Promise.all(floods)
    // Those that waited too long may retry.
    for (const status of answers) expect([200, 201, 503]).toContain(status)
  },
)
