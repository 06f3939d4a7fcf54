import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chainAudit, signAuditHeads } from '../../src/audit/chain-audit.ts'
import { collectStoredHeads } from '../../src/audit/stored-heads.ts'
import { verifyAudit } from '../../src/audit/verify-audit.ts'
import { nearScan } from '../../src/domain/audit-chain.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { activityTypeOf } from '../../src/domain/stored-activity-type.ts'
import { eraseUser } from '../../src/personal-data/personal-data.ts'
import { createApiKey } from '../../src/tenants/api-keys.ts'
import { onServer } from '../support/cluster.ts'
import { aPhone, aPrincipal, ask, granted, openWorld, type World } from '../support/world.ts'

let world: World
let principal: Principal

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  await aPhone(world, principal)
  world.securityEvents.length = 0
})
afterAll(() => world.close())

const sql = async (text: string, ...values: unknown[]) =>
  (await onServer(world.url, (client) => client.query(text, values))).rows
/** Verifies against these stored texts, each on a line of its own. */
async function verify(texts: readonly string[] = [], { tenantId } = principal) {
  async function* lines() {
    yield* texts.map((text, at) => ({ line: at + 1, text }))
  }
  const storedHeads = await collectStoredHeads(world, [tenantId], lines())
  return await verifyAudit(world, tenantId, storedHeads.get(tenantId))
}

/** Links and signs everything, as the worker does. */
async function sweep() {
  while (await chainAudit(world, 100));
  while (await signAuditHeads(world, 100, 0));
}

/** An event for the record. */
async function anEvent(name = 'key') {
  const { tenantId, rpId } = principal
  const command = { tenantId, rpId, name, scopes: [], expiresAt: null }
  return (await granted(createApiKey(world, command, 'operator'))).key.id
}

/**
 * A signed chain of some links, more links after the head, and the seq of the row in the middle.
 */
async function aRecord() {
  for (const name of ['a', 'b', 'c']) await anEvent(name)
  await sweep()
  const middle = 4
  const [row] = await sql(
    `select row_id, (select max(seq) from audit_links where tenant_id = $1)::int as links
     from audit_links where tenant_id = $1 and seq = $2`,
    principal.tenantId,
    middle,
  )
  return { middle, rowId: row.row_id as string, links: row.links as number }
}

/** The first head with the signature of another tenant's key, under this tenant's name. */
async function aForgedHead(): Promise<string> {
  const thief = (await aPrincipal(world)).tenantId
  const [{ jws }] = await headsOf()
  const payload = Buffer.from(jws.split('.')[1], 'base64url').toString()
  const kid = (await world.keys.list(thief))[0]?.kid ?? ''
  const header = JSON.stringify({ alg: 'ES256', typ: 'audit-head+jwt', kid })
  return await world.signingKeys.signWith(thief, kid, header, payload)
}

const headsOf = () =>
  sql('select seq::int, jws from audit_heads where tenant_id = $1 order by seq', principal.tenantId)

describe('the chain', () => {
  test('holds every audit event and every decision about a user, in the order of time', async () => {
    await granted(ask(world, principal))
    await sweep()
    const rows = await sql(
      `select coalesce(a.type, e.type) as type from audit_links l
       left join activities a on a.id = l.row_id left join audit_events e on e.id = l.row_id
       where l.tenant_id = $1 order by l.seq`,
      principal.tenantId,
    )
    expect(rows.map(({ type }) => activityTypeOf(`${type}`))).toEqual([
      'tenant_created',
      'relying_party_created',
      'api_key_created',
      'user_imported',
      'enrollment_opened',
      'enrollment_claimed',
      'device_added',
      'audit_checkpointed',
    ])
    expect(await verify()).toMatchObject({ links: 8, heads: 1, firstBad: null })
  })

  test('is extended exactly once per row by 12 concurrent workers', async () => {
    await Promise.all(Array.from({ length: 60 }, (_, n) => anEvent(`key ${n}`)))
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        while (await chainAudit(world, 7));
      }),
    )
    await sweep()
    const { firstBad, links } = await verify()
    expect({ firstBad, links }).toEqual({ firstBad: null, links: 68 })
  })

  test('picks up a row committed after younger rows, by its far look-back', async () => {
    await onServer(world.url, async (client) => {
      await client.query('begin')
      await client.query(
        `insert into audit_events (tenant_id, id, type, actor, subject, occurred_at)
         values ($1, 'aud_late', 'api_key_created', 'operator', 'x',
           clock_timestamp() - make_interval(secs => $2))`,
        [principal.tenantId, nearScan.linkSeconds + 5],
      )
      await anEvent('younger')
      await sweep()
      await client.query('commit')
    })
    expect(await chainAudit(world, 100, nearScan)).toBe(false)
    expect(await verify()).toMatchObject({ links: 9 })
    await sweep()
    expect(await verify()).toMatchObject({ links: 10, firstBad: null })
  })

  test('is signed at most once a minute, and each head is also written to the log', async () => {
    await sweep()
    await anEvent()
    await chainAudit(world, 100)
    await signAuditHeads(world, 100)
    const mine = world.securityEvents.filter(
      ({ event, tenantId }) => event === 'audit_head' && tenantId === principal.tenantId,
    )
    const [{ seq, jws }, ...more] = await headsOf()
    expect(more).toEqual([])
    const { tenantId } = principal
    expect(mine).toEqual([{ event: 'audit_head', tenantId, seq, head: jws }])
    await Promise.all(Array.from({ length: 12 }, () => signAuditHeads(world, 100, 0)))
    expect(await headsOf()).toHaveLength(2)
    expect(await verify()).toMatchObject({ heads: 2, firstBad: null })
  })
})

test('stays whole after a person’s data is erased, and the erasure is counted', async () => {
  const { userId } = await aPhone(world, principal)
  await sweep()
  await granted(eraseUser(world, principal, userId))
  await sweep()
  const verdict = await verify()
  expect(verdict.firstBad).toBeNull()
  expect(verdict.erased).toBeGreaterThan(3)
})

test('a tenant whose chain was deleted is not mistaken for a new one', async () => {
  await sweep()
  const { tenantId } = principal
  await sql('delete from audit_heads where tenant_id = $1', tenantId)
  await sql('delete from audit_links where tenant_id = $1', tenantId)
  await sql('delete from audit_chains where tenant_id = $1', tenantId)
  await sql(
    `update audit_events set occurred_at = occurred_at - interval '2 minutes' where tenant_id = $1`,
    tenantId,
  )
  expect(await verify()).toMatchObject({ firstBad: { seq: 0, fault: 'chain_missing' } })
})

describe('the audit of the record names the first bad place when somebody', () => {
  const bad = (seq: number, fault: string) => ({ firstBad: { seq, fault } })

  test.each([
    ['edited who did it', `update activities set actor = 'operator' where id = $1`, 'row_edited'],
    [
      'edited when it happened',
      `update activities set occurred_at = occurred_at + interval '1 microsecond' where id = $1`,
      'row_edited',
    ],
    [
      'edited the details',
      `update activities set details = '{"name":"x"}' where id = $1`,
      'details_edited',
    ],
    [
      'blanked the details',
      `update activities set details = '{}', salt = null where id = $1`,
      'details_edited',
    ],
    ['deleted it', `delete from activities where id = $1`, 'row_missing'],
    ['edited its link', `update audit_links set core_digest = 'x' where row_id = $1`, 'hash_wrong'],
    ['deleted its link', `delete from audit_links where row_id = $1`, 'sequence_broken'],
  ])('%s', async (_, text, fault) => {
    const { middle, rowId } = await aRecord()
    expect(await verify()).toMatchObject({ firstBad: null })
    expect(rowId).toMatch(/^act_/)
    await sql(text, rowId)
    expect(await verify()).toMatchObject(bad(middle, fault))
  })

  test('swapped two links', async () => {
    const { middle } = await aRecord()
    const { tenantId } = principal
    const swap = 'update audit_links set seq = $3 where tenant_id = $1 and seq = $2'
    await sql(swap, tenantId, middle, -1)
    await sql(swap, tenantId, middle + 1, middle)
    await sql(swap, tenantId, -1, middle + 1)
    expect(await verify()).toMatchObject(bad(middle, 'hash_wrong'))
  })

  test('backdated a row', async () => {
    const { links } = await aRecord()
    await sql(
      `insert into audit_events (tenant_id, id, type, actor, subject, occurred_at)
       values ($1, 'aud_past', 'api_key_revoked', 'operator', 'x',
         clock_timestamp() - interval '1 hour')`,
      principal.tenantId,
    )
    await sweep()
    expect(await verify()).toMatchObject(bad(links + 1, 'row_not_linked'))
    // Nor does it help to make the worker look further back: a head has closed the past.
    await sql(
      `update audit_chains set linked_through = null where tenant_id = $1`,
      principal.tenantId,
    )
    await sweep()
    expect(await verify()).toMatchObject(bad(links + 1, 'backdated'))
  })

  test('rewrote the whole chain, hashes included, but could not sign its end', async () => {
    const { rowId, links } = await aRecord()
    const late = await anEvent('late')
    await sweep()
    const { tenantId } = principal
    const rewrite = async (seq: number) => {
      await sql('delete from audit_links where tenant_id = $1 and seq > $2', tenantId, seq)
      await sql(
        `update audit_chains set seq = $2, linked_through = null,
           hash = coalesce((select hash from audit_links where tenant_id = $1 and seq = $2), '')
         where tenant_id = $1`,
        tenantId,
        seq,
      )
      while (await chainAudit(world, 100));
    }
    await sql(`update audit_events set actor = 'service' where subject = $1`, late)
    await rewrite(links)
    expect(await verify()).toMatchObject(bad(links + 1, 'head_differs'))
    // Nor before the checkpoint, which is signed, too.
    await sql(`update activities set actor = 'operator' where id = $1`, rowId)
    await rewrite(0)
    expect(await verify()).toMatchObject(bad(links - 1, 'checkpoint_differs'))
  })

  test('signed the end with a key of their own, substituted for the tenant’s', async () => {
    await aRecord()
    const { tenantId } = principal
    const thief = (await aPrincipal(world)).tenantId
    const [{ jws }] = await headsOf()
    const [header = '', payload = ''] = jws
      .split('.')
      .map((part: string) => Buffer.from(part, 'base64url').toString())
    const [own] = await world.keys.list(thief)
    const [real] = await world.keys.list(tenantId)
    const forgedHead = await world.signingKeys.signWith(thief, own?.kid ?? '', header, payload)
    await sql('update audit_heads set jws = $2 where tenant_id = $1', tenantId, forgedHead)
    await sql(
      `update signing_keys k set public_jwk = o.public_jwk from signing_keys o
       where k.tenant_id = $1 and o.tenant_id = $2`,
      tenantId,
      thief,
    )
    expect(await verify()).toMatchObject(bad(0, 'checkpoint_not_ours'))
    await sql(
      'update signing_keys set public_jwk = $2 where tenant_id = $1',
      tenantId,
      real?.publicJwk,
    )
    expect(await verify()).toMatchObject(bad(0, 'head_not_ours'))
    // Nor under the name of that key: its private half is not sealed for this tenant.
    const renamedHead = await world.signingKeys.signWith(
      thief,
      own?.kid ?? '',
      JSON.stringify({ ...JSON.parse(header), kid: own?.kid }),
      payload,
    )
    await sql('update audit_heads set jws = $2 where tenant_id = $1', tenantId, renamedHead)
    await sql(
      `insert into signing_keys (tenant_id, kid, seq, status, public_jwk, private_sealed)
       select $1, kid, 7, 'retired', public_jwk, private_sealed
       from signing_keys where tenant_id = $2`,
      tenantId,
      thief,
    )
    expect(await verify()).toMatchObject(bad(0, 'head_not_ours'))
  })

  test('inserted a forged head into the table, which hides nothing else', async () => {
    const { rowId, middle } = await aRecord()
    const { tenantId } = principal
    await sql(`update activities set actor = 'operator' where id = $1`, rowId)
    await sql('update audit_heads set jws = $2 where tenant_id = $1', tenantId, await aForgedHead())
    expect(await verify()).toMatchObject(bad(middle, 'row_edited'))
  })

  test('wrote forged heads into the log, which are listed and hide nothing else', async () => {
    const { links } = await aRecord()
    const [{ jws }] = await headsOf()
    const forgedHead = await aForgedHead()
    const kid = JSON.parse(Buffer.from(forgedHead.split('.')[0] ?? '', 'base64url').toString()).kid
    const texts = [...Array.from({ length: 20 }, () => forgedHead), jws]
    const verdict = await verify(texts)
    expect(verdict).toMatchObject({ firstBad: null, keptHeads: 1, foreignHeads: { count: 20 } })
    expect(verdict.foreignHeads.first).toHaveLength(10)
    expect(verdict.foreignHeads.first[1]).toEqual({ line: 2, seq: links, kid })
    await sql(
      'delete from audit_links where tenant_id = $1 and seq = $2',
      principal.tenantId,
      links,
    )
    expect(await verify(texts)).toMatchObject(bad(links, 'chain_truncated'))
  })

  test('cut the end off', async () => {
    const { middle } = await aRecord()
    await sql(
      'delete from audit_links where tenant_id = $1 and seq > $2',
      principal.tenantId,
      middle,
    )
    expect(await verify()).toMatchObject(bad(middle + 1, 'chain_truncated'))
  })

  test('removed a whole end, rows, links and heads: a head in the log shows it', async () => {
    await sweep()
    const [{ seq }] = await headsOf()
    await anEvent('hidden')
    await sweep()
    const storedHeads = (await headsOf()).map(({ jws }) => jws as string)
    const { tenantId } = principal
    await sql('delete from audit_heads where tenant_id = $1 and seq > $2', tenantId, seq)
    await sql(
      `delete from audit_events
       where id in (select row_id from audit_links where tenant_id = $1 and seq > $2)`,
      tenantId,
      seq,
    )
    await sql('delete from audit_links where tenant_id = $1 and seq > $2', tenantId, seq)
    await sql(
      `update audit_chains set seq = $2, head_seq = $2,
         hash = (select hash from audit_links where tenant_id = $1 and seq = $2)
       where tenant_id = $1`,
      tenantId,
      seq,
    )
    expect(await verify()).toMatchObject({ firstBad: null })
    expect(await verify(storedHeads)).toMatchObject(bad(seq + 1, 'chain_truncated'))
    const otherPrincipal = await aPrincipal(world)
    expect(await verify(storedHeads, otherPrincipal)).toMatchObject({
      firstBad: null,
      keptHeads: 0,
    })
  })
})
