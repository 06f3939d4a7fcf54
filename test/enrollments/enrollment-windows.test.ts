import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  openEnrollmentWindow,
  readEnrollmentWindow,
} from '../../src/enrollments/enrollment-windows.ts'
import { importUser } from '../../src/users/import-user.ts'
import { onServer } from '../support/cluster.ts'
import {
  createApi,
  enrollPhone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { startSink } from '../support/webhook-sink.ts'
import { aPhone, aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let service: RunningService
let world: World
beforeAll(async () => {
  ;[service, world] = await Promise.all([startTestService(), openWorld()])
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await world.close()
})

let names = 0
async function createUser(): Promise<string> {
  const name = `newcomer-${++names}`
  const body = { displayName: name, identifiers: [name] }
  return (await service.api('POST', '/v1/users', body)).json.id
}
const path = (id: string) => `/v1/users/${id}/enrollment-window`
const open = (id: string, minutes = 60) => service.api('POST', path(id), { minutes })
const read = async (id: string) => (await service.api('GET', path(id))).json.mayEnrollUntil

/** Changes what is stored of the user. */
const run = (text: string, id: string) =>
  onServer(service.database.url, (client) => client.query(text, [id]))

const activitiesOf = async (id: string) => {
  const { items } = (await service.api('GET', `/v1/users/${id}/activities`)).json
  return items.map(({ type, severity }: { type: string; severity: string }) => [type, severity])
}

describe('a window in which a user may enroll', () => {
  test('is there only when it was opened, for as long as was said, and can be closed', async () => {
    const id = await createUser()
    expect(await read(id)).toBeNull()
    const before = Date.now()
    const { status, json } = await open(id, 1440)
    expect(status).toBe(200)
    const lasts = Date.parse(json.mayEnrollUntil) - before
    expect(Math.abs(lasts - 1440 * 60_000)).toBeLessThan(60_000)
    expect(await read(id)).toBe(json.mayEnrollUntil)
    expect((await service.api('DELETE', path(id))).status).toBe(204)
    expect(await read(id)).toBeNull()
    expect((await service.api('DELETE', path(id))).status).toBe(204)
  })

  test('that is opened once more ends when the last one says', async () => {
    const id = await createUser()
    await open(id, 600)
    const { json } = await open(id, 5)
    expect(Date.parse(json.mayEnrollUntil) - Date.now()).toBeLessThan(6 * 60_000)
  })

  test.each([0, -1, 1441, 1.5, '60', null])('is never open for %j minutes', async (minutes) => {
    const id = await createUser()
    expect((await service.api('POST', path(id), { minutes })).status).toBe(400)
    expect(await read(id)).toBeNull()
  })

  test('ends by itself', async () => {
    const id = await createUser()
    await open(id)
    await run(
      'update user_protections set may_enroll_until = clock_timestamp() where user_id = $1',
      id,
    )
    expect(await read(id)).toBeNull()
  })

  test('is on record by activity, audit and webhook; closing what is closed is on none', async () => {
    await using sink = await startSink()
    const id = await createUser()
    const events = ['activity.recorded']
    const endpoint = await service.api('POST', '/v1/webhook-endpoints', { url: sink.url, events })
    expect(endpoint.status).toBe(201)
    await open(id, 60)
    await service.api('DELETE', path(id))
    await service.api('DELETE', path(id))
    expect(await activitiesOf(id)).toEqual([
      ['enrollment_window_closed', 'info'],
      ['enrollment_window_opened', 'critical'],
      ['user_imported', 'info'],
    ])
    const { items } = (await service.api('GET', '/v1/audit-events')).json
    const own = items.filter(({ subject }: { subject: string }) => subject === id)
    expect(own).toMatchObject([
      { type: 'enrollment_window_closed' },
      { type: 'enrollment_window_opened', details: { minutes: 60 } },
    ])
    const types = () =>
      sink.deliveries.flatMap(({ body }) => (body.data.userId === id ? body.data.activityType : []))
    await until('the endpoint has both', () => types().length > 1)
    expect(types().toSorted()).toEqual(['enrollment_window_closed', 'enrollment_window_opened'])
    await service.api('DELETE', `/v1/webhook-endpoints/${endpoint.json.id}`)
  })
})

describe('nobody gets a window who has or had another factor', () => {
  const expectNone = async (id: string) => {
    const refusal = await open(id)
    expect(refusal.status).toBe(409)
    expect(refusal.json.code).toBe('enrolled_before')
    expect(await read(id)).toBeNull()
  }

  test('a device, also after it was unregistered; the first one closes the window', async () => {
    const user = `newcomer-${++names}`
    const body = { displayName: user, identifiers: [user] }
    const { id } = (await service.api('POST', '/v1/users', body)).json
    await open(id)
    expect(await read(id)).not.toBeNull()
    const phone = await enrollPhone(service, { user })
    expect(await read(id)).toBeNull()
    await expectNone(id)
    const answer = await service.api('POST', `/v1/devices/${phone.deviceId}/unregister`, {
      reason: 'lost',
    })
    expect(answer.status).toBeLessThan(300)
    await expectNone(id)
  })

  test('recovery codes, also after all of them are deleted', async () => {
    const id = await createUser()
    expect((await service.api('POST', `/v1/users/${id}/recovery-codes`, {})).status).toBe(201)
    await expectNone(id)
    await run('delete from single_use_codes where user_id = $1', id)
    await expectNone(id)
  })

  test('but a temporary code is none', async () => {
    const id = await createUser()
    expect((await service.api('POST', `/v1/users/${id}/temporary-codes`, {})).status).toBe(201)
    expect((await open(id)).status).toBe(200)
  })

  test('nor one who is suspended', async () => {
    const id = await createUser()
    await open(id)
    await service.api('PATCH', `/v1/users/${id}`, { status: 'suspended' })
    expect(await read(id)).toBeNull()
    expect((await open(id)).json.code).toBe('user_suspended')
  })

  test('who gets a device at that very moment', async () => {
    const principal = await aPrincipal(world)
    const newcomer = { displayName: 'alice', identifiers: ['alice'] }
    const { id } = (await granted(importUser(world, principal, newcomer))).user
    let isFirst = true
    const enrollmentWindows: World['enrollmentWindows'] = {
      ...world.enrollmentWindows,
      async find(user) {
        const facts = await world.enrollmentWindows.find(user)
        if (isFirst) await aPhone(world, principal)
        isFirst = false
        return facts
      },
    }
    expect(await openEnrollmentWindow({ ...world, enrollmentWindows }, principal, id, 60)).toEqual({
      refused: 'enrolled_before',
    })
    expect(await readEnrollmentWindow(world, principal, id)).toEqual({ mayEnrollUntil: null })
  })
})

test('a key opens windows only with its scope, and only for users that it sees', async () => {
  const id = await createUser()
  const { items } = (await service.api('GET', '/v1/relying-parties')).json
  const key = await service.api('POST', '/v1/api-keys', {
    relyingPartyId: items[0].id,
    name: 'Reader',
    scopes: ['users:read'],
  })
  const reader = createApi(service.origin, key.json.secret ?? key.json.key)
  expect((await reader('POST', path(id), { minutes: 5 })).status).toBe(403)
  expect((await open(`usr_${'0'.repeat(26)}`)).status).toBe(404)
})
