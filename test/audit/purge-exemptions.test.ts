import { randomBytes } from 'node:crypto'
import { describe, expect } from 'vitest'
import { buildPurge } from '../../src/audit/purge-old.ts'
import { auditExemptionTyp } from '../../src/domain/audit-exemption.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../src/platform/crypto/signatures.ts'
import { aPhone, aPrincipal } from '../support/world.ts'
import { type AuditedTenant, payloadOf, test } from './audited-tenant.ts'

describe('a hand-made purge', () => {
  test('excuses nothing, and is itself detected', async ({ chain }) => {
    await chain.sweep()
    const [{ id } = {}] = await chain.unsignedPurge()
    await chain.sweep()
    const seq = await chain.seqOf(id)
    expect(await chain.verify()).toMatchObject({ firstBad: { seq, fault: 'exemption_not_signed' } })
    await chain.sql('delete from activities where user_id = $1', chain.phone.userId)
    expect(await chain.faultOf()).toBe('row_missing')
  })

  test('from before the checkpoint excuses nothing that was removed after it', async ({
    chain,
  }) => {
    await chain.sweepAsBefore()
    await chain.unsignedPurge()
    await chain.sweep()
    expect(await chain.faultOf()).toBeUndefined()
    await chain.sql('delete from activities where user_id = $1', chain.phone.userId)
    expect(await chain.faultOf()).toBe('checkpoint_differs')
  })

  test('from before the checkpoint excuses nothing that was linked after it, however old', async ({
    chain,
  }) => {
    await chain.sweepAsBefore()
    await chain.unsignedPurge()
    await chain.sweep()
    await chain.sql(
      `insert into activities (tenant_id, id, user_id, type, severity, actor, occurred_at)
       values ($1, 'act_zlate', $2, 'device_renamed', 'info', 'service',
         now() - interval '30 seconds')`,
      chain.principal.tenantId,
      chain.phone.userId,
    )
    await chain.sweep()
    expect(await chain.faultOf()).toBeUndefined()
    await chain.sql(`delete from activities where id = 'act_zlate'`)
    expect(await chain.faultOf()).toBe('row_missing')
  })

  test('is not ours with the signature of another event, tenant or key', async ({
    chain,
    world,
  }) => {
    await chain.sweep()
    await chain.purge()
    await chain.sweep()
    const [{ details } = {}] = await chain.sql(
      `select details from audit_events where tenant_id = $1 and type = 'activities_purged'`,
      chain.principal.tenantId,
    )
    const { exemption, links } = details as { exemption: string; links: string }
    const { tenantId } = chain.principal
    const thief = (await aPrincipal(world)).tenantId
    const claims = { ...payloadOf(exemption), event: 'aud_zforged' }
    const theirs = await world.signingKeys.sign(thief, auditExemptionTyp, JSON.stringify(claims))
    // A key of their own, with its public half in the table: the private one is not sealed under
    // any key of ours.
    const elsewhere = buildSignatures(buildSealing({ current: randomBytes(32) }))
    const key = await elsewhere.createKey(tenantId)
    await chain.sql(
      `insert into signing_keys (tenant_id, kid, seq, status, public_jwk, private_sealed)
       values ($1, $2, 9, 'retired', $3, $4)`,
      ...[tenantId, key.kid, key.publicJwk, key.privateSealed],
    )
    const header = JSON.stringify({ alg: 'ES256', typ: auditExemptionTyp, kid: key.kid })
    const own = await elsewhere.sign({ ...key, tenantId }, header, JSON.stringify(claims))
    // Our own signature, under claims that it was not made for.
    const [ourHeader, , signature] = exemption.split('.')
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
    const graftedJws = `${ourHeader}.${payload}.${signature}`
    // Nor is another kind of signature of ours one of these.
    const head = await world.signingKeys.sign(tenantId, 'audit-head+jwt', JSON.stringify(claims))
    for (const forgedExemption of [exemption, theirs, own, graftedJws, head, '', null, 7, {}]) {
      await chain.sql(`delete from audit_events where id = 'aud_zforged'`)
      await chain.sql(
        `delete from audit_links where tenant_id = $1 and row_id = 'aud_zforged'`,
        tenantId,
      )
      await chain.event('activities_purged', tenantId, { exemption: forgedExemption, links })
      await chain.sql(
        `update audit_events set id = 'aud_zforged' where id > 'aud_z' and tenant_id = $1`,
        tenantId,
      )
      await chain.sweepAsBefore()
      const seq = await chain.seqOf('aud_zforged')
      expect([forgedExemption, await chain.verify()]).toMatchObject([
        forgedExemption,
        { firstBad: { seq, fault: 'exemption_not_ours' } },
      ])
      await chain.cutTo(seq - 1)
    }
  })
})

describe('a signed purge is a fault', () => {
  test.beforeEach(async ({ chain, world }) => {
    await chain.sweep()
    const step = buildPurge(world, 500)
    while (await step());
    await chain.sweep()
  })

  test.for([
    ['unless it is as it was', {}, undefined, undefined],
    ['of another count', { count: 3 }, undefined, 'purge_differs'],
    ['of other links', {}, '3-5', 'purge_differs'],
    ['of links without order', {}, '4,3,5-6', 'purge_differs'],
    ['of other rows', { digest: 'x' }, undefined, 'purge_differs'],
    ['of another time', { before: '1' }, undefined, 'purge_differs'],
    [
      'younger than any policy allows',
      { before: `${Date.now() - 29 * 86_400_000}000` },
      undefined,
      'purge_too_early',
    ],
    ['of another tenant', { tid: 'tnt_other' }, undefined, 'exemption_not_ours'],
    ['about something else', { subject: 'usr_1' }, undefined, 'exemption_not_ours'],
    ['of another kind', { kind: 'user_erased' }, undefined, 'exemption_not_ours'],
  ] as const)('%s', async ([_, changes, links, fault], { chain }) => {
    await chain.signedPurge(changes, links)
    const foundFault = await chain.faultOf()
    // A row that is no longer excused is reported as missing first.
    if (fault === undefined) expect(foundFault).toBeUndefined()
    else expect(['row_missing', fault]).toContain(foundFault)
    if (foundFault !== 'row_missing') return
    await putBack(chain)
    expect(await chain.faultOf()).toBe(fault)
  })

  test('where the rows it claims to have removed are still there', async ({ chain }) => {
    await putBack(chain)
    expect(await chain.faultOf()).toBe('purge_differs')
  })

  /** The activities that the purge removed, as they were. */
  async function putBack({ keptRows, sql }: AuditedTenant) {
    for (const row of keptRows) {
      await sql(
        `insert into activities select (jsonb_populate_record(null::activities, $1)).*`,
        row.row,
      )
    }
  }
})

test('a backdated row is not purged, and is detected', async ({ world, chain }) => {
  const young = await aPhone(world, chain.principal, { user: 'young' })
  await chain.sweep()
  await chain.sql(
    `update activities set occurred_at = occurred_at - interval '500 days', notice = 'pushed'
     where user_id = $1`,
    young.userId,
  )
  await chain.purge()
  await chain.sweep()
  const remainingRows = await chain.sql(
    'select id from activities where user_id = $1',
    young.userId,
  )
  expect(remainingRows.length).toBeGreaterThan(2)
  expect(await chain.faultOf()).toBe('row_edited')
})
