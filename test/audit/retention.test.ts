import { afterAll, beforeAll, expect, test } from 'vitest'
import { chainAudit, signAuditHeads } from '../../src/audit/chain-audit.ts'
import { buildPurge } from '../../src/audit/purge-old.ts'
import { verifyAudit } from '../../src/audit/verify-audit.ts'
import { onServer } from '../support/cluster.ts'
import { aPhone, aPrincipal, openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

const sql = async (text: string, ...values: unknown[]) =>
  (await onServer(world.url, (client) => client.query(text, values))).rows

test('the audit record is whole after a purge by two workers, and reveals rows removed without a trace', async () => {
  const principal = await aPrincipal(world)
  await aPhone(world, principal)
  const { tenantId } = principal
  const link = async () => {
    while (await chainAudit(world, 100));
    while (await signAuditHeads(world, 100, 0));
  }
  // As if it had happened long ago, and been linked then.
  await sql(
    `update activities set occurred_at = occurred_at - interval '402 days', notice = 'pushed'
     where tenant_id = $1`,
    tenantId,
  )
  await link()
  const purge = async () => {
    const step = buildPurge(world, 2)
    while (await step());
  }
  await Promise.all([purge(), purge()])
  await link()
  const [{ left: remaining }] = await sql(
    'select count(*)::int as left from activities where tenant_id = $1',
    tenantId,
  )
  const verdict = await verifyAudit(world, tenantId)
  expect({ left: remaining, ...verdict }).toMatchObject({ left: 0, firstBad: null })
  expect(verdict.purged).toBeGreaterThanOrEqual(4)
  await sql(
    `insert into activities (tenant_id, id, user_id, type, severity, actor)
     select tenant_id, 'act_new', id, 'device_renamed', 'info', 'service'
     from users where tenant_id = $1`,
    tenantId,
  )
  await link()
  await sql(`delete from activities where tenant_id = $1`, tenantId)
  expect((await verifyAudit(world, tenantId)).firstBad).toMatchObject({ fault: 'row_missing' })
})
