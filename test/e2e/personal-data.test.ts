import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { describe, expect, test, vi } from 'vitest'
import { onServer } from '../support/cluster.ts'
import { callAsDevice } from '../support/device-calls.ts'
import { openApiFile } from '../support/openapi-file.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'

vi.setConfig({ testTimeout: 60_000 })

const canary = 'Zaunkoenig'

/**
 * Tables in which any column of any row contains one of these texts, as text, in hexadecimal or in
 * base64.
 */
async function tablesWith(service: RunningService, texts: readonly string[]): Promise<string[]> {
  const needles = texts.flatMap((text) => [text, Buffer.from(text).toString('hex')])
  return onServer(service.database.url, async (client) => {
    const { rows: tables } = await client.query(
      `select table_name as name from information_schema.tables
       where table_schema = current_schema() and table_type = 'BASE TABLE'`,
    )
    const tablesWithHits: string[] = []
    for (const { name } of tables) {
      const { rows } = await client.query(
        `select 1 from "${name}" t, unnest($1::text[]) as n(text)
         where position(lower(n.text) in lower(t::text)) > 0 limit 1`,
        [needles],
      )
      if (rows.length > 0) tablesWithHits.push(name)
    }
    return tablesWithHits.sort()
  })
}

/** A user with data in every place that can have some. */
async function aPerson(service: RunningService) {
  const { api } = service
  const user = `${canary}@example.com`
  const phone = await enrollPhone(service, { user, name: `${canary} phone` })
  const ask = (more: object = {}) =>
    api('POST', '/v1/challenges', {
      user,
      context: { application: canary, fields: [{ label: 'Name', value: canary }] },
      binding: Buffer.from(canary.padEnd(32)).toString('base64url'),
      ...more,
    })
  const { json: approvedChallenge } = await ask()
  const { requests } = await phone.client.pending()
  const request = requests.find(({ challengeId }) => challengeId === approvedChallenge.id)
  if (!request) throw new Error('nothing is pending')
  await phone.client.approve(request, approvedChallenge.number)
  await phone.client.updateSelf({ name: `${canary} renamed`, model: canary, osVersion: canary })
  const { json: pending } = await ask()
  const kids = [phone.keys.possession.kid, phone.keys.verification?.kid ?? '']
  return { user, phone, pending, traces: [canary, phone.token, ...kids] }
}

describe('an erased user', () => {
  test('leaves no trace in any column of any table except the existence of devices', async () => {
    await using service = await startTestService()
    const { api } = service
    const { phone, pending, traces, user } = await aPerson(service)
    const before = await tablesWith(service, traces)
    expect(before).toEqual(
      expect.arrayContaining([
        'activities',
        'answers',
        'challenge_targets',
        'challenges',
        'device_keys',
        'devices',
        'user_identifiers',
        'users',
      ]),
    )
    const erasure = await api('POST', `/v1/users/${phone.userId}/erase`)
    expect(erasure.status).toBe(204)
    expect(await tablesWith(service, traces)).toEqual([])

    expect((await api('GET', `/v1/users/${phone.userId}`)).status).toBe(404)
    expect((await api('POST', `/v1/users/${phone.userId}/erase`)).status).toBe(404)
    expect((await api('POST', '/v1/challenges', { user })).status).toBe(404)
    const ending = await api('GET', `/v1/challenges/${pending.id}`)
    expect(ending.json).toMatchObject({ status: 'denied', reason: 'no_device_left' })
    await expect(phone.client.pending()).rejects.toThrow()
    const { rows } = await onServer(service.database.url, (client) =>
      client.query('select * from devices where id = $1', [phone.deviceId]),
    )
    expect(rows).toMatchObject([
      {
        user_id: phone.userId,
        status: 'unregistered',
        platform: 'ios',
        created_at: expect.any(Date),
        activated_at: expect.any(Date),
        unregistered_at: expect.any(Date),
      },
    ])
    const events = await api('GET', `/v1/audit-events?type=user_erased&subject=${phone.userId}`)
    expect(events.json.items).toHaveLength(1)
  })

  test('has a device that is refused as unregistered on every call, unlike any other caller', async () => {
    await using service = await startTestService()
    const { phone } = await aPerson(service)
    const other = await enrollPhone(service, { user: 'bob' })
    const { id } = (await service.api('POST', '/v1/challenges', { user: 'bob' })).json
    await service.api('POST', `/v1/users/${phone.userId}/erase`)
    const activity = 'act_01jv9z3k8we2tvn4qh6yrx7b5c'
    const push = 'dlv_01jv9z3k8we2tvn4qh6yrx7b5c'
    const enrollment = 'enr_01jv9z3k8we2tvn4qh6yrx7b5c'
    const answer = `e30.e30.${'A'.repeat(86)}`
    const { publicJwk: key } = phone.keys.possession
    const rotation = { role: 'possession', key, proof: answer }
    const calls = [
      { method: 'GET', path: '/device/v1/self' },
      { method: 'PATCH', path: '/device/v1/self', body: { name: 'x' } },
      { method: 'DELETE', path: '/device/v1/self' },
      { method: 'POST', path: '/device/v1/self/keys', body: rotation },
      { method: 'GET', path: '/device/v1/self/pushes' },
      { method: 'POST', path: '/device/v1/self/test-push' },
      { method: 'POST', path: `/device/v1/pushes/${push}/received` },
      { method: 'PUT', path: '/device/v1/push-token', body: { push: null } },
      { method: 'GET', path: '/device/v1/challenges' },
      { method: 'POST', path: `/device/v1/challenges/${id}/answer`, body: { answer } },
      { method: 'POST', path: `/device/v1/challenges/${id}/received` },
      { method: 'GET', path: '/device/v1/devices' },
      { method: 'DELETE', path: `/device/v1/devices/${other.deviceId}` },
      { method: 'GET', path: '/device/v1/activities' },
      { method: 'POST', path: `/device/v1/activities/${activity}/report` },
      { method: 'GET', path: '/device/v1/notification-preferences' },
      { method: 'PUT', path: '/device/v1/notification-preferences', body: { devices: 'in_app' } },
      { method: 'GET', path: '/device/v1/push-pause' },
      { method: 'PUT', path: '/device/v1/push-pause', body: { until: null } },
      { method: 'POST', path: '/device/v1/diagnostics', body: { appVersion: '1', text: 'x' } },
      { method: 'POST', path: '/device/v1/enrollments', body: { replacesDeviceId: null } },
      { method: 'POST', path: '/device/v1/enrollments/confirm', body: { number: '123456' } },
      { method: 'GET', path: `/device/v1/enrollments/${enrollment}` },
      { method: 'GET', path: '/device/v1/keyset' },
    ] as const
    const describedRoutes = Object.entries(openApiFile.paths).flatMap(([path, methods]) =>
      path.startsWith('/device/v1/') && !/\/(claim|web-push-key)$/.test(path)
        ? Object.keys(methods as object)
        : [],
    )
    expect(calls).toHaveLength(describedRoutes.length)
    const { possession, verification = possession } = phone.keys
    for (const call of calls) {
      for (const key of [possession, verification ?? possession]) {
        const { status, json } = await callAsDevice(service, phone, { ...call, key })
        expect([call.method, call.path, status, json.code]).toEqual([
          call.method,
          call.path,
          403,
          'device_unregistered',
        ])
      }
      const foreign = { ...call, key: other.keys.possession }
      const { json } = await callAsDevice(service, phone, foreign)
      expect([call.path, json.code]).toEqual([call.path, 'proof_invalid'])
    }
  })

  test('affects no colleague', async () => {
    await using service = await startTestService()
    const { phone } = await aPerson(service)
    const colleague = await enrollPhone(service, { user: 'bob' })
    await service.api('POST', `/v1/users/${phone.userId}/erase`)
    const creation = await service.api('POST', '/v1/challenges', { user: 'bob' })
    const { requests } = await colleague.client.pending()
    expect(requests.map(({ challengeId }) => challengeId)).toEqual([creation.json.id])
  })

  test('can export all stored data before, without secrets', async () => {
    await using service = await startTestService()
    const { api } = service
    const { phone, user } = await aPerson(service)
    const reply = await api('GET', `/v1/users/${phone.userId}/export`)
    expect(reply.status).toBe(200)
    const { tables } = reply.json
    expect(tables.user_identifiers).toMatchObject([{ value: user }])
    expect(tables.devices).toMatchObject([{ id: phone.deviceId, name: `${canary} renamed` }])
    expect(tables.challenges).toHaveLength(2)
    expect(tables.answers).toHaveLength(1)
    expect(tables.activities.length).toBeGreaterThan(4)
    expect(reply.text).not.toMatch(/sealed|_hash"|"mac"|"salt"/)
  })

  test('gets no document that looks complete when reading fails half-way', async () => {
    await using service = await startTestService()
    const { userId } = await enrollPhone(service, { user: 'bob' })
    // More than the buffers in between hold.
    await onServer(service.database.url, (client) =>
      client.query(
        `insert into activities (tenant_id, id, user_id, type, severity, actor, details)
         select tenant_id, 'act_' || n, id, 'posted', 'info', 'operator',
           jsonb_build_object('text', repeat('x', 5000))
         from users, generate_series(1, 4000) n where id = $1`,
        [userId],
      ),
    )
    const authorization = `Bearer ${service.key}`
    const exportRequest = request(`${service.origin}/v1/users/${userId}/export`, {
      headers: { authorization },
    }).end()
    const [reply] = (await once(exportRequest, 'response')) as [IncomingMessage]
    expect(reply.statusCode).toBe(200)
    await until('the service waits for the reader', async () => {
      const backends = await onServer(service.database.url, (client) =>
        client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and state = 'idle in transaction'
             and query like 'fetch%'`,
        ),
      )
      return backends.rowCount === 1
    })
    const parts: Buffer[] = []
    const reading = async () => {
      for await (const part of reply) parts.push(part)
    }
    await expect(reading()).rejects.toThrow('aborted')
    expect(() => JSON.parse(Buffer.concat(parts).toString())).toThrow()
  })

  test('leaves an intact audit record: erased entries are counted, not missing', async () => {
    await using service = await startTestService()
    const { phone } = await aPerson(service)
    const queryRows = (text: string) =>
      onServer(service.database.url, async (client) => (await client.query(text)).rows)
    const links = () =>
      queryRows(
        `select l.row_id from audit_links l join activities a on a.id = l.row_id
         where a.type = 'challenge_approved'`,
      )
    await until('the record is chained', async () => (await links()).length === 1, 15_000)
    await service.api('POST', `/v1/users/${phone.userId}/erase`)
    const [erasedCount] = await queryRows(
      `select count(*)::int as n from audit_links l join activities a on a.id = l.row_id
       where a.salt is null and a.details = '{}'`,
    )
    expect(erasedCount.n).toBeGreaterThan(3)
  })
})

test('every table with a user or device is exported and erased, or listed here with the reason', async () => {
  await using service = await startTestService()
  const { phone } = await aPerson(service)
  const exportedTables = Object.keys(
    (await service.api('GET', `/v1/users/${phone.userId}/export`)).json.tables,
  )
  const { rows } = await onServer(service.database.url, (client) =>
    client.query(
      `select distinct table_name as name from information_schema.columns
       where table_schema = current_schema() and column_name in ('user_id', 'device_id', 'challenge_id')`,
    ),
  )
  const others = rows.map(({ name }) => name).filter((name) => !exportedTables.includes(name))
  // Used proofs are random texts that are deleted within two minutes. A prompt has the name that
  // its client asks for, of a person or of nobody, and is deleted a day later.
  expect(others.sort()).toEqual(['device_proofs', 'prompts'])
})
