// One user, named in any letter case by every kind of caller that names users.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import { createAuthApiDoor, npmClient, questionTo, startTlsLine } from '../support/auth-api.ts'
import { runCommand } from '../support/command-line.ts'
import { createWaitDoor } from '../support/doors.ts'
import {
  createApi,
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'

let service: RunningService
let phone: Phone
beforeAll(async () => {
  service = await startTestService()
  phone = await enrollPhone(service, { user: 'Ada.Lovelace@Example.com' })
})
afterAll(() => service[Symbol.asyncDispose]())

const otherwise = 'ADA.lovelace@EXAMPLE.COM'

/** Every way of naming a user; each returns the id of the user it found. */
const ways: Readonly<Record<string, (name: string) => Promise<string | null>>> = {
  'reading the user': async (name) =>
    (await service.api('GET', `/v1/users?identifier=${encodeURIComponent(name)}`)).json.items[0]
      ?.id ?? null,
  'reading the user in a namespace': async (name) => {
    const { items } = (
      await service.api('GET', `/v1/users?identifier=${encodeURIComponent(name)}&namespace=default`)
    ).json
    return items[0]?.id ?? null
  },
  asking: async (name) => {
    const { json } = await service.api('POST', '/v1/challenges', { user: name })
    if (json.id) await service.api('POST', `/v1/challenges/${json.id}/cancel`)
    return json.userId ?? null
  },
  'creating a challenge in a namespace': async (name) => {
    const user = { namespace: 'default', value: name }
    const { json } = await service.api('POST', '/v1/challenges', { user })
    if (json.id) await service.api('POST', `/v1/challenges/${json.id}/cancel`)
    return json.userId ?? null
  },
  'listing challenges': async (name) => {
    const { json } = await service.api('GET', `/v1/challenges?user=${encodeURIComponent(name)}`)
    return json.items?.[0]?.userId ?? null
  },
  'opening an enrollment': async (name) =>
    (await service.api('POST', '/v1/enrollments', { user: name })).json.userId ?? null,
  'typing an enrollment code': async (name) => {
    const enrollment = (await service.api('POST', `/v1/users/${phone.userId}/enrollments`, {})).json
    const device = {
      name: 'x',
      platform: 'other',
      model: 'x',
      osVersion: '1',
      appVersion: '1',
    } as const
    const ticket = {
      origin: readEnrollmentUri(enrollment.uri)?.origin ?? '',
      tenantId: service.tenantId,
      code: enrollment.code,
      user: name,
    }
    const keys = await createDeviceKeys({ verification: false })
    const account = await claimEnrollment({ ticket, keys, appId: 'x.y', device }).catch(() => null)
    await service.api('DELETE', `/v1/enrollments/${enrollment.id}`)
    return account?.user.id ?? null
  },
  'asking at the door that waits': async (name) => {
    const door = await createWaitDoor(service)
    const answer = door.ask({ username: name, number: '483920' })
    if (await Promise.race([answer.then(() => true), questionTo(phone).then(() => false)]))
      return null
    await phone.client.deny(await questionTo(phone))
    return (await answer).status === 401 ? phone.userId : null
  },
  'the door of the Auth API': async (name) => {
    const line = await startTlsLine(service.origin)
    try {
      const call = npmClient(line, await createAuthApiDoor(service))
      const shows = { client_supports_verified_push: 'true' }
      const { response } = await call('POST', 'preauth', { username: name, ...shows })
      return response.result === 'auth' ? phone.userId : null
    } finally {
      await line.close()
    }
  },
}

const setCase = (identifierCase: string) => service.api('PATCH', '/v1/tenant', { identifierCase })

describe('a new tenant', () => {
  test('folds', async () => {
    expect((await service.api('GET', '/v1/tenant')).json).toMatchObject({
      identifierCase: 'fold_ascii',
    })
  })

  test.each(Object.keys(ways))('finds a user by an address in any letter case: %s', async (way) => {
    for (const name of [otherwise, ` ${otherwise}\u00a0`])
      expect(await ways[way]?.(name)).toBe(phone.userId)
  })

  test('imports no user twice, and shows the identifier as first given', async () => {
    const user = { displayName: 'Ada', identifiers: [otherwise] }
    const again = await service.api('POST', '/v1/users', user)
    expect([again.status, again.json.id]).toEqual([200, phone.userId])
    expect(again.json.identifiers).toEqual([
      { namespace: 'default', value: 'Ada.Lovelace@Example.com' },
    ])
  })
})

describe('a tenant that is set to exact', () => {
  test.each(Object.keys(ways))('finds a user by the exact identifier only: %s', async (way) => {
    expect((await setCase('exact')).json).toMatchObject({ identifierCase: 'exact' })
    if (way !== 'asking at the door that waits') expect(await ways[way]?.(otherwise)).toBeNull()
    expect(await ways[way]?.('Ada.Lovelace@Example.com')).toBe(phone.userId)
  })

  test('does not fold while identifiers of different users would become one, and names them', async () => {
    const user = { displayName: 'Other Ada', identifiers: [otherwise] }
    const other = (await service.api('POST', '/v1/users', user)).json
    expect(other.id).not.toBe(phone.userId)
    const refusal = await setCase('fold_ascii')
    expect([refusal.status, refusal.json]).toMatchObject([
      409,
      {
        code: 'identifiers_collide',
        collisions: ['default: ADA.lovelace@EXAMPLE.COM, Ada.Lovelace@Example.com'],
      },
    ])
    expect((await service.api('GET', '/v1/tenant')).json).toMatchObject({ identifierCase: 'exact' })
    const { code, stderr } = await runCommand(
      ['tenants', 'change', '--identifier-case', 'fold_ascii'],
      {
        DATABASE_URL: service.database.url,
        MASTER_KEY: service.config.masterKeys.current?.toString('base64url') ?? '',
      },
    )
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('default: ADA.lovelace@EXAMPLE.COM, Ada'),
    ])
    await service.api('POST', `/v1/users/${other.id}/erase`, {})
    expect((await setCase('fold_ascii')).status).toBe(200)
    expect(await ways.asking?.(otherwise)).toBe(phone.userId)
  })

  test('is changed by admins only, and the audit record shows it', async () => {
    const { items } = (await service.api('GET', '/v1/relying-parties')).json
    const input = { relyingPartyId: items[0].id, name: 'x', scopes: ['policy:write', 'users:read'] }
    const { secret } = (await service.api('POST', '/v1/api-keys', input)).json
    const lesser = await createApi(service.origin, secret)('PATCH', '/v1/tenant', {
      identifierCase: 'exact',
    })
    expect(lesser.json.code).toBe('scope_missing')
    for (const body of [{}, { identifierCase: 'fold' }, { identifierCase: 'exact', name: 'x' }]) {
      expect((await service.api('PATCH', '/v1/tenant', body)).status).toBe(400)
    }
    const events = (await service.api('GET', '/v1/audit-events?type=tenant_changed')).json.items
    expect(events[0].details).toEqual({ identifierCase: { before: 'exact', after: 'fold_ascii' } })
    expect(events[0].actor).toMatch(/^api_key:/)
  })
})
