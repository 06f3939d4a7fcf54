// The unmodified python3-duo-client of Debian signs in, where it is installed.

import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Answer,
  type AuthApiDoor,
  createAuthApiDoor,
  permitNone,
  questionTo,
  startTlsLine,
} from '../../support/auth-api.ts'
import { notRun } from '../../support/programs.ts'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'

const python = ['/usr/bin/python3', 'python3'].find(
  (one) => spawnSync(one, ['-c', 'import duo_client']).status === 0,
)

const program = path.join(import.meta.dirname, '..', '..', 'support', 'duo-client.py')

type Signing = { readonly version: 2 | 4; readonly digest: 'sha1' | 'sha512' }

/** The client in a process of its own. */
async function startClient(interpreter: string, settings: object) {
  const child = spawn(interpreter, [program], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Answer> => JSON.parse((await lines.next()).value ?? 'null')
  child.stdin.write(`${JSON.stringify(settings)}\n`)
  const version: string = await next()
  return {
    version,
    call(name: string, params: object = {}): Promise<Answer> {
      child.stdin.write(`${JSON.stringify({ name, params })}\n`)
      return next()
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      if (child.exitCode === null) await new Promise((resolve) => child.once('close', resolve))
    },
  }
}

function realClient(interpreter: string): void {
  const stack = new AsyncDisposableStack()
  let service: RunningService
  let line: Awaited<ReturnType<typeof startTlsLine>>
  let folder: string
  let door: AuthApiDoor
  beforeAll(async () => {
    service = stack.use(await startTestService())
    line = await startTlsLine(service.origin)
    stack.defer(() => line.close())
    folder = await mkdtemp(path.join(tmpdir(), 'duo-client-'))
    stack.defer(() => rm(folder, { recursive: true }))
    await writeFile(path.join(folder, 'ca.pem'), line.caPem)
    const settings = { kind: 'duo_auth_api', sha1Allowed: true }
    door = await createAuthApiDoor(service, { settings })
    await permitNone(service, door)
  })
  afterAll(() => stack.disposeAsync())

  const start = (signing: Signing, at = door) => {
    const { integrationKey, secret } = at
    const { port } = line
    const ca = path.join(folder, 'ca.pem')
    return startClient(interpreter, { ...signing, integrationKey, secret, port, ca })
  }

  describe.each<Signing>([
    { version: 2, digest: 'sha1' },
    { version: 2, digest: 'sha512' },
    { version: 4, digest: 'sha512' },
  ])('signing by version $version with $digest', (signing) => {
    const { version, digest } = signing
    test('checks, lists devices, lets in, denies, and accepts a code', async () => {
      await using client = await start(signing)
      const user = `j o'h(n)*!é-${version}-${digest}`
      const phone = await enrollPhone(service, { user })
      for (const name of ['ping', 'check']) {
        expect((await client.call(name)).answer.time).toBeGreaterThan(0)
      }
      const offer = await client.call('preauth', { username: user })
      expect(offer.answer).toMatchObject({ result: 'auth', devices: [{ type: 'phone' }] })
      const push = { username: user, factor: 'push', device: 'auto', pushinfo: 'a=b%26' }

      const waits = client.call('auth', push)
      await phone.client.approve(await questionTo(phone), null)
      expect((await waits).answer).toMatchObject({ result: 'allow' })

      const { txid } = (await client.call('auth', { ...push, async_txn: true })).answer
      const follows = client.call('auth_status', { txid })
      await phone.client.deny(await questionTo(phone))
      expect((await follows).answer).toMatchObject({ success: false, status: 'deny' })

      const { passcode } = phone.client.account
      if (!passcode) throw new Error('the phone got no secret')
      const code = TOTP.generate({ ...passcode, secret: Secret.fromBase32(passcode.secret) })
      const input = { username: user, factor: 'passcode', passcode: code }
      expect((await client.call('auth', input)).answer).toMatchObject({ result: 'allow' })
      const unknown = await client.call('preauth', { username: 'nobody' })
      expect(unknown.answer).toMatchObject({ result: 'deny' })
    })

    test('prompts with a number where its caller shows the one from preauth', async () => {
      const settings = { kind: 'duo_auth_api', sha1Allowed: true }
      const showing = await createAuthApiDoor(service, { settings })
      await using client = await start(signing, showing)
      const user = `shown-${version}-${digest}`
      const phone = await enrollPhone(service, { user })
      const params = { username: user, client_supports_verified_push: 'true' }
      const ask = { method: 'POST', path: '/auth/v2/preauth', params }
      const { answer: offer } = await client.call('json_api_call', ask)
      expect(offer.verification_code).toMatch(/^[0-9]{6}$/)
      const waits = client.call('auth', { username: user, factor: 'push', device: 'auto' })
      await phone.client.approve(await questionTo(phone), `${offer.verification_code}`)
      expect((await waits).answer).toMatchObject({ result: 'allow' })
    })

    test('is denied with a wrong secret', async () => {
      await using client = await start(signing, { ...door, secret: 'X'.repeat(40) })
      expect((await client.call('check')).status).toBe(401)
      const { answer } = await client.call('preauth', { username: 'ada' })
      expect(answer).toMatchObject({ result: 'deny' })
    })
  })
}

if (python === undefined) {
  notRun('duo_client', 'python3-duo-client', 'COUNTERSIGN_TEST_DUO_CLIENT')
} else describe('duo_client of Debian', () => realClient(python))
