import { expect, test } from 'vitest'
import { DeviceClient } from '../../clients/device/device-client.ts'
import { claimEnrolment, readEnrolmentUri } from '../../clients/device/enrolment.ts'
import { createDeviceKeys } from '../../clients/device/keys.ts'
import { enrolPhone, startTestService } from '../support/running-service.ts'

test('an old phone enrols the next one over HTTP, and is gone when the next one is confirmed', async () => {
  await using service = await startTestService()
  const old = await enrolPhone(service)
  const opened = await old.client.openEnrolment()
  expect(opened.qrSvg).toMatch(/^<svg /)
  const ticket = readEnrolmentUri(opened.uri)
  if (!ticket) throw new Error(`not an enrolment URI: ${opened.uri}`)
  const following = old.client.enrolment(opened.id, { waitSeconds: 10, after: 'open' })
  const keys = await createDeviceKeys({ verification: true })
  const device = {
    name: 'New',
    platform: 'ios',
    model: 'M',
    osVersion: '1',
    appVersion: '1',
  } as const
  const account = await claimEnrolment({ ticket, keys, appId: 'com.example.app', device })
  const { status, number } = await following
  expect(status).toBe('claimed')
  const client = new DeviceClient({ account, keys })
  await client.confirm(number ?? '')
  await expect(old.client.self()).rejects.toMatchObject({ code: 'device_unregistered' })
  expect((await client.devices()).map(({ id }) => id)).toEqual([account.deviceId])
})

test('a phone without a verification key enrols nobody', async () => {
  await using service = await startTestService()
  const phone = await enrolPhone(service, { verification: false })
  await expect(phone.client.openEnrolment()).rejects.toThrow('verification key')
})
