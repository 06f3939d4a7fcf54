// A thief has a copy of a device's keys, and the owner replaces them.

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { rotationBody } from '../../../clients/device/src/key-rotation.ts'
import { createDeviceKey, type DeviceKey, type KeyRole } from '../../../clients/device/src/keys.ts'
import { folders, routeFacts } from '../../support/authorisation-routes.ts'
import { createScene } from '../../support/authorisation-scene.ts'
import { onServer } from '../../support/cluster.ts'
import { callAsDevice, type DeviceCall, proofFor } from '../../support/device-calls.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { askFrom, browser, tally } from './attack.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

type Path = Record<string, { readonly security?: object[] }>
const document = parse(readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8'))
const deviceRoutes = Object.entries<Path>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, { security = [] }]) => security.some((scheme) => 'deviceProof' in scheme))
    .map(([word]) => ({ method: word.toUpperCase() as DeviceCall['method'], path })),
)

const verificationOf = ({ keys }: Phone) => keys.verification ?? keys.possession
const rotationCall = { method: 'POST', path: '/device/v1/self/keys' } as const

/** The call that puts a key in the place of the one that the phone has enrolled. */
async function rotationOf({ client, keys }: Phone, role: KeyRole, key: DeviceKey) {
  const replaces = (role === 'possession' ? keys.possession : keys.verification)?.kid ?? ''
  const body = await rotationBody({ role, key, replaces }, client.account, new Date())
  return { ...rotationCall, body }
}

test('a copy of both keys gets nothing from any call of a device, nor from one that was signed before', async () => {
  const scene = createScene(service)
  const phone = await scene.phone()
  const calls = []
  for (const { method, path: template } of deviceRoutes) {
    const facts = routeFacts[`${method} ${template}`]
    const folder = /([a-z0-9-]+)\/\{/.exec(template)?.[1]
    const id = (await (facts?.object ?? folders[folder ?? '']?.of)?.(scene)) ?? ''
    const path = template.replace(/\{\w+\}/, id) + ((await facts?.query?.(scene)) ?? '')
    const body = await facts?.body?.(scene, scene.phone)
    const call: DeviceCall = { method, path, ...(body !== undefined && { body }) }
    calls.push({ call, signedBefore: await proofFor(service, phone, call) })
  }
  await phone.client.rotateKey('possession', await createDeviceKey())
  await phone.client.rotateKey('verification', await createDeviceKey())
  const outcomes = []
  for (const { call, signedBefore } of calls) {
    const replies = [
      await callAsDevice(service, phone, call, signedBefore),
      await callAsDevice(service, phone, call),
      await callAsDevice(service, phone, { ...call, key: verificationOf(phone) }),
    ]
    outcomes.push(...replies.map(({ status, json }) => `${status} ${json?.code}`))
  }
  expect(outcomes.length).toBeGreaterThan(60)
  expect(tally(outcomes)).toEqual({ '401 proof_invalid': outcomes.length })
  // The device itself is as it was.
  expect(await phone.client.self()).toMatchObject({ id: phone.deviceId, mayAnswer: true })
})

test('a thief with the possession key alone cannot replace a key, nor pose as the new one', async () => {
  const phone = await enrollPhone(service, { user: 'bob' })
  const key = await createDeviceKey()
  const call = await rotationOf(phone, 'possession', key)
  expect((await callAsDevice(service, phone, call)).json.code).toBe('proof_key_not_allowed')
  // The new key has no rights before the call that brings it.
  expect((await callAsDevice(service, phone, { ...call, key })).json.code).toBe('proof_invalid')
  const mallory = await enrollPhone(service, { user: 'mallory' })
  const transplant = await rotationOf(phone, 'possession', key)
  const byMallory = { ...transplant, key: verificationOf(mallory) }
  expect((await callAsDevice(service, mallory, byMallory)).json).toMatchObject({
    code: 'proof_invalid',
    claim: 'did',
  })
})

test('of many rotations at the same time one wins in each role, and the others cost nothing', async () => {
  const phone = await enrollPhone(service, { user: 'carol' })
  const roles = ['possession', 'verification'] as const
  const attempt = async (n: number) => {
    const call = await rotationOf(phone, roles[n % 2] ?? 'possession', await createDeviceKey())
    const { json } = await callAsDevice(service, phone, { ...call, key: verificationOf(phone) })
    return json.code ?? 'done'
  }
  const { done = 0 } = tally(await Promise.all(Array.from({ length: 24 }, (_, n) => attempt(n))))
  expect(done).toBeGreaterThanOrEqual(1)
  expect(done).toBeLessThanOrEqual(2)
  const { rows } = await onServer(service.database.url, (client) =>
    client.query('select role from replaced_device_keys where device_id = $1', [phone.deviceId]),
  )
  expect(rows).toHaveLength(done)
})

test('a sign-in that the thief answers while the owner replaces the key ends once, by one of them', async () => {
  const phone = await enrollPhone(service, { user: 'dora' })
  const { json } = await askFrom(service.api, 'dora', browser('dora'))
  const { requests } = await phone.client.pending()
  const request = requests.find(({ challengeId }) => challengeId === json.id)
  if (!request) throw new Error('the phone is not asked')
  const rotation = await rotationOf(phone, 'verification', await createDeviceKey())
  const [answer, replacement] = await Promise.allSettled([
    phone.client.approve(request, json.number),
    callAsDevice(service, phone, { ...rotation, key: verificationOf(phone) }),
  ])
  expect(replacement).toMatchObject({ status: 'fulfilled', value: { status: 200 } })
  const { json: after } = await service.api('GET', `/v1/challenges/${json.id}`)
  expect(after.status).toBe(answer.status === 'fulfilled' ? 'approved' : 'pending')
})
