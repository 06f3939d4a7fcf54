import { createHash, randomBytes } from 'node:crypto'
import { devNull } from 'node:os'
import { importJWK, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pauseAuditChain } from '../../scripts/seed/past.ts'
import type { SeededTenant } from '../../scripts/seed/sow.ts'
import { describeTenant, seed } from '../../scripts/seed.ts'
import { readEvidence } from '../../src/challenges/read-evidence.ts'
import type { ChallengeId, RelyingPartyId, TenantId } from '../../src/domain/ids.ts'
import { buildMacs } from '../../src/platform/crypto/macs.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../src/platform/crypto/signatures.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import { readConfig } from '../../src/service/config.ts'
import { buildStores } from '../../src/service/open-stores.ts'
import { buildSigningKeys } from '../../src/tenants/signing-keys.ts'
import { runCommand } from '../support/command-line.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { expectGranted } from '../support/expect-granted.ts'

const masterKey = randomBytes(32)
const size = { users: 5, days: 6 }
let database: TestDatabase
let environment: Record<string, string>
let tenants: readonly SeededTenant[]

beforeAll(async () => {
  database = await createTestDatabase()
  environment = {
    DATABASE_URL: database.url,
    MASTER_KEY: masterKey.toString('base64url'),
    REVOCATION_LOG: devNull,
  }
  tenants = await seed(readConfig(environment), size)
})
afterAll(() => database?.drop())

async function read<Row extends Record<string, unknown>>(text: string): Promise<Row[]> {
  const pool = openDatabase({ url: database.url })
  try {
    return await pool.query<Row>('read', text, [])
  } finally {
    await pool.close()
  }
}

async function inTransaction(text: string): Promise<unknown[]> {
  const pool = openDatabase({ url: database.url })
  try {
    return await pool.transaction((tx) => tx.query('in_transaction', text, []))
  } finally {
    await pool.close()
  }
}

test('the audit record of every seeded tenant is whole', async () => {
  for (const { tenantId } of tenants) {
    const { code, stdout, stderr } = await runCommand(
      ['audit', 'verify', '--tenant', tenantId, '--json'],
      environment,
    )
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('no head stored'),
    })
    expect(stdout).toContain(tenantId)
  }
  const [unlinked] = await read(`select count(*)::int as rows from activities a
    where type <> all('{challenge_created,challenge_resent,challenge_expired,challenge_cancelled}')
      and not exists (select from audit_links l where l.row_id = a.id)`)
  expect(unlinked).toEqual({ rows: 0 })
})

test('there are people with one or two working phones, and sign-ins that have ended', async () => {
  expect(tenants.map(({ name }) => name)).toEqual(['Larkfield', 'Harbour Clinic'])
  const counts = await read(`select
    (select count(*)::int from users) as users,
    (select count(*)::int from devices where status = 'active') as phones,
    (select count(*)::int from challenges) as challenges,
    (select count(*)::int from challenges where status = 'pending') as pending,
    (select count(*)::int from challenges where status = 'approved') as approved`)
  const challenges = tenants.reduce((sum, { signInCount }) => sum + signInCount, 0)
  expect(counts[0]).toMatchObject({ users: 10, phones: 12, challenges, pending: 0 })
  expect(counts[0]?.approved).toBeGreaterThan(challenges / 2)
})

test('the printed call of each tenant reads the open enrollment whose number its phone asks for', async () => {
  const open = await read(`select id, tenant_id from enrollments where status = 'open'`)
  expect(open).toHaveLength(tenants.length)
  for (const tenant of tenants) {
    const [, id] =
      /\$KEY http:\/\/x\/v1\/enrollments\/(\S+)\n/.exec(describeTenant(tenant, 'http://x')) ?? []
    expect(open).toContainEqual({ id, tenant_id: tenant.tenantId })
  }
})

test('nobody signs in before they had a phone, or later than now', async () => {
  const outOfOrder = await read(`select c.id from challenges c
    join devices d on d.tenant_id = c.tenant_id and d.user_id = c.user_id
    group by c.id, c.created_at, c.decided_at
    having min(d.activated_at) > c.created_at or c.decided_at > clock_timestamp()`)
  expect(outOfOrder).toEqual([])
  const [span] = await read<{ days: number }>(`select
    extract(epoch from clock_timestamp() - min(created_at))::int / 86400 as days from users`)
  expect(span?.days).toBe(size.days)
})

test('an id is of the time of its row', async () => {
  // The first ten characters of a TypeID are the milliseconds of a UUID of version 7.
  const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
  const rows = await read<{ id: string; ms: number }>(`select id,
    extract(epoch from created_at)::float8 * 1000 as ms from challenges
    union all select id, extract(epoch from created_at)::float8 * 1000 from users`)
  const idMs = (id: string) =>
    [...(id.split('_')[1] ?? '').slice(0, 10)].reduce((sum, c) => sum * 32 + alphabet.indexOf(c), 0)
  expect(rows.length).toBeGreaterThan(10)
  expect(rows.filter(({ id, ms }) => Math.abs(idMs(id) - ms) > 60_000)).toEqual([])
})

test('the evidence of an approval verifies: the answer, and the request that it covers', async () => {
  await using undo = new AsyncDisposableStack()
  const pool = openDatabase({ url: database.url })
  undo.defer(() => pool.close())
  const sealing = buildSealing({ current: masterKey })
  const macs = buildMacs({ current: masterKey })
  const securityLog = { write: () => undefined }
  const stores = buildStores({ database: pool, schema: 'public' }, systemRandom)
  const signatures = buildSignatures(sealing)
  const signingKeys = buildSigningKeys({ ...stores, signatures }, () => 0)
  const [row] = await read<{ tenantId: TenantId; rpId: RelyingPartyId; id: ChallengeId; at: Date }>(
    `select tenant_id as "tenantId", rp_id as "rpId", id, decided_at as at
    from challenges where status = 'approved' limit 1`,
  )
  if (!row) throw new Error('nobody has approved')
  const principal = {
    ...row,
    rpName: '',
    keyId: systemRandom.id('apiKey'),
    scopes: [],
    namespaces: [],
  }
  const { request, answer, deviceKey } = await expectGranted(
    readEvidence({ ...stores, macs, securityLog, sealing, signingKeys }, principal, row.id),
  )
  const { payload } = await jwtVerify(answer, await importJWK({ ...deviceKey }, 'ES256'), {
    currentDate: row.at,
  })
  const [signedText] = /^.*(?=[.])/.exec(request) ?? []
  expect(payload).toMatchObject({
    cid: row.id,
    dec: 'approve',
    rqh: createHash('sha256').update(String(signedText)).digest('base64url'),
  })
  const [key] = await stores.keys.list(row.tenantId)
  await jwtVerify(request, await importJWK({ ...key?.publicJwk, kty: 'EC' }, 'ES256'), {
    currentDate: row.at,
  })
})

test('no worker links the audit record before its rows have the times of the past', async () => {
  // The lock that `for update` takes first.
  const lock = 'lock table audit_chains in row share mode nowait'
  const resume = await pauseAuditChain(database.url, 'public')
  try {
    await expect(inTransaction(lock)).rejects.toMatchObject({ code: '55P03' })
  } finally {
    await resume()
  }
  await expect(inTransaction(lock)).resolves.toEqual([])
})

test('a database with tenants is refused, unless it is to be added to', async () => {
  const config = readConfig(environment)
  await expect(seed(config, { users: 1, days: 1 })).rejects.toThrow(/has tenants.*--add/)
  await seed(config, { users: 1, days: 1 }, { add: true })
  expect(await read('select name from tenants')).toHaveLength(4)
})
