import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDeviceKey } from '../../clients/device/src/keys.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

async function approveWith({ client }: Awaited<ReturnType<typeof enrollPhone>>, user: string) {
  const binding = randomBytes(32).toString('base64url')
  const challenge = await service.api('POST', '/v1/challenges', { user, binding })
  const { requests } = await client.pending()
  const request = requests.find(({ challengeId }) => challengeId === challenge.json.id)
  if (!request) throw new Error('the phone has no such request')
  expect(await client.approve(request, challenge.json.number)).toEqual({ status: 'approved' })
  return (await service.api('GET', `/v1/challenges/${challenge.json.id}/evidence`)).json
}

test('an app rotates both keys, and approves with the new ones', async () => {
  const phone = await enrollPhone(service, { user: 'ada' })
  const before = await approveWith(phone, 'ada')
  const [possession, verification] = [await createDeviceKey(), await createDeviceKey()]
  expect(await phone.client.rotateKey('possession', possession)).toEqual({
    ...phone.keys,
    possession,
  })
  await phone.client.rotateKey('verification', verification)
  expect(phone.client.keys).toEqual({ possession, verification })
  const after = await approveWith(phone, 'ada')
  expect([before.deviceKey.kid, after.deviceKey.kid]).toEqual([
    phone.keys.verification?.kid,
    verification.kid,
  ])
})

test('an app whose reply was lost makes the same rotation again, and it takes effect once', async () => {
  let isLost = false
  const fetchOrLose: typeof fetch = async (...request) => {
    const response = await fetch(...request)
    if (isLost) throw new TypeError('the connection is gone')
    return response
  }
  const phone = await enrollPhone(service, { user: 'bob', fetch: fetchOrLose })
  for (const role of ['verification', 'possession'] as const) {
    const key = await createDeviceKey()
    isLost = true
    await expect(phone.client.rotateKey(role, key)).rejects.toMatchObject({ code: 'unreachable' })
    isLost = false
    expect((await phone.client.rotateKey(role, key))[role]).toBe(key)
  }
  await approveWith(phone, 'bob')
  const { items } = await phone.client.activities()
  expect(items.filter(({ type }) => type === 'device_key_rotated')).toHaveLength(2)
})

test('an app without a verification key cannot rotate, and says so before it calls', async () => {
  const { client } = await enrollPhone(service, { user: 'carol', verification: false })
  await expect(client.rotateKey('possession', await createDeviceKey())).rejects.toThrow(
    'verification key',
  )
})
