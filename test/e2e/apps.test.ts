import { afterAll, beforeAll, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import {
  challengeOf,
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'
import { until } from '../support/until.ts'

let service: RunningService
let phone: Phone
const appId = 'com.example.own'

beforeAll(async () => {
  service = await startTestService()
  phone = await enrollPhone(service, { platform: 'android', appId })
})
afterAll(() => service[Symbol.asyncDispose]())

/** Creates challenges on an unused budget, so that each is pushed. */
async function push() {
  await onServer(service.database.url, (client) => client.query('delete from initiators'))
  const creation = await service.api('POST', '/v1/challenges', { user: 'alice', ttlSeconds: 15 })
  const { id } = creation.json
  const outcome = await until('the push is settled', async () => {
    const { json } = await service.api('GET', `/v1/challenges/${id}`)
    const { push: pushState } = json.devices[0]
    return pushState?.status !== 'queued' && pushState
  })
  await service.api('POST', `/v1/challenges/${id}/cancel`)
  return { id, settled: outcome }
}

const account = () => ({
  provider: 'fcm',
  fcm: { ...service.simulator.credentials.fcm.serviceAccount, universe_domain: 'googleapis.com' },
})

test('an app of the tenant is pushed with its own credentials, from creation through change to removal', async () => {
  const { settled } = await push()
  expect(settled).toMatchObject({ status: 'failed', reason: expect.stringContaining(appId) })

  const creation = await service.api('POST', '/v1/apps', {
    appId,
    name: 'Own app',
    credentials: account(),
  })
  expect(creation.status, creation.text).toBe(201)
  const first = await push()
  expect(first.settled).toMatchObject({ status: 'sent' })
  await until('the phone has it', () => phone.pushes.some((one) => challengeOf(one) === first.id))

  const wrong = account()
  wrong.fcm.project_id = 'another-project'
  const update = await service.api('PATCH', `/v1/apps/${creation.json.id}`, { credentials: wrong })
  expect(update.status, update.text).toBe(200)
  await until(
    'the new credentials are in use',
    async () => (await push()).settled.status === 'failed',
  )

  const joinedAccount = account()
  joinedAccount.fcm.private_key = joinedAccount.fcm.private_key.replaceAll('\n', '\\n')
  await service.api('PATCH', `/v1/apps/${creation.json.id}`, { credentials: joinedAccount })
  await until(
    'a key whose lines were joined by \\n is in use',
    async () => (await push()).settled.status === 'sent',
  )

  const removal = await service.api('DELETE', `/v1/apps/${creation.json.id}`)
  expect(removal.status).toBe(204)
  await until('nothing is left of them', async () =>
    (await push()).settled.reason?.includes('no FCM service account'),
  )
  expect((await service.api('GET', `/v1/apps/${creation.json.id}`)).status).toBe(404)
})

test('credentials are not shown again by any route, and are not readable anywhere in the database', async () => {
  const secret = account().fcm.private_key.split('\n')[1] ?? ''
  expect(secret.length).toBeGreaterThan(40)
  const creation = await service.api('POST', '/v1/apps', {
    appId: 'com.example.shown',
    name: 'Shown',
    credentials: account(),
  })
  const again = await service.api('POST', '/v1/apps', {
    appId: 'com.example.shown',
    name: 'Again',
    credentials: account(),
  })
  expect(again.json).toMatchObject({ status: 409, code: 'app_taken' })
  const path = `/v1/apps/${creation.json.id}`
  const replies = [
    creation,
    await service.api('GET', path),
    await service.api('GET', '/v1/apps'),
    await service.api('PATCH', path, { name: 'Named', credentials: account() }),
  ]
  for (const { text } of replies) {
    expect(text).toContain('com.example.shown')
    expect(text).not.toContain(secret)
    expect(text).not.toContain('credentials')
  }
  await onServer(service.database.url, async (client) => {
    for (const table of ['apps', 'audit_events']) {
      const { rows } = await client.query(`select t::text as row from ${table} t`)
      expect(rows.length).toBeGreaterThan(0)
      for (const { row } of rows) {
        expect(row).not.toContain(secret)
        expect(row).not.toContain(Buffer.from(secret).toString('hex'))
      }
    }
  })
})

test('credentials of the other provider are another app, and an invalid key is refused', async () => {
  const creation = await service.api('POST', '/v1/apps', {
    appId: 'com.example.typed',
    name: 'Typed',
    credentials: account(),
  })
  const { keyPem, keyId, teamId } = service.simulator.credentials.apns
  const apns = { provider: 'apns', apns: { pem: keyPem, keyId, teamId } }
  const path = `/v1/apps/${creation.json.id}`
  expect((await service.api('PATCH', path, { credentials: apns })).status).toBe(400)
  const none = { provider: 'apns', apns: { pem: 'secret', keyId, teamId } }
  const refusal = await service.api('POST', '/v1/apps', {
    appId: 'com.example.none',
    name: 'None',
    credentials: none,
  })
  expect(refusal.status).toBe(400)
  const both = { appId: 'com.example.typed', name: 'Typed', credentials: apns }
  expect((await service.api('POST', '/v1/apps', both)).status).toBe(201)
})

test('the user’s other phones are notified of a new one, by a push that contains ids only', async () => {
  const old = await enrollPhone(service, { user: 'bob' })
  const next = await enrollPhone(service, { user: 'bob', platform: 'android' })
  const notice = await until('the old phone is notified', () =>
    old.pushes.find((one) => one.provider === 'apns' && 'aid' in one.payload),
  )
  if (notice.provider !== 'apns') throw new Error('an iPhone gets its pushes from APNs')
  const { aps, ...own } = notice.payload as { aps: { category: string } }
  expect(aps.category).toBe('ACCOUNT_ACTIVITY')
  expect(own).toEqual({ v: 1, did: old.deviceId, o: expect.any(String), aid: expect.any(String) })
  expect(next.pushes.filter((one) => one.provider === 'fcm' && 'aid' in one.data)).toEqual([])
})
