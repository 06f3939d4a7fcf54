import { describe, expect, it } from 'vitest'
import type { Activity } from '../../src/activities/activity.store.ts'
import { refuse } from '../../src/domain/refusal.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { aDevice, anApp, anId, at, aUser, bearer } from '../platform/http/fixtures.ts'

const { tenantId: _tenantId, ...user } = aUser
const shownUser = { ...user, createdAt: at.toISOString() }
const { tenantId: _tenant, enrollmentId: _enrollment, ...device } = aDevice()
const shownDevice = {
  ...device,
  createdAt: at.toISOString(),
  activatedAt: at.toISOString(),
}

async function call(
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  useCases: Partial<UseCases>,
  payload?: object,
) {
  await using app = await anApp(useCases)
  return app.inject({ method, url, headers: bearer, ...(payload && { payload }) })
}

describe('POST /v1/users', () => {
  const identifiers = ['ada@example.com', { namespace: 'entra', value: 'ada' }]
  const body = { displayName: 'Ada Lovelace', identifiers }

  it.each([
    [201, true],
    [200, false],
  ])('%i when the user is new: %s', async (status, isNew) => {
    const commands: unknown[] = []
    const importUser: UseCases['importUser'] = async (_principal, command) => {
      commands.push(command)
      return { user: aUser, isNew }
    }
    const answer = await call('POST', '/v1/users', { importUser }, body)
    expect(answer.statusCode).toBe(status)
    expect(answer.json()).toEqual(shownUser)
    expect(commands).toEqual([body])
  })

  it.each([
    { ...body, identifiers: [] },
    { ...body, identifiers: Array(21).fill('ada') },
    { ...body, displayName: 'x'.repeat(141) },
    { ...body, id: anId('user') },
  ])('400 for %j', async (payload) => {
    const answer = await call('POST', '/v1/users', {}, payload)
    expect(answer.statusCode).toBe(400)
  })
})

describe('PATCH /v1/users/{userId}', () => {
  it('200 with the user in the new state', async () => {
    const commands: unknown[] = []
    const changeUser: UseCases['changeUser'] = async (_principal, id, changes) => {
      commands.push([id, changes])
      return { ...aUser, ...changes }
    }
    const url = `/v1/users/${user.id}`
    const answer = await call('PATCH', url, { changeUser }, { status: 'suspended' })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ ...shownUser, status: 'suspended' })
    expect(commands).toEqual([[user.id, { status: 'suspended' }]])
  })

  it.each([
    {},
    { status: 'deleted' },
    { status: 'active', displayName: 'Eve' },
    { language: 'nl_NL' },
    { language: '' },
  ])('400 for %j', async (payload) => {
    const answer = await call('PATCH', `/v1/users/${user.id}`, {}, payload)
    expect(answer.statusCode).toBe(400)
  })
})

describe('GET /v1/users', () => {
  it('200 with a page', async () => {
    const pages: unknown[] = []
    const listUsers: UseCases['listUsers'] = async (_principal, page) => {
      pages.push(page)
      return [aUser]
    }
    const answer = await call('GET', `/v1/users?limit=1&cursor=${anId('user')}`, { listUsers })
    expect(answer.json()).toEqual({ items: [shownUser], nextCursor: null })
    expect(pages).toEqual([{ limit: 2, before: anId('user') }])
  })

  it.each([
    ['?identifier=ada', 'ada'],
    ['?identifier=ada&namespace=entra', { namespace: 'entra', value: 'ada' }],
  ])('%s finds the one user of that name', async (query, reference) => {
    const references: unknown[] = []
    const findUser: UseCases['findUser'] = async (_principal, userReference) => {
      references.push(userReference)
      return aUser
    }
    const answer = await call('GET', `/v1/users${query}`, { findUser })
    expect(answer.json()).toEqual({ items: [shownUser], nextCursor: null })
    expect(references).toEqual([reference])
  })

  it('200 with nothing for an unknown name, 403 for a namespace that is not granted', async () => {
    const nobody = { findUser: async () => refuse('not_found') }
    const answer = await call('GET', '/v1/users?identifier=bob', nobody)
    expect(answer.json()).toEqual({ items: [], nextCursor: null })
    const refusing = { findUser: async () => refuse('namespace_not_granted') }
    const refusal = await call('GET', '/v1/users?identifier=bob&namespace=other', refusing)
    expect(refusal.statusCode).toBe(403)
  })

  it.each(['?namespace=entra', '?identifier=', '?identifier=a%0Ab'])(
    '400 for %s',
    async (query) => {
      const answer = await call('GET', `/v1/users${query}`, {})
      expect(answer.statusCode).toBe(400)
    },
  )
})

describe('GET /v1/users/{userId}', () => {
  it('200 with the user', async () => {
    const readUser = async () => aUser
    const answer = await call('GET', `/v1/users/${anId('user')}`, { readUser })
    expect(answer.json()).toEqual(shownUser)
  })

  it('lists the activities of the user', async () => {
    const activity: Activity = {
      id: anId('activity'),
      userId: anId('user'),
      type: 'device_added',
      severity: 'warning',
      actor: `device:${anId('device')}`,
      challengeId: null,
      deviceId: anId('device'),
      enrollmentId: null,
      details: { name: 'Phone' },
      posted: null,
      occurredAt: at,
    }
    const listActivities = async () => [activity, { ...activity, id: anId('activity', '1') }]
    const url = `/v1/users/${anId('user')}/activities?limit=1`
    const answer = await call('GET', url, { listActivities })
    const shownActivity = { ...activity, occurredAt: at.toISOString() }
    expect(answer.json()).toEqual({ items: [shownActivity], nextCursor: anId('activity') })
  })
})

describe('devices', () => {
  const url = `/v1/devices/${anId('device')}`
  const ofUser = `/v1/users/${anId('user')}/devices`

  it('devices are listed and read without internal members', async () => {
    const list = await call('GET', ofUser, { listDevices: async () => [aDevice()] })
    expect(list.json()).toEqual({ items: [shownDevice] })
    const read = await call('GET', url, { readDevice: async () => aDevice() })
    expect(read.json()).toEqual(shownDevice)
  })

  it('devices are renamed', async () => {
    const changeDevice: UseCases['changeDevice'] = async (_principal, _id, { name = '' }) =>
      aDevice({ name })
    const answer = await call('PATCH', url, { changeDevice }, { name: 'Tablet' })
    expect(answer.json()).toMatchObject({ name: 'Tablet' })
  })

  it('devices are unregistered, one or all, with the reason', async () => {
    const calls: unknown[] = []
    const unregisteredDevice = aDevice({
      status: 'unregistered',
      unregisteredAt: at,
      unregisterReason: 'stolen',
    })
    const useCases: Partial<UseCases> = {
      unregisterDevice: async (_principal, id, reason) => {
        calls.push([id, reason])
        return unregisteredDevice
      },
      unregisterAllDevices: async (_principal, userId, reason) => {
        calls.push([userId, reason])
        return [unregisteredDevice]
      },
    }
    const one = await call('POST', `${url}/unregister`, useCases, { reason: 'stolen' })
    expect(one.json()).toMatchObject({ status: 'unregistered', unregisterReason: 'stolen' })
    const all = await call('POST', `${ofUser}/unregister`, useCases, { reason: 'lost' })
    expect(all.json()).toMatchObject({ items: [{ status: 'unregistered' }] })
    expect(calls).toEqual([
      [anId('device'), 'stolen'],
      [anId('user'), 'lost'],
    ])
  })

  it('devices are not unregistered for a reason that only the service may give', async () => {
    const answer = await call('POST', `${url}/unregister`, {}, { reason: 'not_confirmed' })
    expect(answer.statusCode).toBe(400)
  })
})
