import { expect, test } from 'vitest'
import { DeviceClient } from '../../clients/device/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/keys.ts'
import { enrollPhone, startTestService } from '../support/running-service.ts'

test('an old phone enrolls the next one over HTTP, and is unregistered when the next one is confirmed', async () => {
  await using service = await startTestService()
  const old = await enrollPhone(service)
  const enrollment = await old.client.openEnrollment()
  expect(enrollment.qrSvg).toMatch(/^<svg /)
  const ticket = readEnrollmentUri(enrollment.uri)
  if (!ticket) throw new Error(`not an enrollment URI: ${enrollment.uri}`)
  const following = old.client.enrollment(enrollment.id, { waitSeconds: 10, after: 'open' })
  const keys = await createDeviceKeys({ verification: true })
  const device = {
    name: 'New',
    platform: 'ios',
    model: 'M',
    osVersion: '1',
    appVersion: '1',
  } as const
  const account = await claimEnrollment({ ticket, keys, appId: 'com.example.app', device })
  const { status, number } = await following
  expect(status).toBe('claimed')
  const client = new DeviceClient({ account, keys })
  await client.confirm(number ?? '')
  await expect(old.client.self()).rejects.toMatchObject({ code: 'device_unregistered' })
  expect((await client.devices()).map(({ id }) => id)).toEqual([account.deviceId])
})

test('a phone without a verification key enrolls nobody', async () => {
  await using service = await startTestService()
  const phone = await enrollPhone(service, { verification: false })
  await expect(phone.client.openEnrollment()).rejects.toThrow('verification key')
})
