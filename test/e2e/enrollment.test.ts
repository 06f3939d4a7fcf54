import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import { onServer } from '../support/cluster.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

describe('enrollment', () => {
  const device = {
    name: 'n',
    platform: 'web',
    model: 'm',
    osVersion: '1',
    appVersion: '1',
  } as const

  async function claim(uri: string, user?: { code: string; name: string }) {
    const scannedTicket = readEnrollmentUri(uri)
    if (!scannedTicket) throw new Error(uri)
    const typedCode = user && { code: user.code, user: user.name }
    const ticket = { ...scannedTicket, ...typedCode }
    const keys = await createDeviceKeys({ verification: true })
    const account = await claimEnrollment({ ticket, keys, appId: 'app', device })
    return new DeviceClient({ account, keys })
  }

  test('is polled by its page from open to claimed, with the number to show, to completed', async () => {
    const opening = await service.api('POST', '/v1/enrollments', {
      user: 'eve',
      displayName: 'Eve',
    })
    expect(opening.json.qrSvg).toContain('<svg')
    const path = `/v1/enrollments/${opening.json.id}`
    const claiming = service.api('GET', `${path}?wait=30`)
    const phone = await claim(opening.json.uri)
    const claims = await claiming
    expect(claims.json).toMatchObject({
      status: 'claimed',
      number: expect.stringMatching(/^\d{6}$/),
    })
    expect((await service.api('POST', '/v1/challenges', { user: 'eve' })).json.code).toBe(
      'no_capable_device',
    )
    const completing = service.api('GET', `${path}?wait=30&after=claimed`)
    await phone.confirm(claims.json.number)
    expect((await completing).json).toMatchObject({ status: 'completed' })
    expect((await completing).json.number).toBeUndefined()
  })

  test('claimed between two calls of its page is answered immediately with the number', async () => {
    const opening = await service.api('POST', '/v1/enrollments', {
      user: 'gap',
      displayName: 'Gap',
    })
    await claim(opening.json.uri)
    const path = `/v1/enrollments/${opening.json.id}?wait=30&after=open`
    const { json } = await service.api('GET', path)
    expect(json).toMatchObject({ status: 'claimed', number: expect.any(String) })
  })

  test('by a typed code requires the user name too', async () => {
    const opening = await service.api('POST', '/v1/enrollments', {
      user: 'tim',
      displayName: 'Tim',
    })
    const { code, uri } = opening.json
    await expect(claim(uri, { code, name: 'eve' })).rejects.toMatchObject({
      code: 'enrollment_code_invalid',
    })
    await claim(uri, { code: code.toLowerCase(), name: 'tim' })
  })

  test('of 100 concurrent claims of one code creates one device', async () => {
    const opening = await service.api('POST', '/v1/enrollments', {
      user: 'one',
      displayName: 'One',
    })
    const claims = await Promise.allSettled(
      Array.from({ length: 100 }, () => claim(opening.json.uri)),
    )
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const { json } = await service.api('GET', `/v1/users/${opening.json.userId}/devices`)
    expect(json.items).toHaveLength(1)
  })

  test('a used, cancelled or expired code enrolls nobody', async () => {
    const open = () => service.api('POST', '/v1/enrollments', { user: 'used', displayName: 'Used' })
    const used = await open()
    await claim(used.json.uri)
    await expect(claim(used.json.uri)).rejects.toMatchObject({ code: 'enrollment_not_open' })
    const cancelledEnrollment = await open()
    await service.api('POST', `/v1/enrollments/${cancelledEnrollment.json.id}/cancel`)
    await expect(claim(cancelledEnrollment.json.uri)).rejects.toMatchObject({
      code: 'enrollment_not_open',
    })
    const late = await open()
    await onServer(service.database.url, (client) =>
      client.query('update enrollments set expires_at = clock_timestamp() where id = $1', [
        late.json.id,
      ]),
    )
    await expect(claim(late.json.uri)).rejects.toMatchObject({ code: 'enrollment_expired' })
    const { json } = await service.api('GET', `/v1/enrollments/${late.json.id}`)
    expect(json.status).toBe('expired')
  })

  test('with three wrong numbers is void, and its device worth nothing', async () => {
    const opening = await service.api('POST', '/v1/enrollments', { user: 'void', displayName: 'V' })
    const thief = await claim(opening.json.uri)
    const { json } = await service.api('GET', `/v1/enrollments/${opening.json.id}`)
    const wrong = json.number === '000000' ? '000001' : '000000'
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(thief.confirm(wrong)).rejects.toMatchObject({ code: 'wrong_number' })
    }
    await expect(thief.confirm(json.number)).rejects.toMatchObject({ code: 'device_unregistered' })
    const endedEnrollment = await service.api('GET', `/v1/enrollments/${opening.json.id}`)
    expect(endedEnrollment.json).toMatchObject({ status: 'void', reason: 'number_tries_used_up' })
  })

  test('that replaces a device unregisters it when the new one is confirmed', async () => {
    const old = await enrollPhone(service, { user: 'moves' })
    const opening = await service.api('POST', `/v1/users/${old.userId}/enrollments`, {
      replacesDeviceId: old.deviceId,
    })
    const next = await claim(opening.json.uri)
    expect((await service.api('GET', `/v1/devices/${old.deviceId}`)).json.status).toBe('active')
    const { json } = await service.api('GET', `/v1/enrollments/${opening.json.id}`)
    await next.confirm(json.number)
    expect((await service.api('GET', `/v1/devices/${old.deviceId}`)).json).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'replaced',
    })
  })
})

test('an old phone enrolls the next one over HTTP, and is unregistered when the next one is confirmed', async () => {
  const old = await enrollPhone(service, { user: 'next' })
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
  const phone = await enrollPhone(service, { verification: false })
  await expect(phone.client.openEnrollment()).rejects.toThrow('verification key')
})
