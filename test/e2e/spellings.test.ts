// Names, texts and codes as keyboards of all scripts and word processors produce them, through the
// whole service and a device.

import { decodeJwt } from 'jose'
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { claimEnrollment, readEnrollmentUri } from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import { createAuthApiDoor, npmClient, questionTo, startTlsLine } from '../support/auth-api.ts'
import { callAsDevice, freshJti, seconds, sign } from '../support/device-calls.ts'
import { createWaitDoor } from '../support/doors.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

/** Digits of another script, with the separators of word processors and phones. */
const arabic = (digits: string) =>
  [...digits].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join('')
const typedForm = (digits: string) =>
  `\u200e${arabic(digits.slice(0, 3))}\u00a0– ${digits.slice(3)}\u200f `

describe('what people read', () => {
  const contextInput = {
    application: ' Bank\u00ading\u200f ',
    action: 'ورود به سامانه\u200cها',
    location: 'Zu\u0308rich',
    userAgent: '\ufeffFirefox',
    fields: [
      {
        label: 'Von \u{1F469}\u200d\u{1F4BB}',
        value: '\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} Ltd\u200b',
      },
    ],
  }
  const storedContext = {
    application: 'Banking',
    action: 'ورود به سامانه\u200cها',
    location: 'Zürich',
    userAgent: 'Firefox',
    fields: [
      {
        label: 'Von \u{1F469}\u200d\u{1F4BB}',
        value: '\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} Ltd',
      },
    ],
  }

  test('is normalized once, and identical for the relying party, the signing phone, and the evidence', async () => {
    const phone = await enrollPhone(service, { user: 'reader' })
    const creation = await service.api('POST', '/v1/challenges', {
      user: 'reader',
      context: contextInput,
    })
    expect(creation.json.context).toEqual(storedContext)
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error('nothing is pending')
    const { relyingParty: _, ...shownContext } = request.context
    expect(shownContext).toEqual(storedContext)
    const reason = 'Je\u0301 suis\u00ad moi'
    const answer = await phone.client.approve(request, typedForm(creation.json.number), { reason })
    expect(answer).toMatchObject({ status: 'approved' })
    const evidence = (await service.api('GET', `/v1/challenges/${creation.json.id}/evidence`)).json
    const { ctx } = decodeJwt(evidence.request) as { ctx: object }
    expect(ctx).toMatchObject(storedContext)
    expect(decodeJwt(evidence.answer).num).toBe(creation.json.number)
  })

  test('an equal challenge under one idempotency key is the same, in any spelling of its texts', async () => {
    await enrollPhone(service, { user: 'twice' })
    const headers = { 'idempotency-key': 'spelt-twice' }
    const first = await service.api(
      'POST',
      '/v1/challenges',
      { user: 'twice', context: contextInput },
      headers,
    )
    const again = await service.api(
      'POST',
      '/v1/challenges',
      { user: ' twice\u00a0', context: storedContext },
      headers,
    )
    expect([again.status, again.json.id]).toEqual([200, first.json.id])
  })

  test('names of users, phones, relying parties and keys, and activities', async () => {
    const { api } = service
    const displayName = ' Renée\u0301 نسرین\u200cدخت\u200c '.normalize('NFD')
    const user = await api('POST', '/v1/users', { displayName, identifiers: [' renee\u00a0'] })
    expect(user.json).toMatchObject({
      displayName: displayName.normalize('NFC').replace(/^ |\u200c $/g, ''),
      identifiers: [{ value: 'renee' }],
    })
    const phone = await enrollPhone(service, {
      user: 'renee',
      name: 'Mo\u0308be\u00adl \u{1F469}\u200d\u{1F4BB}\u200e',
    })
    const name = 'Möbel \u{1F469}\u200d\u{1F4BB}'
    expect(await phone.client.self()).toMatchObject({ name })
    expect(await phone.client.updateSelf({ name: ` ${name}\u200c` })).toMatchObject({ name })
    const input = {
      type: 'x',
      severity: 'info',
      title: 'Pass\u00adwort ',
      message: 'می\u200cخواهم',
    }
    await api('POST', `/v1/users/${phone.userId}/activities`, input)
    const { items } = await phone.client.activities()
    expect(items).toContainEqual(
      expect.objectContaining({
        posted: expect.objectContaining({ title: 'Passwort', message: 'می\u200cخواهم' }),
      }),
    )
    const party = { name: 'Ba\u0308nk ', namespaces: ['x'] }
    expect((await api('POST', '/v1/relying-parties', party)).json.name).toBe('Bänk')
  })

  test.each([
    'a\u202eb',
    'a\u2066b',
    'a\u200bb',
    'pay\u200droll',
    'a\nb',
    'a\u200eb',
    '\u00ad \u200e',
  ])('is refused with hidden or reordering characters: %j', async (text) => {
    await enrollPhone(service, { user: 'refuser' })
    const creation = await service.api('POST', '/v1/challenges', {
      user: 'refuser',
      context: { action: text },
    })
    expect([creation.status, creation.json.code]).toEqual([400, 'invalid_request'])
  })
})

describe('a code that a user types', () => {
  test('enrolls a phone: digits of another script, dashes and marks, in the claim and at its confirmation', async () => {
    const enrollment = (
      await service.api('POST', '/v1/enrollments', { user: 'typist', displayName: 'Ty' })
    ).json
    const origin = readEnrollmentUri(enrollment.uri)?.origin ?? ''
    const code = `“${enrollment.code.replace('-', '\u00a0— ').replaceAll(/[0-9]/g, arabic).toLowerCase()}”\u200f`
    const keys = await createDeviceKeys({ verification: true })
    const ticket = { origin, tenantId: service.tenantId, code, user: '\u00a0typist ' }
    const device = {
      name: 'x',
      platform: 'other',
      model: 'x',
      osVersion: '1',
      appVersion: '1',
    } as const
    const account = await claimEnrollment({ ticket, keys, appId: 'x.y', device })
    const client = new DeviceClient({ account, keys })
    const { number } = (await service.api('GET', `/v1/enrollments/${enrollment.id}`)).json
    for (const slip of ['', '12345', '1234567', '12345x', '½23456']) {
      await expect(client.confirm(slip)).rejects.toThrow(RangeError)
      const phone = { keys, deviceId: account.deviceId } as unknown as Phone
      const path = '/device/v1/enrollments/confirm'
      const call = { method: 'POST', path, body: { number: slip } } as const
      expect((await callAsDevice(service, phone, call)).json.code).toBe('invalid_request')
    }
    const { wrongNumbersLeft } = (await service.api('GET', `/v1/enrollments/${enrollment.id}`)).json
    expect(wrongNumbersLeft).toBe(3)
    await client.confirm(typedForm(number))
    expect(client.account.status).toBe('active')
  })

  test('of impossible form costs no attempt at a typed code', async () => {
    const enrollment = (
      await service.api('POST', '/v1/enrollments', { user: 'slip', displayName: 'S' })
    ).json
    const keys = await createDeviceKeys({ verification: false })
    const device = {
      name: 'x',
      platform: 'other',
      model: 'x',
      osVersion: '1',
      appVersion: '1',
    } as const
    const origin = readEnrollmentUri(enrollment.uri)?.origin ?? ''
    const claim = (code: string) =>
      claimEnrollment({
        ticket: { origin, tenantId: service.tenantId, code, user: 'slip' },
        keys,
        appId: 'x.y',
        device,
      })
    for (let n = 0; n < 12; n++) {
      await expect(claim('7K3QM-9TX2U')).rejects.toMatchObject({ code: 'enrollment_code_invalid' })
    }
    expect(await claim(enrollment.code)).toMatchObject({ status: 'unconfirmed' })
  })

  test('approves: the number is signed in ASCII, and a malformed one is not sent', async () => {
    const phone = await enrollPhone(service, { user: 'approver' })
    const creation = (await service.api('POST', '/v1/challenges', { user: 'approver' })).json
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error('nothing is pending')
    for (const slip of ['', '12345', '1234567', '+12345', '12345e']) {
      await expect(phone.client.approve(request, slip)).rejects.toThrow(RangeError)
    }
    const attemptsLeft = async () =>
      (await service.api('GET', `/v1/challenges/${creation.id}`)).json.wrongNumbersLeft
    expect(await attemptsLeft()).toBe(3)
    // A signed number stays strict: other digits count as a wrong number.
    const { user, issuer } = phone.client.account
    const answer = await sign(
      phone.keys.verification ?? phone.keys.possession,
      'approval-response+jwt',
      {
        iss: phone.deviceId,
        sub: user.id,
        aud: issuer,
        jti: freshJti(),
        iat: seconds(),
        exp: seconds(60),
        cid: creation.id,
        nonce: request.nonce,
        rqh: request.requestHash,
        dec: 'approve',
        num: arabic(creation.number),
        uv: true,
      },
    )
    const path = `/device/v1/challenges/${creation.id}/answer`
    const refusal = await callAsDevice(service, phone, { method: 'POST', path, body: { answer } })
    expect(refusal.json).toMatchObject({ code: 'wrong_number', wrongNumbersLeft: 2 })
    expect(await phone.client.approve(request, typedForm(creation.number))).toMatchObject({
      status: 'approved',
    })
  })

  test('is accepted as a passcode, a recovery code or a temporary code', async () => {
    const phone = await enrollPhone(service, { user: 'coder' })
    const user = `/v1/users/${phone.userId}`
    const { passcode } = phone.client.account
    if (!passcode) throw new Error('the phone got no secret')
    const code = TOTP.generate({ ...passcode, secret: Secret.fromBase32(passcode.secret) })
    const [recovery] = (await service.api('POST', `${user}/recovery-codes`, {})).json.codes
    const temporary = (await service.api('POST', `${user}/temporary-codes`, {})).json.code
    const methods = []
    for (const oneCode of [code, recovery, temporary]) {
      const spelt = `‘${oneCode.replaceAll('-', '\u2011 ').replaceAll(/[0-9]/g, arabic)}’\u00ad`
      methods.push(
        (await service.api('POST', `${user}/passcodes/verify`, { code: spelt })).json.method,
      )
    }
    expect(methods).toEqual(['passcode', 'recovery_code', 'temporary_code'])
  })

  test('at the doors: a passcode at the prompt, the number that a client shows', async () => {
    const phone = await enrollPhone(service, { user: 'visitor' })
    const { items } = (await service.api('GET', '/v1/relying-parties')).json
    const relyingPartyId = items.find((one: { name: string }) => one.name !== 'Bänk').id
    const line = await startTlsLine(service.origin)
    try {
      const call = npmClient(line, await createAuthApiDoor(service, { relyingPartyId }), 5)
      const user = { username: ' visitor ' }
      await call('POST', 'preauth', { ...user, client_supports_verified_push: 'true' })
      for (let slips = 0; slips < 12; slips++) {
        const no = await call('POST', 'auth', { ...user, factor: 'passcode', passcode: 'abc def' })
        expect(no.response.result).toBe('deny')
      }
      const { passcode } = phone.client.account
      if (!passcode) throw new Error('the phone got no secret')
      const code = TOTP.generate({ ...passcode, secret: Secret.fromBase32(passcode.secret) })
      const yes = await call('POST', 'auth', {
        ...user,
        factor: 'prompt',
        prompt: typedForm(code),
        passcode: typedForm(code),
      })
      expect(yes.response).toMatchObject({ result: 'allow' })
    } finally {
      await line.close()
    }
    const door = await createWaitDoor(service, { relyingPartyId })
    const answer = door.ask({ username: 'visitor\u00a0', number: '483\u2011920' })
    await phone.client.approve(await questionTo(phone), typedForm('483920'))
    expect((await answer).status).toBe(204)
  })
})
