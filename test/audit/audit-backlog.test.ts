// A chain that fell behind, as after a long outage of all workers.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildAuditStore } from '../../src/audit/audit.sql.ts'
import { chainAudit } from '../../src/audit/chain-audit.ts'
import { nearScan } from '../../src/domain/audit-chain.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import { onServer } from '../support/cluster.ts'
import { repetitions } from '../support/endurance.ts'
import { aPhone, aPrincipal, openWorld, type World } from '../support/world.ts'

const size = repetitions({ usual: 20_000, nightly: 1_000_000 })

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const count = (text: string, tenantId: string) =>
  onServer(world.url, async (client) => {
    const { rows } = await client.query<{ count: number }>(text, [tenantId])
    return rows[0]?.count
  })

test(
  `a chain ${size.toLocaleString('en')} sign-ins behind catches up, each poll within its timeout`,
  async () => {
    const { tenantId, userId } = await aPhone(world, await aPrincipal(world))
    const quiet = await aPhone(world, await aPrincipal(world))
    // A busy day: three chained for each two that are not, 200 a second.
    await onServer(world.url, (client) =>
      client.query(
        `insert into activities (tenant_id, id, user_id, type, severity, actor, occurred_at, notice)
         select $1, 'act_b' || lpad(n::text, 9, '0'), $2,
           case when n % 5 < 2 then 'challenge_created' else 'challenge_approved' end, 'info',
           'service', now() - interval '3 days' + n * interval '5 milliseconds', 'in_app'
         from generate_series(1, $3::int) n`,
        [tenantId, userId, size],
      ),
    )
    // As the service opens it: a statement that takes longer fails.
    const database = openDatabase({ url: world.url })
    const audit = buildAuditStore(database, world.random)
    let polls = 0
    try {
      while (await chainAudit({ ...world, audit }, 500, nearScan)) polls += 1
    } finally {
      await database.close()
    }
    expect(polls).toBeLessThan(size / 5_000)
    const missing = `select count(*)::int as count from activities a where a.tenant_id = $1
      and a.type <> 'challenge_created'
      and not exists (select from audit_links l where l.tenant_id = $1 and l.row_id = a.id)`
    expect(await count(missing, tenantId)).toBe(0)
    // Nothing waited for it: the other tenant's rows are linked, too.
    expect(await count(missing, quiet.tenantId)).toBe(0)
  },
  Math.max(60_000, size * 2),
)
