import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeviceClient } from '../../../clients/device/src/device-client.ts'
import {
  claimEnrollment,
  type EnrollmentTicket,
  readEnrollmentUri,
} from '../../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../../clients/device/src/keys.ts'
import { policyRules } from '../../../src/domain/policy-rules.ts'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { askFrom, browser, refusalOf, tally } from './attack.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

async function open(user: string) {
  const opening = await service.api('POST', '/v1/enrollments', { user, displayName: user })
  const ticket = readEnrollmentUri(opening.json.uri)
  if (!ticket) throw new Error(`not an enrollment URI: ${opening.json.uri}`)
  return { id: opening.json.id as string, code: opening.json.code as string, ticket }
}

const enrollment = async (id: string) => (await service.api('GET', `/v1/enrollments/${id}`)).json

async function claim(ticket: EnrollmentTicket, name: string): Promise<DeviceClient> {
  const keys = await createDeviceKeys({ verification: true })
  const device = { name, platform: 'ios', model: 'M', osVersion: '1', appVersion: '1' } as const
  const account = await claimEnrollment({ ticket, keys, appId: 'com.example.app', device })
  return new DeviceClient({ account, keys })
}

const otherThan = (number: string) => `${(Number(number[0]) + 1) % 10}${number.slice(1)}`

test('a stolen code enrolls nobody: three wrong numbers void it, no prompt to the thief, a notice', async () => {
  const owner = await enrollPhone(service, { user: 'ada' })
  const { id, ticket } = await open('ada')
  const thief = await claim(ticket, 'of the thief')
  expect(await refusalOf(claim(ticket, 'of the owner'))).toBe('enrollment_not_open')
  expect(await refusalOf(thief.pending())).toBe('device_not_active')
  const creation = await askFrom(service.api, 'ada', browser('ada'))
  const { json } = await service.api('GET', `/v1/challenges/${creation.json.id}`)
  expect(json.devices.map((one: { deviceId: string }) => one.deviceId)).toEqual([owner.deviceId])

  const { number } = await enrollment(id)
  const wrong = otherThan(number)
  const attempts: string[] = []
  for (let n = 0; n < 4; n++) attempts.push(await refusalOf(thief.confirm(wrong)))
  expect(attempts.slice(0, 3)).toEqual(['wrong_number', 'wrong_number', 'wrong_number'])
  expect(await enrollment(id)).toMatchObject({ status: 'void' })
  expect(await refusalOf(thief.confirm(number))).toBe('device_unregistered')
  expect(await refusalOf(thief.pending())).toBe('device_unregistered')
  expect((await owner.client.devices()).map(({ id: device }) => device)).toEqual([owner.deviceId])
  const { items } = await owner.client.activities({ limit: 50 })
  const types = items.map(({ type }) => type)
  expect(types).toEqual(expect.arrayContaining(['enrollment_claimed', 'enrollment_void']))
})

test('a hundred concurrent thieves get one claim of a stolen code, and three guesses of its number', async () => {
  const { id, ticket } = await open('bob')
  const claims = await Promise.allSettled(
    Array.from({ length: 100 }, (_, n) => claim(ticket, `thief ${n}`)),
  )
  const registrations = claims.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect(registrations).toHaveLength(1)
  const [thief] = registrations
  if (!thief) throw new Error('one claim was made')
  const { number } = await enrollment(id)
  const guess = () => refusalOf(thief.confirm(otherThan(number)))
  const guesses = await Promise.all(Array.from({ length: 50 }, guess))
  while (['wrong_number', 'conflict'].includes(guesses.at(-1) ?? '')) guesses.push(await guess())
  for (let n = 0; n < 3; n++) guesses.push(await guess())
  expect(tally(guesses)).toMatchObject({ wrong_number: 3 })
  expect(guesses).not.toContain('done')
  expect(await enrollment(id)).toMatchObject({ status: 'void' })
})

test('guessing a typed code ends at the fifth, concurrently too; then only the QR code works', async () => {
  const { id, code, ticket } = await open('cleo')
  const typedForm = (text: string) => ({ ...ticket, code: text, user: 'cleo' })
  // Crockford's alphabet; all of these differ, and none is the code.
  const wrong = () =>
    Array.from(randomBytes(10), (byte) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[byte % 32]).join('')
  const guesses = await Promise.all(
    Array.from({ length: 50 }, () => refusalOf(claim(typedForm(wrong()), 'of the thief'))),
  )
  expect(tally(guesses)).toEqual({ enrollment_code_invalid: 50 })
  expect(await enrollment(id)).toMatchObject({ status: 'open' })
  expect(policyRules.enrollmentCodeTriesMax.default).toBe(5)
  expect(await refusalOf(claim(typedForm(code), 'of the owner'))).toBe('enrollment_code_invalid')
  expect(await refusalOf(claim(ticket, 'of the owner'))).toBe('done')

  const again = await open('cleo')
  for (let n = 0; n < 4; n++) await refusalOf(claim({ ...typedForm(wrong()) }, 'of the thief'))
  expect(await enrollment(again.id)).toMatchObject({ status: 'open' })
  expect(await refusalOf(claim(typedForm(again.code), 'of the owner'))).toBe('done')
})
