// What a phone decides for its user and its companions, against the real service.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeviceClient } from '../../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../../clients/device/src/keys.ts'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

test('a phone chooses how its user is notified, and what it leaves out returns to its default', async () => {
  const { client } = await enrollPhone(service, { user: 'notified' })
  const usual = await client.notificationPreferences()
  const preferences = await client.setNotificationPreferences({ devices: 'in_app', sign_in: 'off' })
  expect(preferences).toEqual({ ...usual, devices: 'in_app', sign_in: 'off' })
  expect(await client.notificationPreferences()).toEqual(preferences)
  expect(await client.setNotificationPreferences({})).toEqual(usual)
})

test('a phone without a verification key cannot choose how its user is notified', async () => {
  const { client } = await enrollPhone(service, { user: 'keyless', verification: false })
  await expect(client.setNotificationPreferences({ devices: 'in_app' })).rejects.toThrow(
    'verification key',
  )
})

test('a phone has a test push sent to itself, and sees what became of its pushes', async () => {
  const phone = await enrollPhone(service, { user: 'doctor' })
  expect(await phone.client.pushes()).toMatchObject({ items: [], advice: [] })
  const { id } = await phone.client.testPush()
  await until('the test push arrives', () => phone.pushes[0])
  await phone.client.reportTestPush(id)
  const report = await until('it is settled', async () => {
    const { items, advice } = await phone.client.pushes()
    return items[0]?.status === 'sent' && { items, advice }
  })
  expect(report).toMatchObject({
    items: [{ id, kind: 'test', failure: null, receivedAt: expect.any(String) }],
    advice: [],
  })
  await expect(phone.client.testPush()).rejects.toMatchObject({ code: 'test_push_too_soon' })
})

test('a phone enrolls a watch as its companion, which ends with it', async () => {
  const phone = await enrollPhone(service, { user: 'wearer' })
  const { id, uri } = await phone.client.openEnrollment({ companion: true })
  const ticket = readEnrollmentUri(uri)
  if (!ticket) throw new Error(uri)
  const keys = await createDeviceKeys({ verification: false })
  const description = { model: 'Watch', osVersion: '1', appVersion: '1.0.0' }
  const device = { name: 'Watch', platform: 'other', ...description } as const
  const account = await claimEnrollment({ ticket, keys, appId: 'com.example.watch', device })
  const watch = new DeviceClient({ account, keys })
  await watch.confirm((await phone.client.enrollment(id)).number ?? '')
  expect(await watch.self()).toMatchObject({ status: 'active', parentDeviceId: phone.deviceId })
  expect(await phone.client.self()).toMatchObject({ status: 'active', parentDeviceId: null })
  await phone.client.unregister()
  await expect(watch.self()).rejects.toMatchObject({ code: 'device_unregistered' })
})

test('a phone says what its person reads, and hears refusals in that language', async () => {
  const { client } = await enrollPhone(service, { user: 'reader', language: 'nl-BE' })
  expect(await client.self()).toMatchObject({ language: 'nl-BE' })
  await expect(client.reportReceipt('chl_none')).rejects.toMatchObject({
    code: 'not_found',
    title: 'Hier is niets.',
    message: expect.stringMatching(/^Check the path/),
  })
  expect(await client.updateSelf({ language: 'tlh' })).toMatchObject({ language: 'tlh' })
  await expect(client.updateSelf({ language: 'nl_NL' })).rejects.toMatchObject({
    code: 'invalid_request',
  })
})

test('a phone that says nothing of a language has none, and hears refusals in English', async () => {
  const { client } = await enrollPhone(service, { user: 'quiet' })
  expect(await client.self()).toMatchObject({ language: null })
  await expect(client.reportReceipt('chl_none')).rejects.toMatchObject({
    title: 'There is nothing here.',
  })
})
