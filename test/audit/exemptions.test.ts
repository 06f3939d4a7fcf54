import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chainAudit, signAuditHeads } from '../../src/audit/chain-audit.ts'
import { buildPurge } from '../../src/audit/purge-old.ts'
import { collectStoredHeads } from '../../src/audit/stored-heads.ts'
import { verifyAudit } from '../../src/audit/verify-audit.ts'
import { linksFor } from '../../src/domain/audit-chain.ts'
import { auditCheckpointTyp, auditExemptionTyp } from '../../src/domain/audit-exemption.ts'
import type { PublicJwk } from '../../src/domain/device.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { eraseUser } from '../../src/personal-data/personal-data.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../src/platform/crypto/signatures.ts'
import { rotateSigningKey } from '../../src/tenants/rotate-signing-key.ts'
import { onServer } from '../support/cluster.ts'
import { aPhone, aPrincipal, granted, openWorld, type Phone, type World } from '../support/world.ts'

let world: World
let principal: Principal
let phone: Phone
/** The activities of the phone, as they were before anything was removed. */
let keptRows: Row[]

beforeAll(async () => {
  world = await openWorld()
})
// The events of the phone happened long ago, and were linked then.
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
  await sql(
    `update activities set occurred_at = occurred_at - interval '402 days', notice = 'pushed'
     where tenant_id = $1`,
    principal.tenantId,
  )
  keptRows = await sql(
    'select to_jsonb(a) as row from activities a where tenant_id = $1',
    principal.tenantId,
  )
  world.securityEvents.length = 0
})
afterAll(() => world.close())

type Row = Record<string, unknown>
const sql = async (text: string, ...values: unknown[]): Promise<Row[]> =>
  (await onServer(world.url, (client) => client.query(text, values))).rows
async function verify(
  texts: readonly string[] = [],
  keptKeys: readonly PublicJwk[] | null = null,
  of = principal.tenantId,
) {
  const { tenantId } = principal
  const keys = keptKeys && { tenantId: of, keys: keptKeys }
  async function* lines() {
    yield* texts.map((text, at) => ({ line: at + 1, text }))
  }
  const storedHeads = await collectStoredHeads(world, [tenantId], lines(), keys)
  return verifyAudit(world, tenantId, storedHeads.get(tenantId), keys)
}
const faultOf = async (texts: readonly string[] = []) => (await verify(texts)).firstBad?.fault

async function sweep() {
  while (await chainAudit(world, 100));
  while (await signAuditHeads(world, 100, 0));
}
/** As a release did that had no checkpoints. */
async function sweepAsBefore() {
  const { tenantId } = principal
  await world.audit.lengthen(tenantId, { limit: 500, lookBackSeconds: 60 }, (end, rows) =>
    linksFor(world.hashing.sha256Base64Url, tenantId, end, rows),
  )
}
async function purge() {
  const step = buildPurge(world, 3)
  while (await step());
}
const event = (type: string, subject: string, details: object = {}) =>
  sql(
    `insert into audit_events (tenant_id, id, type, actor, subject, details)
     values ($1, 'aud_z' || gen_random_uuid(), $2, 'service', $3, $4) returning id`,
    principal.tenantId,
    type,
    subject,
    details,
  )
const unsignedPurge = () =>
  event('activities_purged', principal.tenantId, { beforeMicros: `${Date.now()}000`, count: 1 })
const seqOf = async (id: unknown) =>
  (await sql('select seq::int from audit_links where row_id = $1', id))[0]?.seq as number
const checkpoints = () =>
  sql(
    `select id, details ->> 'checkpoint' as jws from audit_events
     where tenant_id = $1 and type = 'audit_checkpointed'`,
    principal.tenantId,
  )
const loggedCheckpoints = () =>
  world.securityEvents.flatMap((one) =>
    one.event === 'audit_checkpoint' && one.tenantId === principal.tenantId ? [one] : [],
  )
const payloadOf = (jws: unknown) =>
  JSON.parse(Buffer.from(`${jws}`.split('.')[1] ?? '', 'base64url').toString())

describe('an honest record is whole', () => {
  test('after purges and erasures, through any number of key rotations', async () => {
    await sweep()
    await rotateSigningKey(world, principal.tenantId)
    const other = await aPhone(world, principal, { user: 'other' })
    await purge()
    await sweep()
    await rotateSigningKey(world, principal.tenantId)
    await granted(eraseUser(world, principal, other.userId))
    await granted(eraseUser(world, principal, phone.userId))
    await sweep()
    const verdict = await verify()
    expect(verdict).toMatchObject({ firstBad: null, unsettled: false })
    expect(verdict.purged).toBeGreaterThanOrEqual(4)
    expect(verdict.erased).toBeGreaterThanOrEqual(3)
  })

  test('where old releases purged and erased without a signature, and this one goes on', async () => {
    const { tenantId } = principal
    const person = await aPhone(world, principal, { user: 'person' })
    await sweepAsBefore()
    await sql(
      'delete from activities where user_id = $1 and type <> $2',
      phone.userId,
      'device_added',
    )
    await unsignedPurge()
    await sql('update users set erased_at = now() where id = $1', person.userId)
    await sql(`update activities set details = '{}', salt = null where user_id = $1`, person.userId)
    await event('user_erased', person.userId)
    await sweep()
    expect(await verify()).toMatchObject({ firstBad: null, purged: 3, erased: 4 })
    const [{ jws } = {}, ...more] = await checkpoints()
    expect(more).toEqual([])
    expect(payloadOf(jws)).toMatchObject({ tid: tenantId, purged: 3, erased: 1 })
    expect(loggedCheckpoints()).toMatchObject([{ tenantId, checkpoint: jws }])
    await purge()
    await granted(eraseUser(world, principal, phone.userId))
    await sweep()
    expect(await verify([`${jws}`])).toMatchObject({ firstBad: null, purged: 4 })
    expect(await checkpoints()).toHaveLength(1)
  })

  test('with one checkpoint from many concurrent workers, which every start leaves unchanged', async () => {
    await Promise.all(Array.from({ length: 8 }, sweep))
    await sweep()
    await sql(
      'update audit_chains set checkpoint_seq = null where tenant_id = $1',
      principal.tenantId,
    )
    await sweep()
    expect([await checkpoints(), loggedCheckpoints()].map(({ length }) => length)).toEqual([1, 1])
    expect(await verify()).toMatchObject({ firstBad: null })
  })

  test('under keys that were stored elsewhere, and under no others', async () => {
    await sweep()
    await purge()
    await sweep()
    const keys = (await world.keys.list(principal.tenantId)).map(({ publicJwk }) => publicJwk)
    expect(await verify([], keys)).toMatchObject({ firstBad: null })
    const others = (await world.keys.list((await aPrincipal(world)).tenantId)).map(
      ({ publicJwk }) => publicJwk,
    )
    expect(await verify([], others)).toMatchObject({ firstBad: { fault: 'checkpoint_not_ours' } })
    // The right keys, stored as those of another tenant.
    const { tenantId } = await aPrincipal(world)
    expect(await verify([], keys, tenantId)).toMatchObject({
      firstBad: { fault: 'checkpoint_not_ours' },
    })
  })
})

describe('a hand-made purge', () => {
  test('excuses nothing, and is itself detected', async () => {
    await sweep()
    const [{ id } = {}] = await unsignedPurge()
    await sweep()
    const seq = await seqOf(id)
    expect(await verify()).toMatchObject({ firstBad: { seq, fault: 'exemption_not_signed' } })
    await sql('delete from activities where user_id = $1', phone.userId)
    expect(await faultOf()).toBe('row_missing')
  })

  test('from before the checkpoint excuses nothing that was removed after it', async () => {
    await sweepAsBefore()
    await unsignedPurge()
    await sweep()
    expect(await faultOf()).toBeUndefined()
    await sql('delete from activities where user_id = $1', phone.userId)
    expect(await faultOf()).toBe('checkpoint_differs')
  })

  test('from before the checkpoint excuses nothing that was linked after it, however old', async () => {
    await sweepAsBefore()
    await unsignedPurge()
    await sweep()
    await sql(
      `insert into activities (tenant_id, id, user_id, type, severity, actor, occurred_at)
       values ($1, 'act_zlate', $2, 'device_renamed', 'info', 'service',
         now() - interval '30 seconds')`,
      principal.tenantId,
      phone.userId,
    )
    await sweep()
    expect(await faultOf()).toBeUndefined()
    await sql(`delete from activities where id = 'act_zlate'`)
    expect(await faultOf()).toBe('row_missing')
  })

  test('is not ours with the signature of another event, tenant or key', async () => {
    await sweep()
    await purge()
    await sweep()
    const [{ details } = {}] = await sql(
      `select details from audit_events where tenant_id = $1 and type = 'activities_purged'`,
      principal.tenantId,
    )
    const { exemption, links } = details as { exemption: string; links: string }
    const { tenantId } = principal
    const thief = (await aPrincipal(world)).tenantId
    const claims = { ...payloadOf(exemption), event: 'aud_zforged' }
    const theirs = await world.signingKeys.sign(thief, auditExemptionTyp, JSON.stringify(claims))
    // A key of their own, with its public half in the table: the private one is not sealed under
    // any key of ours.
    const elsewhere = buildSignatures(buildSealing({ current: randomBytes(32) }))
    const key = await elsewhere.createKey(tenantId)
    await sql(
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
      await sql(`delete from audit_events where id = 'aud_zforged'`)
      await sql(`delete from audit_links where tenant_id = $1 and row_id = 'aud_zforged'`, tenantId)
      await event('activities_purged', tenantId, { exemption: forgedExemption, links })
      await sql(
        `update audit_events set id = 'aud_zforged' where id > 'aud_z' and tenant_id = $1`,
        tenantId,
      )
      await sweepAsBefore()
      const seq = await seqOf('aud_zforged')
      expect([forgedExemption, await verify()]).toMatchObject([
        forgedExemption,
        { firstBad: { seq, fault: 'exemption_not_ours' } },
      ])
      await cutTo(seq - 1)
    }
  })
})

/** Removes the end of the chain, as if it had never been. */
async function cutTo(seq: number) {
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
    `update audit_chains set seq = $2, head_seq = least(head_seq, $2),
       hash = (select hash from audit_links where tenant_id = $1 and seq = $2)
       where tenant_id = $1`,
    tenantId,
    seq,
  )
}

/** What this installation would sign only by a fault of its own. */
async function signedPurge(changes: object, links?: string) {
  const { tenantId } = principal
  const [{ details } = {}] = await sql(
    `select details from audit_events where tenant_id = $1 and type = 'activities_purged'
     order by id desc limit 1`,
    tenantId,
  )
  const real = details as { exemption: string; links: string }
  const payload = JSON.stringify({ ...payloadOf(real.exemption), event: 'aud_zsigned', ...changes })
  const exemption = await world.signingKeys.sign(tenantId, auditExemptionTyp, payload)
  const [{ seq } = {}] = await sql(
    `delete from audit_links l using audit_events e where l.row_id = e.id and e.tenant_id = $1
       and l.tenant_id = $1 and e.type = 'activities_purged' returning l.seq::int`,
    tenantId,
  )
  await cutTo((seq as number) - 1)
  await sql(
    `delete from audit_events where tenant_id = $1 and type = 'activities_purged'`,
    tenantId,
  )
  await event('activities_purged', tenantId, { exemption, links: links ?? real.links })
  await sql(
    `update audit_events set id = 'aud_zsigned' where id > 'aud_z' and tenant_id = $1`,
    tenantId,
  )
  await sweepAsBefore()
}

describe('a signed purge is a fault', () => {
  beforeEach(async () => {
    await sweep()
    const step = buildPurge(world, 500)
    while (await step());
    await sweep()
  })

  test.each([
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
  ] as const)('%s', async (_, changes, links, fault) => {
    await signedPurge(changes, links)
    const foundFault = await faultOf()
    // A row that is no longer excused is reported as missing first.
    if (fault === undefined) expect(foundFault).toBeUndefined()
    else expect(['row_missing', fault]).toContain(foundFault)
    if (foundFault !== 'row_missing') return
    await putBack()
    expect(await faultOf()).toBe(fault)
  })

  test('where the rows it claims to have removed are still there', async () => {
    await putBack()
    expect(await faultOf()).toBe('purge_differs')
  })

  /** The activities that the purge removed, as they were. */
  async function putBack() {
    for (const row of keptRows) {
      await sql(
        `insert into activities select (jsonb_populate_record(null::activities, $1)).*`,
        row.row,
      )
    }
  }
})
test('a backdated row is not purged, and is detected', async () => {
  const young = await aPhone(world, principal, { user: 'young' })
  await sweep()
  await sql(
    `update activities set occurred_at = occurred_at - interval '500 days', notice = 'pushed'
     where user_id = $1`,
    young.userId,
  )
  await purge()
  await sweep()
  const remainingRows = await sql('select id from activities where user_id = $1', young.userId)
  expect(remainingRows.length).toBeGreaterThan(2)
  expect(await faultOf()).toBe('row_edited')
})

describe('an erasure', () => {
  const blank = (userId: string) =>
    sql(`update activities set details = '{}', salt = null where user_id = $1`, userId)

  test('that is hand-made excuses nothing, whether the user is marked or not', async () => {
    await sweep()
    const [{ id } = {}] = await event('user_erased', phone.userId)
    await sweep()
    const seq = await seqOf(id)
    expect(await verify()).toMatchObject({ firstBad: { seq, fault: 'exemption_not_signed' } })
    await blank(phone.userId)
    expect(await faultOf()).toBe('details_edited')
    await sql('update users set erased_at = now() where id = $1', phone.userId)
    expect(await faultOf()).toBe('details_edited')
  })

  test('of a user who is not erased excuses nothing, signed or not', async () => {
    await sweepAsBefore()
    await event('user_erased', phone.userId)
    await sweep()
    await blank(phone.userId)
    expect(await faultOf()).toBe('details_edited')
    const other = await aPhone(world, principal, { user: 'other' })
    await sql('update users set erased_at = now() where id = $1', phone.userId)
    expect(await faultOf()).toBeUndefined()
    await granted(eraseUser(world, principal, other.userId))
    await sweep()
    expect(await faultOf()).toBeUndefined()
    await sql('update users set erased_at = null where id = $1', other.userId)
    expect(await faultOf()).toBe('details_edited')
  })

  test('is not ours with the signature of another user’s', async () => {
    const other = await aPhone(world, principal, { user: 'other' })
    await sweep()
    await granted(eraseUser(world, principal, other.userId))
    const [{ details } = {}] = await sql(
      `select details from audit_events where subject = $1 and type = 'user_erased'`,
      other.userId,
    )
    const [{ id } = {}] = await event('user_erased', phone.userId, details as object)
    await sweep()
    const seq = await seqOf(id)
    expect(await verify()).toMatchObject({ firstBad: { seq, fault: 'exemption_not_ours' } })
    await blank(phone.userId)
    await sql('update users set erased_at = now() where id = $1', phone.userId)
    expect(await faultOf()).toBe('details_edited')
  })

  test('of more or other rows than were counted is a fault', async () => {
    await sweep()
    await granted(eraseUser(world, principal, phone.userId))
    const [{ details, count } = {}] = await sql(
      `select details, (select count(*)::int from activities
         where user_id = $1 and occurred_at < now() - interval '1 day') as count
       from audit_events where subject = $1 and type = 'user_erased'`,
      phone.userId,
    )
    const claims = payloadOf((details as { exemption: string }).exemption)
    expect(claims.count).toBe(count)
    for (const changes of [{ count: claims.count - 1 }, { digest: 'x' }]) {
      const payload = JSON.stringify({ ...claims, ...changes })
      const exemption = await world.signingKeys.sign(principal.tenantId, auditExemptionTyp, payload)
      await sql(
        `update audit_events set details = $2 where subject = $1 and type = 'user_erased'`,
        phone.userId,
        { exemption },
      )
      await sweepAsBefore()
      expect(await faultOf()).toBe('erasure_differs')
      const [{ seq } = {}] = await sql(
        `select l.seq::int from audit_links l join audit_events e on e.id = l.row_id
         where e.subject = $1 and e.type = 'user_erased'`,
        phone.userId,
      )
      await sql(
        'delete from audit_links where tenant_id = $1 and seq >= $2',
        principal.tenantId,
        seq,
      )
      await sql(
        `update audit_chains set seq = $2 - 1, hash = (select hash from audit_links
           where tenant_id = $1 and seq = $2 - 1) where tenant_id = $1`,
        principal.tenantId,
        seq,
      )
    }
  })
})

describe('the checkpoint', () => {
  test('that was deleted is missed, and never created again', async () => {
    await sweep()
    const [{ id } = {}] = await checkpoints()
    await sql('delete from audit_events where id = $1', id)
    await sql(
      'update audit_chains set checkpoint_seq = null where tenant_id = $1',
      principal.tenantId,
    )
    await expect(chainAudit(world, 100)).rejects.toThrow('it was deleted')
    expect(await checkpoints()).toEqual([])
    expect(await verify()).toMatchObject({ firstBad: { seq: 0, fault: 'checkpoint_missing' } })
    // Others go on.
    await sql('update audit_chains set checkpoint_seq = 0 where tenant_id = $1', principal.tenantId)
  })

  test('created anew, with the chain cut and every head deleted, is a second one to the log', async () => {
    await sweep()
    const [first] = loggedCheckpoints()
    if (!first) throw new Error('it is logged')
    await cutTo(first.seq)
    const { tenantId } = principal
    await sql('delete from audit_heads where tenant_id = $1', tenantId)
    await sql(
      'update audit_chains set checkpoint_seq = null, head_seq = 0 where tenant_id = $1',
      tenantId,
    )
    await unsignedPurge()
    await sql('delete from activities where user_id = $1', phone.userId)
    await sweep()
    expect(await checkpoints()).toHaveLength(1)
    expect(await faultOf([first.checkpoint])).toBe('checkpoint_second')
  })

  test('that somebody wrote into the log is no evidence, and is listed next to the verdict', async () => {
    await sweep()
    const [{ jws } = {}] = await checkpoints()
    const thief = (await aPrincipal(world)).tenantId
    const claims = JSON.stringify({ ...payloadOf(jws), seq: 1 })
    const forgedCheckpoint = await world.signingKeys.sign(thief, auditCheckpointTyp, claims)
    expect(await verify([`${jws}`, forgedCheckpoint])).toMatchObject({
      firstBad: null,
      foreignHeads: { count: 1, first: [{ line: 2, seq: 1 }] },
    })
  })

  test('twice is a second one, linked or not', async () => {
    await sweep()
    const [{ jws } = {}] = await checkpoints()
    await event('audit_checkpointed', principal.tenantId, { checkpoint: jws })
    expect(await faultOf()).toBe('checkpoint_second')
    await sweep()
    expect(await faultOf()).toBe('checkpoint_second')
  })

  test.each([
    ['nothing', async () => null],
    [
      'another tenant’s',
      async () => {
        const { tenantId } = await aPrincipal(world)
        while (await chainAudit(world, 100));
        const [jws] = await world.audit.readCheckpoints(tenantId)
        return jws
      },
    ],
    [
      'signed by another tenant',
      async () => {
        const [{ jws } = {}] = await checkpoints()
        const thief = (await aPrincipal(world)).tenantId
        return world.signingKeys.sign(thief, auditCheckpointTyp, JSON.stringify(payloadOf(jws)))
      },
    ],
    [
      'a head',
      async () => {
        const [head] = await world.audit.readHeads(principal.tenantId)
        return head?.jws
      },
    ],
  ])('that says %s is not ours', async (_, forge) => {
    await sweep()
    const [{ id } = {}] = await checkpoints()
    await sql('update audit_events set details = $2 where id = $1', id, {
      checkpoint: await forge(),
    })
    expect(await verify()).toMatchObject({ firstBad: { seq: 0, fault: 'checkpoint_not_ours' } })
  })

  test('from before the first start, made by hand, is not ours', async () => {
    await sweepAsBefore()
    await event('audit_checkpointed', principal.tenantId, { checkpoint: 'x' })
    await sweep()
    expect(await faultOf()).toBe('checkpoint_not_ours')
  })

  test.each([
    ['back along the chain', (claims: Row) => ({ seq: Number(claims.seq) - 1 })],
    ['to its beginning', () => ({ seq: 0 })],
    ['to another hash', () => ({ hash: 'x' })],
    ['to other purges', () => ({ purged: 1 })],
    ['to other erasures', () => ({ erased: 1 })],
  ])('that was moved %s is no longer valid, even signed', async (_, changes) => {
    await sweep()
    const [{ id, jws } = {}] = await checkpoints()
    const { tenantId } = principal
    const claims = payloadOf(jws)
    const payload = JSON.stringify({ ...claims, ...changes(claims) })
    const movedCheckpoint = await world.signingKeys.sign(tenantId, auditCheckpointTyp, payload)
    await sql('update audit_events set details = $2 where id = $1', id, {
      checkpoint: movedCheckpoint,
    })
    expect(await faultOf([`${jws}`])).toBe('checkpoint_second')
    expect(await faultOf()).toBe('checkpoint_differs')
  })

  test('is named in every head since', async () => {
    await sweep()
    const { tenantId } = principal
    await sql('update audit_chains set checkpoint_seq = 3 where tenant_id = $1', tenantId)
    await event('app_added', 'app_1')
    await sweep()
    expect(await faultOf()).toBe('checkpoint_differs')
  })
})
