// The unmodified client of npm signs in: push, codes, denials, wrong numbers.

import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Answer,
  type AuthApi,
  type AuthApiDoor,
  createAuthApiDoor,
  npmClient,
  permitNone,
  questionTo,
  startTlsLine,
} from '../../support/auth-api.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'

const stack = new AsyncDisposableStack()
let service: RunningService
let line: Awaited<ReturnType<typeof startTlsLine>>
let door: AuthApiDoor
beforeAll(async () => {
  service = stack.use(await startTestService())
  line = await startTlsLine(service.origin)
  stack.defer(() => line.close())
  door = await createAuthApiDoor(service)
})
afterAll(() => stack.disposeAsync())

const shows = { client_supports_verified_push: 'true' }

function passcodeOf({ client }: Phone): string {
  const { passcode } = client.account
  if (!passcode) throw new Error('the phone got no secret')
  return TOTP.generate({ ...passcode, secret: Secret.fromBase32(passcode.secret) })
}

describe.each([2, 5] as const)('the client of npm, signing by version %i', (version) => {
  let call: AuthApi
  beforeAll(() => {
    call = npmClient(line, door, version)
  })

  /** A user of this test only, and the first calls of their sign-in. */
  async function begin(name: string) {
    const username = `${name}-${version}`
    const phone = await enrollPhone(service, { user: username })
    const offer = (await call('POST', 'preauth', { username, ...shows })).response
    const { txid, verification_code: number } = offer
    const authParams = { username, factor: 'push', device: 'auto', txid }
    return { username, phone, offer, number, authParams, txid }
  }

  test('finds the service available, its credentials valid, and a logo', async () => {
    const now = Math.floor(Date.now() / 1000)
    for (const name of ['ping', 'check']) {
      const { stat, response } = await call('GET', name)
      expect(stat).toBe('OK')
      expect(Math.abs(response.time - now)).toBeLessThan(60)
    }
  })

  test('gets the devices that can be prompted, and the number to show', async () => {
    const { offer, phone } = await begin('offered')
    expect(offer).toEqual({
      result: 'auth',
      status_msg: expect.any(String),
      devices: [
        {
          device: phone.deviceId,
          type: 'phone',
          name: `phone of offered-${version}`,
          display_name: `phone of offered-${version}`,
          number: '',
          capabilities: ['auto', 'push', 'mobile_otp'],
        },
      ],
      txid: expect.stringMatching(/^shn_/),
      verification_code: expect.stringMatching(/^\d{6}$/),
      expiration: expect.any(Number),
    })
  })

  test('waits until the user has approved with the shown number', async () => {
    const { phone, number, authParams } = await begin('waiter')
    const decision = call('POST', 'auth', { ...authParams, device: phone.deviceId })
    await phone.client.approve(await questionTo(phone), number)
    expect(await decision).toEqual({
      stat: 'OK',
      response: { result: 'allow', status: 'allow', status_msg: expect.any(String) },
    })
  })

  test('polls until the user has approved', async () => {
    const { phone, number, authParams } = await begin('follower')
    const { txid } = (await call('POST', 'auth', { ...authParams, async: '1' })).response
    const status = call('GET', 'auth_status', { txid })
    await phone.client.approve(await questionTo(phone), number)
    expect((await status).response).toEqual({
      result: 'allow',
      status: 'allow',
      status_msg: expect.any(String),
    })
  })

  test('is denied when the user denies, and when the user reports', async () => {
    for (const [name, status] of [
      ['deny', 'deny'],
      ['report', 'fraud'],
    ] as const) {
      for (const async of ['0', '1']) {
        const { phone, authParams } = await begin(`${name}${async}`)
        const start = call('POST', 'auth', { ...authParams, async })
        await phone.client[name](await questionTo(phone))
        const { response } = await start
        const end = async === '1' ? await call('GET', 'auth_status', response) : { response }
        expect(end.response).toMatchObject({ result: 'deny', status })
      }
    }
  })

  test('is denied after three wrong numbers, and after the number of another user', async () => {
    const { phone, number, authParams } = await begin('guesser')
    const other = await begin('other')
    const decision = call('POST', 'auth', authParams)
    const question = await questionTo(phone)
    const wrong = number === '000000' ? '000001' : '000000'
    for (const input of [wrong, wrong, other.number]) {
      await expect(phone.client.approve(question, input)).rejects.toThrow()
    }
    expect((await decision).response).toMatchObject({ result: 'deny', status_msg: 'Wrong number.' })
  })

  test('cannot prompt with a used number, nor with one shown to another user', async () => {
    const one = await begin('once')
    const other = await begin('foreign')
    const decision = call('POST', 'auth', one.authParams)
    await one.phone.client.deny(await questionTo(one.phone))
    await decision
    for (const txid of [one.txid, other.txid, 'shn_01jv9z3k8we2tvn4qh6yrx7b5c', 'x']) {
      const { response } = await call('POST', 'auth', { ...one.authParams, txid })
      expect(response).toMatchObject({
        result: 'deny',
        status_msg: expect.stringContaining('No number was shown'),
      })
    }
  })

  test('lets in by a passcode of the phone, once, waiting or polling', async () => {
    const { username, phone } = await begin('typist')
    const passcode = passcodeOf(phone)
    const input = { username, factor: 'passcode', passcode }
    const { response } = await call('POST', 'auth', input)
    expect(response).toMatchObject({ result: 'allow' })
    expect((await call('POST', 'auth', input)).response).toMatchObject({ result: 'deny' })

    const creation = await service.api('POST', `/v1/users/${phone.userId}/recovery-codes`, {})
    const recovery = { username, factor: 'passcode', passcode: creation.json.codes[0], async: '1' }
    const start = (await call('POST', 'auth', recovery)).response
    expect(Object.keys(start)).toEqual(['txid'])
    expect(start.txid.length).toBeLessThan(256)
    expect((await call('GET', 'auth_status', start)).response).toMatchObject({ result: 'allow' })
    const other = npmClient(line, await createAuthApiDoor(service), version)
    expect((await other('GET', 'auth_status', start)).response).toMatchObject({ result: 'deny' })
    const again = (await call('POST', 'auth', recovery)).response
    expect((await call('GET', 'auth_status', again)).response).toMatchObject({ result: 'deny' })
  })

  test('is denied for an unknown user, and offers only codes to a user whose push is locked', async () => {
    const nobody = await call('POST', 'preauth', { username: 'nobody', ...shows })
    expect(nobody.response).toMatchObject({ result: 'deny', status: 'deny' })
    const { phone, username, authParams } = await begin('locked')
    const authReply = call('POST', 'auth', authParams)
    await phone.client.report(await questionTo(phone))
    await authReply
    const offer = (await call('POST', 'preauth', { username, ...shows })).response
    expect(offer).toMatchObject({ result: 'auth', devices: [] })
    expect(offer).not.toHaveProperty('verification_code')
    const push = { username, factor: 'push', device: 'auto' }
    expect((await call('POST', 'auth', push)).response).toMatchObject({ result: 'deny' })
    await service.api('PATCH', '/v1/policy', { passcodesAllowed: false })
    const closedOffer = (await call('POST', 'preauth', { username, ...shows })).response
    expect(closedOffer).toMatchObject({ result: 'deny', status: 'locked_out' })
    await service.api('PATCH', '/v1/policy', { passcodesAllowed: true })
  })

  test.each(["j o'h(n)*!é", 'a+b@example.com', '100%20&=?#/', '李 雷', '😀', 'EXAMPLE\\ada'])(
    'names %s as they are',
    async (name) => {
      const username = `${name}-${version}`
      const phone = await enrollPhone(service, { user: username })
      const { response } = await call('POST', 'preauth', { username, ...shows })
      expect(response.devices).toEqual([expect.objectContaining({ device: phone.deviceId })])
      const status = await call('GET', 'auth_status', { txid: username })
      expect(status.stat).toBe('OK')
    },
  )
})

describe('a client that shows no number', () => {
  test('can prompt nobody, whichever parameters it omits, unless the tenant permits it for this integration', async () => {
    const free = await createAuthApiDoor(service)
    const call = npmClient(line, free)
    const username = 'numberless'
    const phone = await enrollPhone(service, { user: username })
    const push = { username, factor: 'push', device: 'auto' }
    const offer = (await call('POST', 'preauth', { username })).response
    expect(offer).toMatchObject({ result: 'auth', devices: [] })
    expect((await call('POST', 'auth', push)).response).toMatchObject({
      result: 'deny',
      status_msg: expect.stringContaining('No number was shown'),
    })
    expect((await phone.client.pending()).requests).toEqual([])

    await permitNone(service, free)
    const openOffer = (await call('POST', 'preauth', { username })).response
    expect(openOffer.devices).toHaveLength(1)
    expect(openOffer).not.toHaveProperty('verification_code')
    const decision: Promise<Answer> = call('POST', 'auth', push)
    await phone.client.approve(await questionTo(phone), null)
    expect((await decision).response).toMatchObject({ result: 'allow' })

    await service.api('PATCH', '/v1/policy', { numberNoneAllowedFor: [] })
    const withdrawal = await call('POST', 'preauth', { username })
    expect(withdrawal.response).toMatchObject({ result: 'deny' })
    expect((await call('POST', 'auth', push)).response).toMatchObject({ result: 'deny' })
    await service.api('PATCH', '/v1/policy', { profile: 'nist-800-63b-4' })
  })
})
