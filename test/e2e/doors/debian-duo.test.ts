// The unmodified login_duo and pam_duo of Debian sign in, where they are installed: version 1 of
// the Auth API, over TLS of an authority of its own.

import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AuthApiDoor,
  createAuthApiDoor,
  permitNone,
  questionTo,
  startTlsLine,
} from '../../support/auth-api.ts'
import { onServer } from '../../support/cluster.ts'
import { type Client, createMachine, type Machine } from '../../support/debian-duo.ts'
import { notRun, notRunWithoutRoot, programOf } from '../../support/programs.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const loginDuo = programOf('login_duo')
const pamTester = programOf('pamtester')

const numberIn = (text: string) => /type (\d{6}) there/.exec(text)?.[1] ?? ''
const prompt = /Code or option \(1\): $/
const settings = { kind: 'duo_auth_api', legacyV1Allowed: true }
const allowedAddresses = ['127.0.0.1']

function codeOf({ client }: Phone): string {
  const { passcode } = client.account
  if (!passcode) throw new Error('the phone got no secret')
  return TOTP.generate({ ...passcode, secret: Secret.fromBase32(passcode.secret) })
}

/** What a client that has ended let happen, and all that it printed. */
async function endOf({ exit, output }: Client) {
  return { exit: await exit, text: output() }
}
const letsIn = { exit: 0, text: expect.stringContaining('LOGGED-IN') }
const refusal = (text: string) => ({
  exit: 1,
  text: expect.toSatisfy((all: string) => all.includes(text) && !all.includes('LOGGED-IN')),
})

function realClients(program: string): void {
  const stack = new AsyncDisposableStack()
  let service: RunningService
  let line: Awaited<ReturnType<typeof startTlsLine>>
  let door: AuthApiDoor
  let machine: Machine
  beforeAll(async () => {
    service = stack.use(await startTestService())
    line = await startTlsLine(service.origin)
    stack.defer(() => line.close())
    door = await createAuthApiDoor(service, { settings, allowedAddresses })
    machine = stack.use(await createMachine(line, door, program))
  })
  afterAll(() => stack.disposeAsync())

  /** A machine whose administrator entered something else. */
  async function machineOf(changes: Partial<AuthApiDoor>): Promise<Machine> {
    return createMachine(line, { ...door, ...changes }, program)
  }

  describe('login_duo', () => {
    test('prints the number, and lets the person in who types it on the phone', async () => {
      const phone = await enrollPhone(service, { user: 'ada' })
      const client = await machine.login('ada', { pushinfo: 'yes' })
      await client.answer(prompt, '1')
      const question = await questionTo(phone)
      expect(question.context).toMatchObject({
        application: 'Bastion',
        ip: '203.0.113.7',
        fields: expect.arrayContaining([{ label: 'Command', value: 'echo LOGGED-IN' }]),
      })
      await phone.client.approve(question, numberIn(client.output()))
      expect(await endOf(client)).toEqual(letsIn)
    })

    test('says why it was denied, and offers another attempt with another number', async () => {
      const phone = await enrollPhone(service, { user: 'denying' })
      const client = await machine.login('denying', { prompts: '2' })
      await client.answer(prompt, '1')
      const first = numberIn(client.output())
      await phone.client.deny(await questionTo(phone))
      await client.answer(prompt, '1')
      const number = numberIn(client.output().slice(client.output().lastIndexOf('Sign in as')))
      expect(number).not.toBe(first)
      await phone.client.approve(await questionTo(phone), number)
      const end = await endOf(client)
      expect(end).toEqual(letsIn)
      expect(end.text).toContain('The sign-in was denied.')
    })

    test('takes a code that the person types, once', async () => {
      const phone = await enrollPhone(service, { user: 'typing' })
      const code = codeOf(phone)
      const client = await machine.login('typing')
      await client.answer(prompt, code)
      expect(await endOf(client)).toEqual(letsIn)
      const again = await machine.login('typing', { prompts: '1' })
      await again.answer(prompt, code)
      expect(await endOf(again)).toEqual(refusal('This code was used before.'))
    })

    test('does not let in by a wrong number, a wrong code, or a factor that is not offered', async () => {
      const phone = await enrollPhone(service, { user: 'guessing' })
      const client = await machine.login('guessing', { prompts: '3' })
      await client.answer(prompt, '000000')
      await client.answer(prompt, 'phone1')
      await client.answer(prompt, '1')
      const question = await questionTo(phone)
      const shownNumber = numberIn(client.output().slice(client.output().lastIndexOf('Sign in as')))
      const wrong = shownNumber === '111111' ? '222222' : '111111'
      for (let tries = 0; tries < 3; tries++) {
        await expect(phone.client.approve(question, wrong)).rejects.toThrow()
      }
      const end = await endOf(client)
      expect(end).toEqual(refusal('Wrong number.'))
      expect(end.text).toContain('Wrong code.')
      expect(end.text).toContain('This way to sign in is not offered.')
    })

    test('lets in nobody whom the service does not know', async () => {
      const client = await machine.login('stranger')
      expect(await endOf(client)).toEqual(refusal('You are not known to the sign-in service.'))
    })

    test('is refused while it would let people in when nobody answers', async () => {
      await enrollPhone(service, { user: 'safe' })
      const client = await machine.login('safe', { failmode: 'safe' })
      expect(await endOf(client)).toEqual(refusal('failmode=secure'))
      await until('it is recorded', async () => {
        return (await door.lastError()) === 'fail_open_not_allowed'
      })
    })

    test.each(['secure', 'safe'])(
      'lets in nobody with a wrong secret key, with failmode=%s',
      async (failmode) => {
        await using wrong = await machineOf({ secret: 'X'.repeat(40) })
        const client = await wrong.login('ada', { failmode })
        expect(await endOf(client)).toEqual(refusal('This machine is not known'))
      },
    )

    test.each([
      ['is not allowed to speak version 1', { settings: { kind: 'duo_auth_api' } }, 'version 1'],
      [
        'allows HMAC-SHA-1 to version 2 only',
        { settings: { kind: 'duo_auth_api', sha1Allowed: true } },
        'version 1',
      ],
      [
        'may be called from elsewhere only',
        { settings, allowedAddresses: ['192.0.2.1'] },
        'network',
      ],
    ])('lets in nobody by an integration that %s', async (_, more, text) => {
      await using other = await machineOf(await createAuthApiDoor(service, more))
      const client = await other.login('ada', { failmode: 'safe' })
      expect(await endOf(client)).toEqual(refusal(text))
    })

    test('denies people who answer nothing before it would let them in', async () => {
      await door.change({ ttlSeconds: 30 })
      const phone = await enrollPhone(service, { user: 'silent' })
      const client = await machine.login('silent', { prompts: '1' })
      await client.answer(prompt, '1')
      const { challengeId } = await questionTo(phone)
      // Its twenty polls, of which each is held for a tenth of a lifetime, are over at once.
      await door.change({ ttlSeconds: null })
      await onServer(service.database.url, (database) =>
        database.query('update followed_challenges set hold_ms = 1 where challenge_id = $1', [
          challengeId,
        ]),
      )
      const end = await endOf(client)
      expect(end).toEqual(refusal('The sign-in was cancelled.'))
      expect(end.text.match(/Waiting for your answer on the phone/g)).toHaveLength(14)
      expect((await phone.client.pending()).requests).toEqual([])
    })

    test('asks nobody where nobody can read a number, and takes a code from the environment', async () => {
      const phone = await enrollPhone(service, { user: 'copying' })
      const headless = { terminal: false }
      const asking = await machine.login('copying', {}, headless)
      expect(await endOf(asking)).toEqual(refusal(''))
      expect((await phone.client.pending()).requests).toEqual([])
      const env = { DUO_PASSCODE: codeOf(phone) }
      const codeClient = await machine.login(
        'copying',
        { accept_env_factor: 'yes' },
        { ...headless, env },
      )
      expect(await endOf(codeClient)).toEqual(letsIn)
    })

    test('prompts the person where its settings would ask at once', async () => {
      const phone = await enrollPhone(service, { user: 'hasty' })
      const client = await machine.login('hasty', { autopush: 'yes' })
      await client.answer(prompt, '1')
      expect(client.output()).toContain('No number can be shown to you here.')
      const shownNumber = numberIn(client.output())
      await phone.client.approve(await questionTo(phone), shownNumber)
      expect(await endOf(client)).toEqual(letsIn)
    })

    test('goes on after its connection broke, and the phone is asked once', async () => {
      const phone = await enrollPhone(service, { user: 'unplugged' })
      const client = await machine.login('unplugged', { prompts: '1' })
      await until('it prompts', () => prompt.test(client.output()))
      line.cut()
      await client.answer(prompt, '1')
      const question = await questionTo(phone)
      await until('it waits', async () => {
        const text =
          'select answers from followed_challenges where challenge_id = $1 and answers > 0'
        const { rows } = await onServer(service.database.url, (database) =>
          database.query(text, [question.challengeId]),
        )
        return rows.length > 0
      })
      line.cut()
      expect((await phone.client.pending()).requests).toHaveLength(1)
      await phone.client.approve(question, numberIn(client.output()))
      expect(await endOf(client)).toEqual(letsIn)
    })

    test('asks at once without a terminal, where the tenant permits sign-ins without a number', async () => {
      const free = await createAuthApiDoor(service, { settings, allowedAddresses })
      await permitNone(service, free)
      const phone = await enrollPhone(service, { user: 'numberless' })
      await using other = await machineOf(free)
      const client = await other.login('numberless', {}, { terminal: false })
      await phone.client.approve(await questionTo(phone), null)
      expect(await endOf(client)).toEqual(letsIn)
      const second = await other.login('numberless', {}, { terminal: false })
      await phone.client.deny(await questionTo(phone))
      expect(await endOf(second)).toEqual(refusal(''))
    })

    test('trusts the authority in its settings only', async () => {
      const other = await startTlsLine(service.origin)
      stack.defer(() => other.close())
      const client = await machine.login('ada', { host: `localhost:${other.port}` })
      expect(await endOf(client)).toEqual(refusal('Failsecure Duo login'))
    })
  })

  describe('pam_duo', () => {
    if (process.getuid?.() !== 0) return notRunWithoutRoot()
    if (pamTester === undefined) {
      return notRun('pamtester', 'pamtester libpam-duo', 'COUNTERSIGN_TEST_DUO_UNIX')
    }
    const success = 'pamtester: successfully authenticated'

    test('prints the number, and lets the person in who types it on the phone', async () => {
      const phone = await enrollPhone(service, { user: 'games' })
      const client = await machine.authenticate('games')
      await client.answer(prompt, '1')
      await phone.client.approve(await questionTo(phone), numberIn(client.output()))
      expect(await endOf(client)).toEqual({ exit: 0, text: expect.stringContaining(success) })
    })

    test('takes a code, and refuses a denial', async () => {
      const phone = await enrollPhone(service, { user: 'news' })
      const codeClient = await machine.authenticate('news')
      await codeClient.answer(prompt, codeOf(phone))
      expect(await endOf(codeClient)).toEqual({ exit: 0, text: expect.stringContaining(success) })
      const client = await machine.authenticate('news', { prompts: '1' })
      await client.answer(prompt, '1')
      await phone.client.deny(await questionTo(phone))
      const end = await endOf(client)
      expect(end.exit).not.toBe(0)
      expect(end.text).toContain('The sign-in was denied.')
      expect(end.text).not.toContain(success)
    })

    test('is refused while it would let people in when nobody answers', async () => {
      const client = await machine.authenticate('games', { failmode: 'safe' })
      const end = await endOf(client)
      expect(end.exit).not.toBe(0)
      expect(end.text).toContain('failmode=secure')
    })
  })
}

describe('Debian', () => {
  if (loginDuo === undefined) {
    notRun('login_duo', 'login-duo libpam-duo pamtester', 'COUNTERSIGN_TEST_DUO_UNIX')
  } else realClients(loginDuo)
})
