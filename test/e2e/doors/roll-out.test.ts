// Who may use push sign-in, and versions of the device protocol, at the doors of existing clients.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuthApiDoor, callSigned, createAuthApiDoor } from '../../support/auth-api.ts'
import { onServer } from '../../support/cluster.ts'
import { createWaitDoor } from '../../support/doors.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const stack = new AsyncDisposableStack()
let service: RunningService
let phone: Phone
beforeAll(async () => {
  service = stack.use(await startTestService({ role: 'api' }))
  phone = await enrollPhone(service, { user: 'ada' })
})
afterAll(() => stack.disposeAsync())

const usual = { profile: 'compat', enrollmentConfirmation: false, pushSignIn: 'everybody' }
const settings = { kind: 'duo_auth_api', enrollmentAllowed: true }
const decide = async (changes: object) => {
  const { status, text } = await service.api('PATCH', '/v1/policy', { ...usual, ...changes })
  if (status !== 200) throw new Error(text)
}
const usersNamed = (name: string) =>
  onServer(service.database.url, async (client) => {
    const text = 'select count(*)::int as users from user_identifiers where value = $1'
    return (await client.query(text, [name])).rows[0].users as number
  })
const enroll = (door: AuthApiDoor, username: string) =>
  callSigned(service.origin, door, 'POST', 'enroll', { username })

describe('where push sign-in is off nobody new is enrolled, or becomes a user', () => {
  test.each([
    ['by the policy, for everybody', { pushSignIn: 'nobody' }, {}],
    ['by the policy, for who is not listed', { pushSignIn: 'listed' }, {}],
    ['by what the integration requires beyond it', {}, { pushSignIn: 'nobody' }],
  ])('%s', async (name, changes, policy) => {
    await decide(changes)
    const door = await createAuthApiDoor(service, { settings, policy })
    const username = `new ${name}`
    expect((await enroll(door, username)).json).toMatchObject({ stat: 'FAIL' })
    expect(await usersNamed(username)).toBe(0)
    await decide({})
    await door.change({ policy: {} })
    expect((await enroll(door, username)).json).toMatchObject({ stat: 'OK' })
  })
})

test('a user for whom it is off is denied at each door, and no phone is woken', async () => {
  await decide({})
  const [door, wait] = [
    await createAuthApiDoor(service, { policy: { pushSignIn: 'nobody' } }),
    await createWaitDoor(service, { policy: { pushSignIn: 'nobody' } }),
  ]
  const username = 'ada'
  const { json } = await callSigned(service.origin, door, 'POST', 'preauth', {
    username,
    text_prompt: '1',
  })
  expect(json.response.devices ?? []).toEqual([])
  const auth = { username, factor: 'push', device: 'auto' }
  const answer = await callSigned(service.origin, door, 'POST', 'auth', auth)
  expect(answer.json.response.result).toBe('deny')
  expect((await wait.ask({ username, number: '204060' })).status).toBe(403)
  await until('it says why', async () => {
    const { lastError } = await wait.read()
    return lastError?.code === 'push_sign_in_off'
  })
  expect(phone.pushes).toEqual([])
})

test('an integration may require a version of the protocol that its relying party does not', async () => {
  await decide({})
  const wait = await createWaitDoor(service, { policy: { protocolVersionMin: 2 } })
  // An app without an update: its version only rises, so that the test lowers it in the database.
  await onServer(service.database.url, (client) =>
    client.query('update devices set protocol_version = 1 where id = $1', [phone.deviceId]),
  )
  expect((await wait.ask({ username: 'ada', number: '204060' })).status).toBe(403)
  await until('it says why', async () => {
    const { lastError } = await wait.read()
    return lastError?.code === 'no_capable_device'
  })
  expect(phone.pushes).toEqual([])
})
