// Login programs on terminals: the prompt that they print, the number in it, and clients that count
// answers. The calls of pam_duo and login_duo come from a client of this project.

import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService } from '../../../src/service/compose.ts'
import {
  type Answer,
  type AuthApiDoor,
  callSigned,
  createAuthApiDoor,
  questionTo,
} from '../../support/auth-api.ts'
import { onServer } from '../../support/cluster.ts'
import { letTimePass } from '../../support/passing-time.ts'
import { freePort } from '../../support/ports.ts'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const stack = new AsyncDisposableStack()
let service: RunningService
let elsewhere: string
let door: AuthApiDoor
beforeAll(async () => {
  service = stack.use(await startTestService())
  const port = await freePort()
  const log = pino({ level: 'silent' })
  const second = await startService({ ...service.config, port }, service.origin, log)
  stack.defer(() => second.stop())
  elsewhere = `http://127.0.0.1:${port}`
  door = await createAuthApiDoor(service)
})
afterAll(() => stack.disposeAsync())

type Params = Readonly<Record<string, string>>

async function post(name: string, params: Params, origin = service.origin): Promise<Answer> {
  return (await callSigned(origin, door, 'POST', name, params)).json.response
}
async function status(txid: string, origin = service.origin): Promise<Answer> {
  return (await callSigned(origin, door, 'GET', 'auth_status', { txid })).json.response
}

/** The parameters of a login program about the user at its terminal. */
const terminal = (username: string, more: Params = {}) => ({
  username,
  hostname: 'bastion-1',
  ipaddr: '203.0.113.7',
  ...more,
})
const prompting = { text_prompt: '1', failmode: 'closed' }
const numberIn = (text: string) => /type (\d{6}) there/.exec(text)?.[1] ?? ''

test('the prompt shows the number, and choosing its line prompts the phone that accepts it', async () => {
  const phone = await enrollPhone(service, { user: 'ada' })
  const { prompt } = await post('preauth', terminal('ada', prompting))
  expect(prompt.text).toMatch(
    /^Sign in as ada\n\n 1\. Approve on your phone and type \d{6} there\n\nCode or option \(1\): $/,
  )
  // A client without a terminal takes the default, and nobody would see the number.
  expect(prompt.factors).toEqual({ 1: 'push1', default: 'no_terminal' })
  const params = terminal('ada', { factor: 'prompt', prompt: prompt.factors[1], async: '0' })
  const pushinfo = 'Server+IP=192.0.2.1&Command=rm+-rf+%2F'
  const decision = post('auth', { ...params, pushinfo })
  const question = await questionTo(phone)
  expect(question.context).toEqual({
    relyingParty: 'Default',
    application: 'Bastion',
    action: 'Sign in',
    ip: '203.0.113.7',
    fields: [
      { label: 'Host', value: 'bastion-1' },
      { label: 'Server IP', value: '192.0.2.1' },
      { label: 'Command', value: 'rm -rf /' },
    ],
  })
  await phone.client.approve(question, numberIn(prompt.text))
  expect(await decision).toMatchObject({ result: 'allow' })
})

describe('of two sign-ins of one user at one place', () => {
  test('neither number counts without a txid, and the next sign-in works again', async () => {
    const phone = await enrollPhone(service, { user: 'twice' })
    const [one, other] = [
      await post('preauth', terminal('twice', prompting)),
      await post('preauth', terminal('twice', prompting), elsewhere),
    ]
    expect(one.txid).not.toBe(other.txid)
    const push = terminal('twice', { factor: 'prompt', prompt: 'push1' })
    const refusal = await post('auth', push)
    expect(refusal).toMatchObject({
      result: 'deny',
      status_msg: expect.stringContaining('Another sign-in was started here'),
    })
    for (const { txid } of [one, other]) {
      expect(await post('auth', { ...push, txid })).toMatchObject({ result: 'deny' })
    }
    expect((await phone.client.pending()).requests).toEqual([])
    const { prompt } = await post('preauth', terminal('twice', prompting))
    const decision = post('auth', push)
    await phone.client.approve(await questionTo(phone), numberIn(prompt.text))
    expect(await decision).toMatchObject({ result: 'allow' })
  })

  test('each keeps its number where the client names it', async () => {
    const phone = await enrollPhone(service, { user: 'named' })
    const [one] = [
      await post('preauth', terminal('named', prompting)),
      await post('preauth', terminal('named', prompting)),
    ]
    const push = terminal('named', { factor: 'prompt', prompt: 'verified_push1', txid: one.txid })
    const decision = post('auth', push)
    await phone.client.approve(await questionTo(phone), one.verification_code)
    expect(await decision).toMatchObject({ result: 'allow' })
  })

  test('a typed code leaves no number behind that disturbs the next one', async () => {
    const phone = await enrollPhone(service, { user: 'typo' })
    await post('preauth', terminal('typo', prompting))
    const input = terminal('typo', { factor: 'prompt', prompt: '00000000' })
    expect(await post('auth', input)).toMatchObject({ result: 'deny', status_msg: 'Wrong code.' })
    const { prompt } = await post('preauth', terminal('typo', prompting))
    const decision = post('auth', terminal('typo', { factor: 'prompt', prompt: '1' }))
    await phone.client.approve(await questionTo(phone), numberIn(prompt.text))
    expect(await decision).toMatchObject({ result: 'allow' })
  })
})

test.each([{ ipaddr: '203.0.113.8' }, { hostname: 'bastion-2' }, { ipaddr: '' }])(
  'a number shown elsewhere does not count at %j',
  async (place) => {
    const username = `elsewhere-${JSON.stringify(place)}`
    await enrollPhone(service, { user: username })
    await post('preauth', terminal(username, prompting))
    const push = {
      ...terminal(username, { factor: 'prompt', prompt: 'push1', async: '1' }),
      ...place,
    }
    expect(await post('auth', push)).toMatchObject({ result: 'deny' })
  },
)

test('a number shown two minutes ago no longer counts', async () => {
  await enrollPhone(service, { user: 'late' })
  const { txid, expiration } = await post('preauth', terminal('late', prompting))
  expect(expiration - Date.now() / 1000).toBeLessThanOrEqual(121)
  await onServer(service.database.url, (client) =>
    client.query(
      `update shown_numbers set expires_at = clock_timestamp() - interval '1 ms' where id = $1`,
      [txid],
    ),
  )
  const push = terminal('late', { factor: 'prompt', prompt: 'push1', async: '1' })
  expect(await post('auth', push)).toMatchObject({ result: 'deny' })
  expect(await post('auth', { ...push, txid })).toMatchObject({ result: 'deny' })
})

test('one number serves one of many concurrent challenges', async () => {
  const phone = await enrollPhone(service, { user: 'racer' })
  const { verification_code } = await post('preauth', terminal('racer', prompting))
  const push = terminal('racer', { factor: 'prompt', prompt: 'push1', async: '1' })
  const all = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      post('auth', push, index % 2 === 0 ? service.origin : elsewhere),
    ),
  )
  const challengeReplies = all.filter(({ txid }) => !txid.startsWith('denied.'))
  expect(challengeReplies).toHaveLength(1)
  await phone.client.approve(await questionTo(phone), verification_code)
  expect(await status(challengeReplies[0].txid)).toMatchObject({ result: 'allow' })
})

test('a challenge of one process is followed in another, by its own client only', async () => {
  const phone = await enrollPhone(service, { user: 'wanderer' })
  const { prompt } = await post('preauth', terminal('wanderer', prompting), elsewhere)
  const push = terminal('wanderer', { factor: 'prompt', prompt: 'push1', async: '1' })
  const { txid } = await post('auth', push)
  const other = await createAuthApiDoor(service)
  const foreign = await callSigned(elsewhere, other, 'GET', 'auth_status', { txid })
  expect(foreign.json.response).toMatchObject({ result: 'deny' })
  const waiting = status(txid, elsewhere)
  await phone.client.approve(await questionTo(phone), numberIn(prompt.text))
  expect(await waiting).toMatchObject({ result: 'allow' })
})

describe('a client that would let the person in after twenty unfinished answers', () => {
  const push = (username: string) =>
    terminal(username, { factor: 'prompt', prompt: 'push1', async: '1' })

  test('is denied at the fifteenth at the latest, over all processes, and the challenge is cancelled', async () => {
    const phone = await enrollPhone(service, { user: 'counted' })
    const { verification_code } = await post('preauth', terminal('counted', prompting))
    const { txid } = await post('auth', push('counted'))
    const question = await questionTo(phone)
    // Hanging up immediately costs an answer, too.
    for (let answers = 0; answers < 14; answers++) {
      const origin = answers % 2 === 0 ? service.origin : elsewhere
      const disconnect = new AbortController()
      const params = { txid }
      const poll = callSigned(origin, door, 'GET', 'auth_status', params, {
        signal: disconnect.signal,
      })
      await untilCounted(txid, answers + 1)
      disconnect.abort()
      await expect(poll).rejects.toThrow()
    }
    expect(await status(txid)).toMatchObject({ result: 'deny', status_msg: expect.any(String) })
    await expect(phone.client.approve(question, verification_code)).rejects.toThrow()
    expect(await status(txid)).toMatchObject({ result: 'deny' })
  })

  test('is delayed so long that the lifetime is over by then', async () => {
    await door.change({ ttlSeconds: 15 })
    const { userId } = await enrollPhone(service, { user: 'held' })
    await post('preauth', terminal('held', prompting))
    const { txid } = await post('auth', push('held'))
    // A fifth of the lifetime, and of how long each answer waits for its end.
    await onServer(service.database.url, async (client) => {
      await letTimePass((sql, values) => client.query(sql, values), userId, 12)
      const text = `update followed_challenges set hold_ms = hold_ms / 5
        where challenge_id = $1 returning hold_ms`
      expect((await client.query(text, [txid])).rows).toEqual([{ hold_ms: 300 }])
    })
    const results: string[] = []
    do results.push((await status(txid)).result)
    while (results.at(-1) === 'waiting')
    expect(results.at(-1)).toBe('deny')
    expect(results.length).toBeGreaterThan(5)
    expect(results.length).toBeLessThanOrEqual(11)
    await door.change({ ttlSeconds: null })
  })

  async function untilCounted(txid: string, answers: number): Promise<void> {
    await until(`answer ${answers} is counted`, () =>
      onServer(service.database.url, async (client) => {
        const text = 'select answers from followed_challenges where challenge_id = $1'
        const { rows } = await client.query<{ answers: number }>(text, [txid])
        return (rows[0]?.answers ?? 0) >= answers
      }),
    )
  }
})

test('attacker-chosen texts reach a terminal or phone as plain visible text only', async () => {
  const evil = '\u001b[2J\u001b]0;x\u0007\u202eroot\u200b\u009b31m'
  const phone = await enrollPhone(service, { user: 'target' })
  const { prompt, status_msg } = await post('preauth', terminal('target', prompting))
  const unknown = await post('preauth', terminal(`x${evil}`, prompting))
  const hostile = {
    ...terminal('target', { factor: 'prompt', prompt: 'push1' }),
    type: `Log${evil}in`,
    display_username: evil.repeat(20),
    pushinfo: `${encodeURIComponent(evil)}=${encodeURIComponent('y'.repeat(5_000) + evil)}&${'a=b&'.repeat(500)}`,
  }
  const decision = post('auth', hostile)
  const question = await questionTo(phone)
  await phone.client.approve(question, numberIn(prompt.text))
  const texts = [prompt.text, status_msg, unknown.status_msg, (await decision).status_msg]
  for (const text of texts) expect(text.replaceAll('\n', '')).toMatch(/^[\x20-\x7e]*$/)
  const shownContext = JSON.stringify(question.context)
  expect(shownContext).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  expect(question.context.fields?.length).toBeLessThanOrEqual(8)
  for (const { label, value } of question.context.fields ?? []) {
    expect(label.length).toBeLessThanOrEqual(64)
    expect(value.length).toBeLessThanOrEqual(256)
  }
})

test('a client that hangs up while it waits cancels the challenge', async () => {
  const phone = await enrollPhone(service, { user: 'hanging' })
  const { verification_code } = await post('preauth', terminal('hanging', prompting))
  const disconnect = new AbortController()
  const push = terminal('hanging', { factor: 'prompt', prompt: 'push1', async: '0' })
  const how = { signal: disconnect.signal }
  const poll = callSigned(service.origin, door, 'POST', 'auth', push, how)
  const question = await questionTo(phone)
  disconnect.abort()
  await expect(poll).rejects.toThrow()
  await until('the challenge is gone', async () => {
    const { requests } = await phone.client.pending()
    return requests.length === 0
  })
  await expect(phone.client.approve(question, verification_code)).rejects.toThrow()
})
