// The example configuration in a real FreeRADIUS with a real rlm_rest, and a real RADIUS client.

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest'
import {
  createWaitDoor,
  permitNone,
  questionsRead,
  questionTo,
  type TestDoor,
} from '../../support/doors.ts'
import { startListener } from '../../support/ports.ts'
import { notRun, programOf } from '../../support/programs.ts'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const server = programOf('freeradius', 'radiusd')
const client = programOf('radclient')
const isThere =
  server !== undefined && client !== undefined && existsSync('/usr/lib/freeradius/rlm_rest.so')
const packages = 'freeradius freeradius-rest freeradius-utils'

const secret = 'testing123'
const password = 'correct horse'

type RadiusReply = {
  readonly kind: string
  readonly text: string
  readonly state: string | undefined
}

/** Sends one Access-Request, as an access server does. */
function radius(port: number, attributes: Readonly<Record<string, string>>): Promise<RadiusReply> {
  const { State, ...texts } = attributes
  const quotedAttributes = Object.entries(texts).map(
    ([name, value]) => `${name} = "${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
  )
  const attributeLines = [
    ...quotedAttributes,
    ...(State ? [`State = ${State}`] : []),
    'Message-Authenticator = 0x00',
  ]
  const words = ['-x', '-t', '30', '-r', '1', `127.0.0.1:${port}`, 'auth', secret]
  return new Promise((resolve, reject) => {
    const child = execFile(client ?? '', words, (error, stdout, stderr) => {
      const [, kind, rest = ''] = /Received (Access-\w+)([\s\S]*)/.exec(stdout) ?? []
      if (kind === undefined) return reject(error ?? new Error(stdout + stderr))
      const [, text = ''] = /Reply-Message = "(.*)"/.exec(rest) ?? []
      resolve({ kind, text, state: /State = (0x[0-9a-f]+)/.exec(rest)?.[1] })
    })
    child.stdin?.end(attributeLines.join(', '))
  })
}

const realServer = () => {
  const stack = new AsyncDisposableStack()
  let service: RunningService
  beforeAll(async () => {
    service = stack.use(await startTestService())
  })
  afterAll(() => stack.disposeAsync())

  /** A running server with these users for the first factor. */
  async function startRadius(
    { id, secret: doorSecret }: TestDoor,
    users: readonly string[],
    site = 'sites-enabled/countersign',
  ): Promise<number> {
    const folder = await mkdtemp(path.join(tmpdir(), 'cs-radius-'))
    stack.defer(() => rm(folder, { recursive: true }))
    await cp('examples/freeradius', folder, { recursive: true })
    await cp(path.join(folder, site), path.join(folder, 'sites-enabled', 'countersign'), {
      force: true,
    }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_FS_CP_EINVAL') throw error
    })
    const userLines = users.map(
      (user) => `"${user.replaceAll('"', '\\"')}" Cleartext-Password := "${password}"\n`,
    )
    await appendFile(path.join(folder, 'users'), `\n${userLines.join('')}`)
    const listener = stack.use(
      await startListener({
        name: 'FreeRADIUS',
        program: server ?? '',
        prepare: async (port) => ({
          words: ['-d', folder, '-n', 'radiusd', '-f', '-xx', '-l', 'stdout'],
          environment: {
            RADIUS_CONFIG: folder,
            RADIUS_PORT: String(port),
            RADIUS_SECRET: secret,
            COUNTERSIGN_DOOR: `${service.origin}/integrations/wait/${id}`,
            COUNTERSIGN_SECRET: doorSecret,
          },
        }),
        isListening: ({ output }) => output().includes('Ready to process requests'),
      }),
    )
    onTestFailed(() => void process.stderr.write(listener.output()))
    return listener.port
  }

  /** The first step: the password is right, and the number to show is returned. */
  async function firstStep(port: number, user: string) {
    const first = await radius(port, {
      'User-Name': user,
      'User-Password': password,
      'Calling-Station-Id': '203.0.113.7',
      'NAS-Identifier': 'vpn-1',
    })
    const [, number = ''] = /type (\d{6}) on your phone/.exec(first.text) ?? []
    expect(first.kind, first.text).toBe('Access-Challenge')
    return { number, State: first.state ?? '' }
  }

  test('shows a number by Access-Challenge, and lets in a user who types it on the phone', async () => {
    const phone = await enrollPhone(service, { user: 'alice' })
    const port = await startRadius(await createWaitDoor(service), ['alice'])
    const { number, State } = await firstStep(port, 'alice')
    const second = radius(port, { 'User-Name': 'alice', State })
    const request = await questionTo(phone)
    expect(request.context.ip).toBe('203.0.113.7')
    await phone.client.approve(request, number)
    expect((await second).kind).toBe('Access-Accept')
  })

  test('joins the question when the access server sends its packet once more, and lets in once', async () => {
    const phone = await enrollPhone(service, { user: 'heidi' })
    const port = await startRadius(await createWaitDoor(service), ['heidi'])
    const { number, State } = await firstStep(port, 'heidi')
    const before = await questionsRead(service)
    const first = radius(port, { 'User-Name': 'heidi', State })
    const request = await questionTo(phone)
    const again = radius(port, { 'User-Name': 'heidi', State })
    await until('it has joined', async () => (await questionsRead(service)) === before + 2)
    expect((await phone.client.pending()).requests).toHaveLength(1)
    await phone.client.approve(request, number)
    expect((await first).kind).toBe('Access-Accept')
    expect((await again).kind).toBe('Access-Accept')
    expect((await radius(port, { 'User-Name': 'heidi', State })).kind).toBe('Access-Reject')
    expect((await phone.client.pending()).requests).toEqual([])
  })

  test('rejects with the service’s text when the user denies', async () => {
    const phone = await enrollPhone(service, { user: 'bob' })
    const port = await startRadius(await createWaitDoor(service), ['bob'])
    const { State } = await firstStep(port, 'bob')
    const second = radius(port, { 'User-Name': 'bob', State })
    await phone.client.deny(await questionTo(phone))
    expect(await second).toMatchObject({ kind: 'Access-Reject', text: 'The sign-in was denied.' })
  })

  test('rejects unknown users, a foreign state, and a wrong secret', async () => {
    const door = await createWaitDoor(service)
    const port = await startRadius(door, ['nobody', 'carol'])
    await enrollPhone(service, { user: 'carol' })
    const unknown = await firstStep(port, 'nobody')
    const isRejected = async (attributes: Record<string, string>) =>
      expect((await radius(port, attributes)).kind).toBe('Access-Reject')
    await isRejected({ 'User-Name': 'nobody', State: unknown.State })
    await isRejected({ 'User-Name': 'carol', State: `0x${'00'.repeat(16)}` })
    await isRejected({ 'User-Name': 'carol', 'User-Password': 'wrong' })
    const wrongly = await startRadius({ ...door, secret: 'x'.repeat(43) }, ['carol'])
    const firstReply = await firstStep(wrongly, 'carol')
    expect((await radius(wrongly, { 'User-Name': 'carol', State: firstReply.State })).kind).toBe(
      'Access-Reject',
    )
  })

  test('lets nobody in under a name with the state of another user', async () => {
    const mallory = await enrollPhone(service, { user: 'mallory' })
    const port = await startRadius(await createWaitDoor(service), ['mallory', 'grace'])
    const { State } = await firstStep(port, 'mallory')
    // Mallory would approve Mallory's own challenge, and be let in as Grace.
    expect((await radius(port, { 'User-Name': 'grace', State })).kind).toBe('Access-Reject')
    expect((await mallory.client.pending()).requests).toEqual([])
  })

  test('accepts names with a domain prefix', async () => {
    const phone = await enrollPhone(service, { user: 'frank' })
    const userNames = { domain: 'prefix', domains: ['CORP'], lowerCase: true }
    const port = await startRadius(await createWaitDoor(service, { userNames }), ['DEFAULT'])
    const { number, State } = await firstStep(port, 'CORP\\Frank')
    const second = radius(port, { 'User-Name': 'CORP\\Frank', State })
    await phone.client.approve(await questionTo(phone), number)
    expect((await second).kind).toBe('Access-Accept')
  })

  test('never interprets a name as more than a name', async () => {
    const phone = await enrollPhone(service, { user: 'dave' })
    const hostile = 'dave","number":"000000","ip":"'
    const port = await startRadius(await createWaitDoor(service), [hostile])
    const { State } = await firstStep(port, hostile)
    expect((await radius(port, { 'User-Name': hostile, State })).kind).toBe('Access-Reject')
    expect((await phone.client.pending()).requests).toEqual([])
  })

  test('does it in one step without a number, where the policy of the tenant permits that', async () => {
    const phone = await enrollPhone(service, { user: 'erin' })
    const door = await createWaitDoor(service)
    const site = 'sites-available/countersign-without-number'
    const port = await startRadius(door, ['erin'], site)
    const attributes = { 'User-Name': 'erin', 'User-Password': password }
    expect((await radius(port, attributes)).kind).toBe('Access-Reject')
    await permitNone(service, door)
    const answer = radius(port, attributes)
    await phone.client.approve(await questionTo(phone), null)
    expect((await answer).kind).toBe('Access-Accept')
    expect((await radius(port, { ...attributes, 'User-Password': 'wrong' })).kind).toBe(
      'Access-Reject',
    )
  })
}

if (isThere) describe('FreeRADIUS with the example configuration', realServer)
else {
  notRun('FreeRADIUS', packages, 'COUNTERSIGN_TEST_FREERADIUS')
}
