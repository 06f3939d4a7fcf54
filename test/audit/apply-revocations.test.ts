import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { applyRevocations } from '../../src/audit/apply-revocations.ts'
import { readDevice } from '../../src/devices/read-devices.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { type Revocation, revocationLine } from '../../src/domain/revocation.ts'
import { plainMapping } from '../../src/domain/user-name.ts'
import { findUser } from '../../src/users/find-user.ts'
import { aPhone, aPrincipal, granted, openWorld, type Phone, type World } from '../support/world.ts'

let world: World
let rp: Principal
let phone: Phone

beforeAll(async () => {
  world = await openWorld()
  rp = await aPrincipal(world)
})
beforeEach(async () => {
  phone = await aPhone(world, rp, { user: `user-${Math.random()}` })
})
afterAll(() => world.close())

type Kind = Extract<Revocation['revocation'], `device_${string}` | `user_${string}`>

/** A line about the phone, this many seconds after the first. */
function line(revocation: Kind, second: number): string {
  const { tenantId, userId, id: deviceId } = phone
  const at = new Date(Date.UTC(2026, 0, 1, 0, 0, second))
  return revocationLine({
    revocation,
    tenantId,
    userId,
    deviceId,
    at,
    reason: 'lost',
    kid: phone.keys.verification?.kid,
  } as Revocation)
}
async function* each(lines: readonly (string | null)[]) {
  yield* lines
}
const apply = (...lines: (string | null)[]) => applyRevocations(world, each(lines))
const status = async () => (await granted(readDevice(world, rp, phone.id))).status

test('a line too long to be read is ignored, and does not stop others from being applied', async () => {
  const counts = await apply(null, line('device_unregistered', 1), null, '')
  expect(counts).toEqual({ applied: 1, already: 0, unknown: 0, unreadable: 2 })
  expect(await status()).toBe('unregistered')
})

test('the latest line counts, in any order in which the lines of several processes arrive', async () => {
  await apply(line('device_activated', 2), line('device_suspended', 1))
  expect(await status()).toBe('active')
  await apply(line('device_suspended', 3), line('device_activated', 2))
  expect(await status()).toBe('suspended')
})

test('no line restores a right: a suspended device is activated only by an explicit request', async () => {
  await apply(line('device_suspended', 1))
  expect(await apply(line('device_suspended', 1), line('device_activated', 2))).toEqual({
    applied: 0,
    already: 0,
    unknown: 0,
    unreadable: 0,
  })
  expect(await status()).toBe('suspended')
})

test('an end is final, whatever the times of later lines', async () => {
  await apply(line('device_unregistered', 1), line('device_activated', 2), '', ' ')
  expect(await status()).toBe('unregistered')
  expect(await apply(line('device_unregistered', 1), line('device_suspended', 3))).toMatchObject({
    applied: 0,
    already: 1,
  })
})

test('an unregistered device keeps the reason of its line', async () => {
  expect(await apply(line('device_unregistered', 1))).toMatchObject({ applied: 1 })
  expect(await readDevice(world, rp, phone.id)).toMatchObject({ unregisterReason: 'lost' })
})

test('a device that has the key which it had replaced is unregistered: it has no other', async () => {
  const before = line('device_key_replaced', 1)
  expect(await apply(before.replace(/"kid":"..../, '"kid":"AAAA'))).toMatchObject({ already: 1 })
  expect(await status()).toBe('active')
  expect(await apply(before)).toMatchObject({ applied: 1 })
  expect(await status()).toBe('unregistered')
  expect(await apply(before)).toMatchObject({ applied: 0, already: 1 })
  const { tenantId } = await aPrincipal(world)
  const foreign = before.replace(phone.tenantId, tenantId)
  expect(await apply(foreign)).toMatchObject({ unknown: 1 })
})

test('a line under the name of another tenant changes nothing', async () => {
  const other = await aPrincipal(world)
  const foreign = line('device_unregistered', 1).replace(phone.tenantId, other.tenantId)
  expect(await apply(foreign)).toMatchObject({ applied: 0, unknown: 1 })
  expect(await status()).toBe('active')
})

test('a user is suspended again unless a later line reversed it; no line ends a suspension', async () => {
  const userStatus = async () => (await granted(findUser(world, rp, { id: phone.userId }))).status
  await apply(line('user_suspended', 1), line('user_activated', 2))
  expect(await userStatus()).toBe('active')
  expect(await apply(line('user_suspended', 3), line('user_activated', 2))).toMatchObject({
    applied: 1,
  })
  expect(await userStatus()).toBe('suspended')
  expect(await apply(line('user_suspended', 3))).toMatchObject({ already: 1 })
  expect(await apply(line('user_activated', 4))).toMatchObject({ applied: 0 })
  expect(await userStatus()).toBe('suspended')
  const foreign = line('user_suspended', 1).replace(
    phone.tenantId,
    (await aPrincipal(world)).tenantId,
  )
  expect(await apply(foreign)).toMatchObject({ unknown: 1 })
})

describe('an integration', () => {
  const endsAt = new Date(Date.now() + 3_600_000)

  /** A door with two live credentials, as lines name them. */
  async function aDoor() {
    const { tenantId, rpId } = rp
    const integrationId = world.random.id('integration')
    const credential = () => ({
      id: world.random.id('integrationCredential'),
      expiresAt: null,
      secretHash: randomBytes(32),
    })
    const [first, second] = [credential(), credential()]
    const plan = {
      name: 'VPN',
      settings: { kind: 'wait' },
      numberMode: 'caller',
      namespace: 'default',
      userNames: plainMapping,
      allowedAddresses: [],
      policy: {},
      ttlSeconds: null,
      status: 'active',
    } as const
    const integration = { ...plan, tenantId, id: integrationId, rpId, integrationKey: null }
    await world.integrations.create(integration, first, 'operator')
    const rotation = { tenantId, id: integrationId, overlapSeconds: 86_400 }
    await world.integrations.rotate(rotation, second, 'operator')
    const about = { tenantId, integrationId, at: new Date() }
    const credentialEnd = {
      revocation: 'integration_credential_ended',
      ...about,
      credentialId: first.id,
    } as const
    return {
      about,
      credentialEnd,
      second: second.id,
      find: () => world.integrations.find(tenantId, integrationId),
      ends: async () => {
        const integration = await world.integrations.findStored({ id: integrationId })
        return integration?.credentials.map(({ id, expiresAt }) => [id, expiresAt])
      },
    }
  }

  test('is removed again, regardless of other lines about it', async () => {
    const { about, find } = await aDoor()
    const removal = revocationLine({ revocation: 'integration_removed', ...about })
    const later = { ...about, at: new Date(about.at.getTime() + 1) }
    const activation = revocationLine({ revocation: 'integration_activated', ...later })
    expect(await apply(removal, activation)).toMatchObject({ applied: 1 })
    expect(await find()).toBeNull()
    expect(await apply(removal)).toMatchObject({ applied: 0, unknown: 1 })
  })

  test('is paused again once, in every process, and a line that ends a pause activates nothing', async () => {
    const { about, find } = await aDoor()
    const pause = revocationLine({ revocation: 'integration_paused', ...about })
    world.publishedKeys.length = 0
    expect(await apply(pause)).toMatchObject({ applied: 1 })
    expect(world.publishedKeys).toEqual([`revoked:${about.integrationId}`])
    expect(await find()).toMatchObject({ status: 'paused' })
    expect(await apply(pause)).toMatchObject({ applied: 0, already: 1 })
    const later = { ...about, at: new Date(about.at.getTime() + 1) }
    const activation = revocationLine({ revocation: 'integration_activated', ...later })
    expect(await apply(pause, activation)).toMatchObject({ applied: 0, already: 0 })
    expect(await find()).toMatchObject({ status: 'paused' })
  })

  test('loses a credential at the time of its line, never later, and no other', async () => {
    const { credentialEnd, second, ends } = await aDoor()
    world.publishedKeys.length = 0
    expect(await apply(revocationLine({ ...credentialEnd, endsAt }))).toMatchObject({ applied: 1 })
    expect(world.publishedKeys).toEqual([`revoked:${credentialEnd.integrationId}`])
    const expirations = [
      [credentialEnd.credentialId, endsAt],
      [second, null],
    ]
    expect(await ends()).toEqual(expirations)
    const laterEnd = { ...credentialEnd, endsAt: new Date(endsAt.getTime() + 1) }
    expect(await apply(revocationLine(laterEnd))).toMatchObject({ already: 1 })
    expect(await ends()).toEqual(expirations)
    expect(
      await apply(revocationLine({ ...credentialEnd, endsAt: credentialEnd.at })),
    ).toMatchObject({
      applied: 1,
    })
    expect(await ends()).toEqual([[second, null]])
  })

  test('whose credential ends by a rotation logs lines that change nothing in the original database', async () => {
    const { about } = await aDoor()
    const rotation = { tenantId: about.tenantId, id: about.integrationId, overlapSeconds: 60 }
    const secret = { expiresAt: null, secretHash: randomBytes(32) }
    await world.integrations.rotate(
      { ...rotation, overlapSeconds: 0 },
      { id: world.random.id('integrationCredential'), ...secret },
      'operator',
    )
    const rotationResult = await world.integrations.rotate(
      rotation,
      { id: world.random.id('integrationCredential'), ...secret },
      'operator',
    )
    if (!rotationResult || !('endedCredentials' in rotationResult))
      throw new Error('one credential may be rotated')
    const lines = rotationResult.endedCredentials.map(({ id, endsAt: end }) =>
      revocationLine({
        revocation: 'integration_credential_ended',
        ...about,
        credentialId: id,
        endsAt: end,
      }),
    )
    expect(await apply(...lines)).toMatchObject({ applied: 0, already: 1 })
  })

  test('of another tenant is not changed', async () => {
    const { about, credentialEnd, find, ends } = await aDoor()
    const { tenantId } = await aPrincipal(world)
    const foreign = [
      { revocation: 'integration_removed', ...about, tenantId },
      { ...credentialEnd, endsAt, tenantId },
    ] as const
    expect(await apply(...foreign.map(revocationLine))).toMatchObject({ applied: 0, unknown: 2 })
    expect(await find()).toMatchObject({ status: 'active' })
    expect(await ends()).toHaveLength(2)
  })
})

describe('a webhook endpoint', () => {
  async function anEndpoint() {
    const { tenantId, rpId } = rp
    const key = { tenantId, rpId, id: world.random.id('webhookEndpoint') }
    const settings = { url: 'https://rp.example/', description: '', events: ['*'] as const }
    const secretSealed = randomBytes(60)
    await world.webhookEndpoints.create({ ...key, ...settings, secretSealed }, 20, 'operator')
    const about = { tenantId, rpId, endpointId: key.id, at: new Date() }
    return { about, find: () => world.webhookEndpoints.find(key) }
  }

  test('is paused again, unless a later line reversed it', async () => {
    const { about, find } = await anEndpoint()
    const later = { ...about, at: new Date(about.at.getTime() + 1) }
    const pause = revocationLine({ revocation: 'webhook_endpoint_paused', ...about })
    await apply(pause, revocationLine({ revocation: 'webhook_endpoint_activated', ...later }))
    expect(await find()).toMatchObject({ status: 'active' })
    expect(await apply(pause)).toMatchObject({ applied: 1 })
    expect(await find()).toMatchObject({ status: 'paused', statusReason: 'relying_party' })
    expect(await apply(pause)).toMatchObject({ applied: 0, already: 1 })
  })

  test('is removed again, and another tenant’s is not', async () => {
    const { about, find } = await anEndpoint()
    const removal = revocationLine({ revocation: 'webhook_endpoint_removed', ...about })
    const other = await aPrincipal(world)
    const foreign = removal.replace(about.tenantId, other.tenantId)
    expect(await apply(foreign)).toMatchObject({ unknown: 1 })
    expect(await find()).not.toBeNull()
    expect(await apply(removal)).toMatchObject({ applied: 1 })
    expect(await find()).toBeNull()
    expect(await apply(removal)).toMatchObject({ applied: 0, unknown: 1 })
  })
})
