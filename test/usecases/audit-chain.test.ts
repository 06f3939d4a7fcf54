import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { nearScan } from '../../src/domain/audit-chain.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { storedActivityType } from '../../src/domain/stored-activity-type.ts'
import { createApiKey } from '../../src/usecases/api-keys.ts'
import { chainAudit, signAuditHeads } from '../../src/usecases/chain-audit.ts'
import { eraseUser } from '../../src/usecases/personal-data.ts'
import { collectStoredHeads } from '../../src/usecases/stored-heads.ts'
import { verifyAudit } from '../../src/usecases/verify-audit.ts'
import { onServer } from '../support/cluster.ts'
import { aPhone, aPrincipal, ask, granted, openWorld, type World } from './world.ts'

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
/** Verifies with these texts kept apart, each on a line of its own. */
async function verify(texts: readonly string[] = [], { tenantId } = principal) {
  async function* lines() {
    yield* texts.map((text, at) => ({ line: at + 1, text }))
  }
  const kept = await collectStoredHeads(world, [tenantId], lines())
  return await verifyAudit(world, tenantId, kept.get(tenantId))
}

/** Links and signs everything, as the worker does. */
async function sweep() {
  while (await chainAudit(world, 100));
  while (await signAuditHeads(world, 100, 0));
}

/** Something for the record. */
async function anEvent(name = 'key') {
  const { tenantId, rpId } = principal
  const command = { tenantId, rpId, name, scopes: [], expiresAt: null }
  return (await granted(createApiKey(world, command, 'operator'))).key.id
}

/** A signed chain of some links, more links after the head, and the seq of the row in the middle. */
async function aRecord() {
  for (const name of ['a', 'b', 'c']) await anEvent(name)
  await sweep()
  const middle = 4
  const [row] = await sql(
    'select row_id, (select max(seq) from audit_links where tenant_id = $1)::int as links from audit_links where tenant_id = $1 and seq = $2',
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
  test('holds every audit event and what decides something for a user, in the order of time', async () => {
    await granted(ask(world, principal))
    await sweep()
    const rows = await sql(
      `select coalesce(a.type, e.type) as type from audit_links l
       left join activities a on a.id = l.row_id left join audit_events e on e.id = l.row_id
       where l.tenant_id = $1 order by l.seq`,
      principal.tenantId,
    )
    expect(rows.map(({ type }) => type)).toEqual([
      'tenant_created',
      'relying_party_created',
      'user_imported',
      storedActivityType('enrollment_opened'),
      storedActivityType('enrollment_claimed'),
      'device_added',
      'audit_checkpointed',
    ])
    expect(await verify()).toMatchObject({ links: 7, heads: 1, firstBad: null })
  })

  test('is lengthened exactly by 12 workers at a time', async () => {
    await Promise.all(Array.from({ length: 60 }, (_, n) => anEvent(`key ${n}`)))
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        while (await chainAudit(world, 7));
      }),
    )
    await sweep()
    const { firstBad, links } = await verify()
    expect({ firstBad, links }).toEqual({ firstBad: null, links: 67 })
  })

  test('takes up a row that was committed after rows that are younger, by its far look', async () => {
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
    expect(await verify()).toMatchObject({ links: 8 })
    await sweep()
    expect(await verify()).toMatchObject({ links: 9, firstBad: null })
  })

  test('is signed at most once a minute, and each head also goes to the log', async () => {
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

test('the erasure of a person leaves the record whole, and is counted', async () => {
  const { userId } = await aPhone(world, principal)
  await sweep()
  await granted(eraseUser(world, principal, userId))
  await sweep()
  const verdict = await verify()
  expect(verdict.firstBad).toBeNull()
  expect(verdict.erased).toBeGreaterThan(3)
})

test('a tenant whose chain was deleted is not taken for a new one', async () => {
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

  test('changed the order of two links', async () => {
    const { middle } = await aRecord()
    const { tenantId } = principal
    const swap = 'update audit_links set seq = $3 where tenant_id = $1 and seq = $2'
    await sql(swap, tenantId, middle, -1)
    await sql(swap, tenantId, middle + 1, middle)
    await sql(swap, tenantId, -1, middle + 1)
    expect(await verify()).toMatchObject(bad(middle, 'hash_wrong'))
  })

  test('put a row into the past', async () => {
    const { links } = await aRecord()
    await sql(
      `insert into audit_events (tenant_id, id, type, actor, subject, occurred_at)
       values ($1, 'aud_past', 'api_key_revoked', 'operator', 'x', clock_timestamp() - interval '1 hour')`,
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

  test('rewrote the whole chain, hashes and all, but could not sign its end', async () => {
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

  test('signed the end with a key of their own, put in the place of the tenant’s', async () => {
    await aRecord()
    const { tenantId } = principal
    const thief = (await aPrincipal(world)).tenantId
    const [{ jws }] = await headsOf()
    const [header = '', payload = ''] = jws
      .split('.')
      .map((part: string) => Buffer.from(part, 'base64url').toString())
    const [own] = await world.keys.list(thief)
    const [real] = await world.keys.list(tenantId)
    const forged = await world.signingKeys.signWith(thief, own?.kid ?? '', header, payload)
    await sql('update audit_heads set jws = $2 where tenant_id = $1', tenantId, forged)
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
    const renamed = await world.signingKeys.signWith(
      thief,
      own?.kid ?? '',
      JSON.stringify({ ...JSON.parse(header), kid: own?.kid }),
      payload,
    )
    await sql('update audit_heads set jws = $2 where tenant_id = $1', tenantId, renamed)
    await sql(
      `insert into signing_keys (tenant_id, kid, seq, status, public_jwk, private_sealed)
       select $1, kid, 7, 'retired', public_jwk, private_sealed from signing_keys where tenant_id = $2`,
      tenantId,
      thief,
    )
    expect(await verify()).toMatchObject(bad(0, 'head_not_ours'))
  })

  test('put a forged head into the table, which hides nothing else', async () => {
    const { rowId, middle } = await aRecord()
    const { tenantId } = principal
    await sql(`update activities set actor = 'operator' where id = $1`, rowId)
    await sql('update audit_heads set jws = $2 where tenant_id = $1', tenantId, await aForgedHead())
    expect(await verify()).toMatchObject(bad(middle, 'row_edited'))
  })

  test('wrote forged heads into the log, which are listed and hide nothing else', async () => {
    const { links } = await aRecord()
    const [{ jws }] = await headsOf()
    const forged = await aForgedHead()
    const kid = JSON.parse(Buffer.from(forged.split('.')[0] ?? '', 'base64url').toString()).kid
    const texts = [...Array.from({ length: 20 }, () => forged), jws]
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

  test('took a whole end away, rows, links and heads: a head in the log tells', async () => {
    await sweep()
    const [{ seq }] = await headsOf()
    await anEvent('hidden')
    await sweep()
    const kept = (await headsOf()).map(({ jws }) => jws as string)
    const { tenantId } = principal
    await sql('delete from audit_heads where tenant_id = $1 and seq > $2', tenantId, seq)
    await sql(
      'delete from audit_events where id in (select row_id from audit_links where tenant_id = $1 and seq > $2)',
      tenantId,
      seq,
    )
    await sql('delete from audit_links where tenant_id = $1 and seq > $2', tenantId, seq)
    await sql(
      `update audit_chains set seq = $2, head_seq = $2,
         hash = (select hash from audit_links where tenant_id = $1 and seq = $2) where tenant_id = $1`,
      tenantId,
      seq,
    )
    expect(await verify()).toMatchObject({ firstBad: null })
    expect(await verify(kept)).toMatchObject(bad(seq + 1, 'chain_truncated'))
    const stranger = await aPrincipal(world)
    expect(await verify(kept, stranger)).toMatchObject({ firstBad: null, keptHeads: 0 })
  })
})
