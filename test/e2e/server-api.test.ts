import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openOperations } from '../../src/service/open-operations.ts'
import { onServer } from '../support/cluster.ts'
import { expectGranted } from '../support/expect-granted.ts'
import {
  type Api,
  challengeOf,
  createApi,
  enrollPhone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'
import { until } from '../support/until.ts'

let service: RunningService
let foreign: Api
beforeAll(async () => {
  service = await startTestService()
  foreign = createApi(service.origin, await keyOfAnotherTenant())
})
afterAll(() => service[Symbol.asyncDispose]())

async function keyOfAnotherTenant(): Promise<string> {
  const operations = await openOperations(service.config, service.origin, pino({ level: 'silent' }))
  try {
    const { id: tenantId } = await expectGranted(operations.createTenant('Other'))
    const party = { tenantId, name: 'Other', namespaces: ['default'] }
    const { id: rpId } = await expectGranted(operations.createRelyingParty(party))
    const apiKey = await operations.createApiKey({
      tenantId,
      rpId,
      name: 'other',
      scopes: ['admin'],
      expiresAt: null,
    })
    if (!('secret' in apiKey)) throw new Error('refused')
    return apiKey.secret
  } finally {
    await operations.close()
  }
}

async function keyWith(scopes: string[], namespaces = ['default']): Promise<Api> {
  const party = await service.api('POST', '/v1/relying-parties', { name: 'Second', namespaces })
  const key = await service.api('POST', '/v1/api-keys', {
    relyingPartyId: party.json.id,
    name: 'second',
    scopes,
  })
  return createApi(service.origin, key.json.secret)
}

describe('a suspended user', () => {
  test('approves nothing and signs in nowhere until an admin lifts it', async () => {
    const { api } = service
    const user = `stopped-${randomBytes(4).toString('hex')}`
    const phone = await enrollPhone(service, { user })
    const { json: challenge } = await api('POST', '/v1/challenges', { user })
    const { requests } = await phone.client.pending()
    const [request] = requests
    if (!request) throw new Error('nothing is pending')
    const waiting = api('GET', `/v1/challenges/${challenge.id}?wait=30`)
    const path = `/v1/users/${phone.userId}`
    const reader = await keyWith(['users:read'])
    expect((await reader('PATCH', path, { status: 'suspended' })).status).toBe(403)
    expect((await foreign('PATCH', path, { status: 'suspended' })).status).toBe(404)
    const suspension = await api('PATCH', path, { status: 'suspended' })
    expect(suspension.json).toMatchObject({ id: phone.userId, status: 'suspended' })
    expect((await waiting).json).toMatchObject({ status: 'cancelled' })
    await expect(phone.client.approve(request, challenge.number)).rejects.toMatchObject({
      code: 'challenge_ended',
    })
    const refused = [
      await api('POST', '/v1/challenges', { user }),
      await api('POST', '/v1/enrollments', { user }),
      await api('POST', `${path}/passcodes/verify`, { code: '123456' }),
      await api('POST', `${path}/portal-sessions`),
    ]
    expect(refused.map(({ json }) => json.code)).toEqual(Array(4).fill('user_suspended'))
    expect((await api('PATCH', path, { status: 'active' })).json.status).toBe('active')
    expect((await api('POST', '/v1/challenges', { user })).status).toBe(201)
  })
})

describe('a challenge', () => {
  test('created twice concurrently under one Idempotency-Key is one challenge with one number and one push', async () => {
    const phone = await enrollPhone(service, { user: 'idem' })
    const headers = { 'idempotency-key': 'login-1' }
    const replies = await Promise.all(
      Array.from({ length: 10 }, () =>
        service.api('POST', '/v1/challenges', { user: 'idem' }, headers),
      ),
    )
    expect(new Set(replies.map(({ json }) => json.id)).size).toBe(1)
    expect(new Set(replies.map(({ json }) => json.number)).size).toBe(1)
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
    const other = { user: 'idem', ttlSeconds: 30 }
    const reusedKeyReply = await service.api('POST', '/v1/challenges', other, headers)
    expect(reusedKeyReply.json).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    await until('the push arrives', () => phone.pushes.length === 1)
  })

  test('created with ?wait= is answered when it ends', async () => {
    const phone = await enrollPhone(service, { user: 'sync' })
    const creating = service.api('POST', '/v1/challenges?wait=30', {
      user: 'sync',
      number: { mode: 'caller', value: '271828' },
    })
    const push = await until('the push arrives', () => phone.pushes[0])
    const request = (await phone.client.pending()).requests[0]
    if (!request) throw new Error('nothing is pending')
    await phone.client.approve(request, '271828')
    expect((await creating).json).toMatchObject({ id: challengeOf(push), status: 'approved' })
  })

  test('streams its end as a server-sent event and closes', async () => {
    const phone = await enrollPhone(service, { user: 'stream' })
    const creation = await service.api('POST', '/v1/challenges', { user: 'stream' })
    const response = await fetch(`${service.origin}/v1/challenges/${creation.json.id}/events`, {
      headers: { authorization: `Bearer ${service.key}` },
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    const streaming = response.text()
    const request = (await phone.client.pending()).requests[0]
    if (!request) throw new Error('nothing is pending')
    await phone.client.deny(request)
    const events = (await streaming).split('\n\n').filter((event) => event.startsWith('event:'))
    expect(events[0]).toContain('"status":"pending"')
    expect(events.at(-1)).toContain('"status":"denied"')
  })

  test('is pushed again on request, neither too soon nor too often', async () => {
    const phone = await enrollPhone(service, { user: 'again' })
    const creation = await service.api('POST', '/v1/challenges', { user: 'again' })
    await until('the push arrives', () => phone.pushes.length === 1)
    const path = `/v1/challenges/${creation.json.id}/resend`
    const soon = await service.api('POST', path)
    expect(soon.json).toMatchObject({ status: 429, code: 'resend_too_soon' })
    expect(Number(soon.headers.get('retry-after'))).toBeGreaterThan(0)
    const pass = () =>
      onServer(service.database.url, (client) =>
        client.query(`update challenges set last_push_at = last_push_at - interval '10 s'`),
      )
    for (let times = 1; times <= 3; times++) {
      await pass()
      expect((await service.api('POST', path)).json.resendsLeft).toBe(3 - times)
      await until('the next push arrives', () => phone.pushes.length === 1 + times)
    }
    await pass()
    expect((await service.api('POST', path)).json.code).toBe('resends_used_up')
  })

  test('that is cancelled disappears from the phones, and every other end stays', async () => {
    const phone = await enrollPhone(service, { user: 'cancel' })
    const creation = await service.api('POST', '/v1/challenges', { user: 'cancel' })
    const path = `/v1/challenges/${creation.json.id}/cancel`
    expect((await service.api('POST', path)).json.status).toBe('cancelled')
    expect((await service.api('POST', path)).status).toBe(200)
    expect((await phone.client.pending()).requests).toEqual([])
    const otherCreation = await service.api('POST', '/v1/challenges', { user: 'cancel' })
    const request = (await phone.client.pending()).requests[0]
    if (!request) throw new Error('nothing is pending')
    await phone.client.deny(request)
    const late = await service.api('POST', `/v1/challenges/${otherCreation.json.id}/cancel`)
    expect(late.json).toMatchObject({
      status: 409,
      code: 'challenge_ended',
      currentStatus: 'denied',
    })
  })

  test('whose push the provider refuses exists anyway, and reports the refusal', async () => {
    const phone = await enrollPhone(service, { user: 'dead' })
    service.simulator.phones.unregister(phone.token)
    const creation = await service.api('POST', '/v1/challenges', { user: 'dead' })
    const path = `/v1/challenges/${creation.json.id}`
    const failedChallenge = await until('the failure is recorded', async () => {
      const { json } = await service.api('GET', path)
      return json.devices[0].push.status === 'failed' ? json.devices[0].push : undefined
    })
    expect(failedChallenge).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('Unregistered'),
    })
    const request = (await phone.client.pending()).requests[0]
    if (!request) throw new Error('nothing is pending')
    await phone.client.approve(request, creation.json.number)
    const next = await service.api('POST', '/v1/challenges', { user: 'dead' })
    expect(next.json.deliveryMode).toBe('pull_only')
  })

  test('is listed by user and status, page by page', async () => {
    await enrollPhone(service, { user: 'pages' })
    await service.api('PATCH', '/v1/policy', { pendingMax: 5 })
    const ids: string[] = []
    for (let n = 0; n < 5; n++) {
      ids.unshift((await service.api('POST', '/v1/challenges', { user: 'pages' })).json.id)
    }
    const seenIds: string[] = []
    let path = '/v1/challenges?user=pages&status=pending&limit=2'
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { json } = await service.api('GET', cursor === '' ? path : `${path}&cursor=${cursor}`)
      seenIds.push(...json.items.map((one: { id: string }) => one.id))
      cursor = json.nextCursor
    }
    expect(seenIds).toEqual(ids)
    path = '/v1/challenges?user=pages&status=approved'
    expect((await service.api('GET', path)).json.items).toEqual([])
  })
})

describe('a key', () => {
  test('of another tenant gets the same bytes as for an unknown id', async () => {
    const phone = await enrollPhone(service, { user: 'private' })
    const challenge = await service.api('POST', '/v1/challenges', { user: 'private' })
    const enrollment = await service.api('POST', '/v1/enrollments', { user: 'private' })
    const paths = [
      `/v1/challenges/${challenge.json.id}`,
      `/v1/challenges/${challenge.json.id}/evidence`,
      `/v1/enrollments/${enrollment.json.id}`,
      `/v1/devices/${phone.deviceId}`,
      `/v1/users/${phone.userId}`,
      `/v1/users/${phone.userId}/devices`,
      `/v1/users/${phone.userId}/activities`,
    ]
    for (const path of paths) {
      const [own, theirs] = [await service.api('GET', path), await foreign('GET', path)]
      const unknown = await foreign('GET', path.replace(/_[0-9a-z]{26}/, `_${'0'.repeat(26)}`))
      if (!path.endsWith('evidence')) expect(own.status).toBe(200)
      expect(theirs.status).toBe(404)
      expect(theirs.text).toBe(unknown.text)
    }
    for (const path of [
      `/v1/challenges/${challenge.json.id}/cancel`,
      `/v1/challenges/${challenge.json.id}/resend`,
      `/v1/enrollments/${enrollment.json.id}/cancel`,
    ]) {
      expect((await foreign('POST', path)).status).toBe(404)
    }
    const body = { reason: 'lost' }
    expect((await foreign('POST', `/v1/devices/${phone.deviceId}/unregister`, body)).status).toBe(
      404,
    )
    expect((await service.api('GET', `/v1/devices/${phone.deviceId}`)).json.status).toBe('active')
    expect((await foreign('POST', '/v1/challenges', { user: 'private' })).json.code).toBe(
      'user_not_found',
    )
  })

  test('of another relying party of the tenant reads only its own challenges', async () => {
    await enrollPhone(service, { user: 'shared' })
    const challenge = await service.api('POST', '/v1/challenges', { user: 'shared' })
    const second = await keyWith(['challenges:write'])
    expect((await second('GET', `/v1/challenges/${challenge.json.id}`)).status).toBe(404)
    expect((await second('POST', '/v1/challenges', { user: 'shared' })).status).toBe(201)
  })

  test('names users in its own namespaces only', async () => {
    const phone = await enrollPhone(service, { user: 'named' })
    const api = await keyWith(['challenges:write', 'users:read'], ['elsewhere'])
    expect((await api('POST', '/v1/challenges', { user: 'named' })).json.code).toBe(
      'user_not_found',
    )
    const namedUser = { user: { namespace: 'default', value: 'named' } }
    expect((await api('POST', '/v1/challenges', namedUser)).json.code).toBe('namespace_not_granted')
    const byId = { user: { id: phone.userId } }
    expect((await api('POST', '/v1/challenges', byId)).json.code).toBe('user_not_found')
    expect((await api('GET', `/v1/users/${phone.userId}`)).status).toBe(404)
  })

  test('without a scope is refused, and enrolls nobody by default', async () => {
    const party = await service.api('POST', '/v1/relying-parties', {
      name: 'Plain',
      namespaces: ['p'],
    })
    const key = await service.api('POST', '/v1/api-keys', {
      relyingPartyId: party.json.id,
      name: 'plain',
    })
    const api = createApi(service.origin, key.json.secret)
    const refused = await api('POST', '/v1/enrollments', { user: 'x', displayName: 'X' })
    expect(refused.json).toMatchObject({ status: 403, code: 'scope_missing' })
  })

  test('that is wrong, unknown or revoked is refused with the same response', async () => {
    const [id] = service.key.split('_').slice(1)
    const keys = [
      `cs_${id}_${randomBytes(32).toString('base64url')}`,
      `cs_${'0'.repeat(26)}_${randomBytes(32).toString('base64url')}`,
      'nonsense',
    ]
    const replies = await Promise.all(
      keys.map((key) => createApi(service.origin, key)('GET', '/v1/tenant')),
    )
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
    expect(replies[0]?.json).toMatchObject({ status: 401, code: 'api_key_invalid' })
  })
})

test('every change is recorded as an activity with its actor', async () => {
  const phone = await enrollPhone(service, { user: 'watched' })
  const challenge = await service.api('POST', '/v1/challenges', { user: 'watched' })
  await service.api('POST', `/v1/challenges/${challenge.json.id}/cancel`)
  await service.api('PATCH', `/v1/devices/${phone.deviceId}`, { name: 'renamed' })
  await service.api('POST', `/v1/users/${phone.userId}/devices/unregister`, { reason: 'stolen' })
  const { json } = await service.api('GET', `/v1/users/${phone.userId}/activities`)
  const seenIds = json.items.map(
    ({ type, actor }: { type: string; actor: string }) => `${type} ${actor.split(':')[0]}`,
  )
  expect(seenIds).toEqual([
    'device_unregistered api_key',
    'device_renamed api_key',
    'challenge_cancelled api_key',
    'challenge_created api_key',
    'device_added device',
    'enrollment_claimed device',
    'enrollment_opened api_key',
    'user_imported api_key',
  ])
})

test('a phone follows the service to its next signing key', async () => {
  const phone = await enrollPhone(service, { user: 'rotate' })
  const operations = await openOperations(service.config, service.origin, pino({ level: 'silent' }))
  const rotation = await operations.rotateSigningKey(service.tenantId as `tnt_${string}`)
  await operations.close()
  expect(rotation).toMatchObject({ seq: 2 })
  const challenge = await service.api('POST', '/v1/challenges', { user: 'rotate' })
  const { requests, refusedRequests: refused } = await phone.client.pending()
  expect(refused).toEqual([])
  expect(phone.client.account.keySet.seq).toBe(2)
  const [request] = requests
  if (!request) throw new Error('nothing is pending')
  await phone.client.approve(request, challenge.json.number)
})
