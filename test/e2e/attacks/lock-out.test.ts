import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeviceClient } from '../../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../../clients/device/src/keys.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { askFrom, browser, refusalOf, signIn, tally } from './attack.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

const verify = ({ userId }: Phone, body: object) =>
  service.api('POST', `/v1/users/${userId}/passcodes/verify`, body)

/**
 * All actions at the relying party's pages that are open to an outsider with the user's name and
 * password and without a phone, concurrently.
 */
async function harass(
  phone: Phone,
  user: string,
  ticket: object & { tenantId: string; origin: string },
) {
  const codes: string[] = []
  const ask = async (n: number) => {
    const creation = await askFrom(service.api, user, browser(`outsider-${n}`))
    codes.push(creation.json.code ?? creation.json.deliveryMode)
    if (creation.status === 201 && n % 2) {
      await service.api('POST', `/v1/challenges/${creation.json.id}/cancel`)
      await service.api('POST', `/v1/challenges/${creation.json.id}/resend`)
    }
  }
  const guess = async (n: number) => {
    const initiator = browser(`outsider-${n}`)
    codes.push((await verify(phone, { code: '00000000', initiator })).json.code)
  }
  const claimInput = { ...ticket, code: 'ABCDE-FGHJK', user }
  const device = {
    name: 'x',
    platform: 'ios',
    model: 'M',
    osVersion: '1',
    appVersion: '1',
  } as const
  const keys = await createDeviceKeys({ verification: false })
  const steal = async () => {
    const claim = { ticket: claimInput, keys, appId: 'com.example.app', device }
    codes.push(await refusalOf(claimEnrollment(claim)))
  }
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => [ask(n), guess(n), ...(n < 10 ? [steal()] : [])]).flat(),
  )
  return tally(codes)
}

test('no action of an outsider without the phone locks the owner out', async () => {
  const phone = await enrollPhone(service, { user: 'ada' })
  const recovery = await service.api('POST', `/v1/users/${phone.userId}/recovery-codes`, {})
  await signIn(service.api, phone, 'ada', browser('ada'))
  const { passcode } = phone.client.account
  if (!passcode) throw new Error('the phone got no secret')
  const passcodeOn = (away: number) =>
    TOTP.generate({
      ...passcode,
      secret: Secret.fromBase32(passcode.secret),
      timestamp: Date.now() + away * passcode.period * 1000,
    })
  const enrollment = await service.api('POST', '/v1/enrollments', {
    user: 'ada',
    displayName: 'ada',
  })
  const ticket = readEnrollmentUri(enrollment.json.uri)
  if (!ticket) throw new Error(`not an enrollment URI: ${enrollment.json.uri}`)

  const tallies = await harass(phone, 'ada', ticket)
  expect(tallies.too_many_pending).toBeGreaterThan(0)
  expect(tallies.passcode_wrong).toBeGreaterThan(0)
  expect(tallies.enrollment_code_invalid).toBe(10)

  const protection = await service.api('GET', `/v1/users/${phone.userId}/protection`)
  expect(protection.json).toMatchObject({
    wrongNumbersSinceSuccess: 0,
    lockedUntil: null,
    hardLockedAt: null,
    reportedUntil: null,
  })
  expect(await signIn(service.api, phone, 'ada', browser('ada'))).toBe('push')
  expect((await verify(phone, { code: passcodeOn(0), initiator: browser('ada') })).status).toBe(200)
  const [code] = recovery.json.codes
  expect((await verify(phone, { code, initiator: browser('elsewhere') })).status).toBe(200)
})

test('nor do wrong typed codes of an outsider: the QR code of the same enrollment still works', async () => {
  await enrollPhone(service, { user: 'bob' })
  const first = await service.api('POST', '/v1/enrollments', { user: 'bob', displayName: 'bob' })
  const ticket = readEnrollmentUri(first.json.uri)
  if (!ticket) throw new Error('not an enrollment URI')
  const device = {
    name: 'x',
    platform: 'ios',
    model: 'M',
    osVersion: '1',
    appVersion: '1',
  } as const
  const keys = await createDeviceKeys({ verification: true })
  const claim = { keys, appId: 'com.example.app', device }
  const wrong = { ...ticket, code: 'ABCDE-FGHJK', user: 'bob' }
  for (let n = 0; n < 6; n++) await refusalOf(claimEnrollment({ ...claim, ticket: wrong }))
  const account = await claimEnrollment({ ...claim, ticket })
  const client = new DeviceClient({ account, keys })
  const { json } = await service.api('GET', `/v1/enrollments/${first.json.id}`)
  await client.confirm(json.number)
  expect((await client.self()).status).toBe('active')
})
