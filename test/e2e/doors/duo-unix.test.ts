// How login_duo and pam_duo interpret the answers, and what a user reads: by their own rules, see
// test/support/duo-unix.ts.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AuthApiDoor,
  callSigned,
  createAuthApiDoor,
  permitNone,
} from '../../support/auth-api.ts'
import { duoLogin } from '../../support/duo-unix.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

let service: RunningService
let door: AuthApiDoor
beforeAll(async () => {
  service = await startTestService()
  door = await createAuthApiDoor(service)
})
afterAll(() => service[Symbol.asyncDispose]())

const callAt =
  (at: AuthApiDoor) =>
  async (method: 'GET' | 'POST', name: string, params: Readonly<Record<string, string>> = {}) =>
    (await callSigned(service.origin, at, method, name, params)).json
const where = (username: string) => ({ username, hostname: 'bastion-1', ipaddr: '203.0.113.7' })
const login = (
  username: string,
  flags: Parameters<typeof duoLogin>[2],
  type: Parameters<typeof duoLogin>[3] = () => Promise.reject(new Error('nobody is asked')),
  at = door,
) => duoLogin(callAt(at), where(username), flags, type)

const numberIn = (prompt: string) => /type (\d{6}) there/.exec(prompt)?.[1] ?? ''
const requestsTo = async ({ client }: Phone) => (await client.pending()).requests
/** The user presses Ctrl-C at the prompt. */
const ctrlC = () => Promise.reject(new Error('Ctrl-C'))

describe('a user at a terminal', () => {
  test.each([{}, { sync: true }, { verifiedPush: true }])('signs in, with %j', async (flags) => {
    const user = `in-${JSON.stringify(flags)}`
    const phone = await enrollPhone(service, { user })
    let number = ''
    const pendingLogin = login(user, flags, async (prompt) => {
      number = numberIn(prompt)
      return '1'
    })
    const question = await until('the phone is asked', async () => (await requestsTo(phone))[0])
    await phone.client.approve(question, number)
    const { code, messages } = await pendingLogin
    expect([code, messages.at(-1)]).toEqual(['DUO_OK', 'Success. You are signed in.'])
  })

  test.each([{}, { sync: true }])(
    'who pressed Ctrl-C at the prompt and logs in again reads why, and the next attempt works; with %j',
    async (flags) => {
      const user = `again-${JSON.stringify(flags)}`
      const phone = await enrollPhone(service, { user })
      await expect(login(user, flags, ctrlC)).rejects.toThrow('Ctrl-C')
      const again = await login(user, flags, async () => '1')
      expect(again.code).toBe('DUO_FAIL')
      expect(again.messages.at(-1)).toMatch(/^Another sign-in was started here within two minutes/)
      expect(await requestsTo(phone)).toEqual([])
      let number = ''
      const third = login(user, flags, async (prompt) => {
        number = numberIn(prompt)
        return '1'
      })
      const question = await until('the phone is asked', async () => (await requestsTo(phone))[0])
      await phone.client.approve(question, number)
      expect((await third).code).toBe('DUO_OK')
    },
  )

  test('with verified_push signs in immediately after Ctrl-C: the txid names the number', async () => {
    const phone = await enrollPhone(service, { user: 'verified' })
    await expect(login('verified', { verifiedPush: true }, ctrlC)).rejects.toThrow('Ctrl-C')
    let number = ''
    const again = login('verified', { verifiedPush: true }, async (prompt) => {
      number = numberIn(prompt)
      return '1'
    })
    const question = await until('the phone is asked', async () => (await requestsTo(phone))[0])
    await phone.client.approve(question, number)
    expect((await again).code).toBe('DUO_OK')
  })

  test('who pressed Ctrl-C during the prompt on the phone has both challenges, each with its own number', async () => {
    const phone = await enrollPhone(service, { user: 'both' })
    const numbers: [string, string] = ['', '']
    let starts = 0
    const begin = async (prompt: string) => {
      numbers[starts++] = numberIn(prompt)
      return '1'
    }
    const abandonedLogin = login('both', {}, begin)
    await until('the first challenge', async () => (await requestsTo(phone)).length === 1)
    const again = login('both', {}, begin)
    const [second, first] = await until('both questions', async () => {
      const requests = await requestsTo(phone)
      return requests.length === 2 ? requests : undefined
    })
    if (!first || !second) throw new Error('two were counted')
    await expect(phone.client.approve(second, numbers[0])).rejects.toMatchObject({
      code: 'wrong_number',
    })
    await phone.client.approve(second, numbers[1])
    expect((await again).code).toBe('DUO_OK')
    await phone.client.approve(first, numbers[0])
    expect((await abandonedLogin).code).toBe('DUO_OK')
  })

  test.each([{}, { sync: true }])('reads why nobody is asked, with %j', async (flags) => {
    const user = `why-${JSON.stringify(flags)}`
    const phone = await enrollPhone(service, { user })
    // The device is removed between the prompt and the choice.
    const { code, messages } = await login(user, flags, async () => {
      await service.api('POST', `/v1/users/${phone.userId}/recovery-codes`, {})
      await phone.client.unregister()
      return '1'
    })
    expect(code).toBe('DUO_FAIL')
    expect(messages.at(-1)).toBe('You have no device that could answer. Or type a code.')
  })

  test.each([{}, { sync: true }])('reads that a code was wrong, with %j', async (flags) => {
    const user = `code-${JSON.stringify(flags)}`
    await enrollPhone(service, { user })
    const { code, messages } = await login(user, flags, async () => '00000000')
    expect([code, messages.at(-1)]).toEqual(['DUO_FAIL', 'Wrong code.'])
  })

  test('reads at the prompt for a code why the phone is not asked', async () => {
    const phone = await enrollPhone(service, { user: 'pending' })
    for (let n = 0; n < 3; n++) {
      await service.api('POST', '/v1/challenges', { user: { id: phone.userId } })
    }
    let shownPrompt = ''
    const { code } = await login('pending', {}, async (prompt) => {
      shownPrompt = prompt
      return '00000000'
    })
    expect(code).toBe('DUO_FAIL')
    expect(shownPrompt).toBe(
      'Sign in as pending\n\nToo many sign-ins are waiting. Try again later.\n\nCode: ',
    )
  })
})

describe('a client without a terminal', () => {
  const headless = { sync: true, auto: true }

  test('is denied in a form that it understands, no phone is prompted, and the next login is unaffected', async () => {
    const phone = await enrollPhone(service, { user: 'scp' })
    const { code, messages, complaint } = await login('scp', headless)
    expect([code, complaint]).toEqual(['DUO_FAIL', null])
    expect(messages.at(-1)).toMatch(/^No number can be shown to you here/)
    expect(await requestsTo(phone)).toEqual([])
    await until('it is recorded', async () => (await door.lastError()) === 'number_unseen')
    let number = ''
    const next = login('scp', {}, async (prompt) => {
      number = numberIn(prompt)
      return '1'
    })
    const question = await until('the phone is asked', async () => (await requestsTo(phone))[0])
    await phone.client.approve(question, number)
    expect((await next).code).toBe('DUO_OK')
  })

  test('is denied where only codes are accepted, too', async () => {
    const phone = await enrollPhone(service, { user: 'rsync' })
    await service.api('POST', `/v1/users/${phone.userId}/recovery-codes`, {})
    await phone.client.unregister()
    const { code, complaint } = await login('rsync', headless)
    expect([code, complaint]).toEqual(['DUO_FAIL', null])
  })

  test('prompts the phone where the integration uses no number', async () => {
    const plain = await createAuthApiDoor(service)
    await permitNone(service, plain)
    const phone = await enrollPhone(service, { user: 'cron' })
    const pendingLogin = login('cron', headless, undefined, plain)
    const question = await until('the phone is asked', async () => (await requestsTo(phone))[0])
    await phone.client.approve(question, null)
    expect((await pendingLogin).code).toBe('DUO_OK')
  })
})

test('a made-up txid for the end of a challenge is always a denial', async () => {
  for (const txid of [
    'denied',
    'denied.approved',
    'denied.approved.passcode_wrong.codes',
    'denied.__proto__.constructor',
    `denied.${'x'.repeat(200)}`,
  ]) {
    const { response } = await callAt(door)('GET', 'auth_status', { txid })
    expect(response).toMatchObject({ result: 'deny', status_msg: expect.any(String) })
  }
})
