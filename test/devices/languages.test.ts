// The language of a device and of a user: who sets it, what is stored, and when it is forgotten.

import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { changeUser } from '../../src/devices/change-user.ts'
import { readSelf, updateSelf } from '../../src/devices/own-devices.ts'
import type { UserId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { eraseUser } from '../../src/personal-data/personal-data.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { findUser } from '../../src/users/find-user.ts'
import { importUser } from '../../src/users/import-user.ts'
import { anApp, anId, bearer } from '../platform/http/fixtures.ts'
import {
  aClaimCommand,
  aPhone,
  aPrincipal,
  aProof,
  granted,
  openWorld,
  scannedCode,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
})
afterAll(() => world.close())

async function claimWith(language?: string) {
  const user = { user: 'alice', displayName: 'Alice' }
  const { uri } = await granted(openEnrollment(world, principal, user))
  const { command } = await aClaimCommand(world, principal.tenantId, scannedCode(uri))
  const device = { ...command.device, ...(language !== undefined && { language }) }
  return granted(claimEnrollment(world, { ...command, device }))
}

describe('a device', () => {
  test('has the language that it claimed with, known to the service or not, or none', async () => {
    for (const language of ['nl-BE', 'tlh']) {
      expect((await claimWith(language)).device).toMatchObject({ language })
    }
    expect((await claimWith()).device).toMatchObject({ language: null })
  })

  test('says another later, and keeps it through changes of other kinds', async () => {
    const phone = await aPhone(world, principal)
    const update = async (changes: Parameters<typeof updateSelf>[2]) =>
      granted(updateSelf(world, await aProof(world, phone), changes))
    expect(await update({ language: 'nl' })).toMatchObject({ language: 'nl', name: 'Phone' })
    expect(await update({ appVersion: '2' })).toMatchObject({ language: 'nl', appVersion: '2' })
    expect(await granted(readSelf(world, await aProof(world, phone)))).toMatchObject({
      language: 'nl',
    })
  })
})

describe('a user', () => {
  const importAda = (language?: string) =>
    granted(
      importUser(world, principal, {
        displayName: 'Ada',
        identifiers: ['ada'],
        ...(language !== undefined && { language }),
      }),
    )
  const auditOf = (subject: UserId) => {
    const filter = { subject, type: 'user_changed' }
    return world.audit.list(principal.tenantId, filter, { limit: 10, before: null })
  }

  test('is imported with a language, which a second import leaves as it is', async () => {
    expect(await importAda('nl')).toMatchObject({ isNew: true, user: { language: 'nl' } })
    expect(await importAda('en')).toMatchObject({ isNew: false, user: { language: 'nl' } })
  })

  test('gets another from an admin, or none, on the record once for each change', async () => {
    const { user } = await importAda()
    expect(user.language).toBeNull()
    const change = (language: string | null) =>
      granted(changeUser(world, principal, user.id, { language }))
    expect(await change('nl')).toMatchObject({ language: 'nl', status: 'active' })
    expect(await change('nl')).toMatchObject({ language: 'nl' })
    expect(await change(null)).toMatchObject({ language: null })
    expect(await auditOf(user.id)).toMatchObject([
      { details: { language: null }, actor: `api_key:${principal.keyId}` },
      { details: { language: 'nl' } },
    ])
  })

  test('can be given a language and a status by one call', async () => {
    const { user } = await importAda()
    const changes = { language: 'nl', status: 'suspended' } as const
    expect(await granted(changeUser(world, principal, user.id, changes))).toMatchObject(changes)
    expect(await granted(findUser(world, principal, 'ada'))).toMatchObject(changes)
  })

  test('of others cannot be changed: there is no such user', async () => {
    const { user } = await importAda()
    const other = await aPrincipal(world, ['other'], principal.tenantId)
    const refusal = { refused: 'not_found' }
    expect(await changeUser(world, other, user.id, { language: 'nl' })).toEqual(refusal)
    expect(await changeUser(world, await aPrincipal(world), user.id, { language: 'nl' })).toEqual(
      refusal,
    )
    expect(await auditOf(user.id)).toEqual([])
  })

  test('is without a language once erased, and gets none any more', async () => {
    const phone = await aPhone(world, principal)
    await granted(updateSelf(world, await aProof(world, phone), { language: 'nl' }))
    const { tenantId, userId } = phone
    await granted(changeUser(world, principal, userId, { language: 'nl' }))
    await granted(eraseUser(world, principal, userId))
    const languages = await world.database.query(
      'languages_left',
      `select language from users where tenant_id = $1 and id = $2
       union all select language from devices where tenant_id = $1 and user_id = $2`,
      [tenantId, userId],
    )
    expect(languages).toEqual([{ language: null }, { language: null }])
    expect(await world.users.changeLanguage(tenantId, userId, 'nl', 'operator')).toBeNull()
  })
})

describe('a language over HTTP', () => {
  async function callWith(useCases: Partial<UseCases>, method: 'POST' | 'PATCH', payload: object) {
    const app = await anApp(useCases)
    onTestFinished(() => app.close())
    const url = method === 'POST' ? '/v1/users' : `/v1/users/${anId('user')}`
    return app.inject({ method, url, headers: bearer, payload })
  }
  const body = { displayName: 'Ada', identifiers: ['ada'] }

  test('is stored in one spelling', async () => {
    const languages: unknown[] = []
    const importUser: UseCases['importUser'] = async (_principal, { language }) => {
      languages.push(language)
      throw new Error('no more is asked')
    }
    await callWith({ importUser }, 'POST', { ...body, language: 'NL-be' })
    await callWith({ importUser }, 'POST', { ...body, language: 'zh-hant-tw' })
    expect(languages).toEqual(['nl-BE', 'zh-Hant-TW'])
  })

  test.each(['', 'nl_NL', 'nl-', 'x'.repeat(9), 'nl,en', `en-${'a1b2c3d-'.repeat(9)}a`, 7, null])(
    'is refused where it is malformed: %j',
    async (language) => {
      for (const [method, payload] of [
        ['POST', { ...body, language }],
        ['PATCH', { language: language ?? 'nl NL' }],
      ] as const) {
        const answer = await callWith({}, method, payload)
        expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request'])
        expect(answer.json().errors[0].path).toBe('/language')
      }
    },
  )
})
