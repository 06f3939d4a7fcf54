// The example script, run as pam_exec runs it: by sh, with PAM's environment.

import { spawn } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWaitDoor, questionTo, type TestDoor } from '../../support/doors.ts'
import { notRun, programOf } from '../../support/programs.ts'
import {
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const isThere = programOf('curl') !== undefined

const script = () => {
  let service: RunningService
  let door: TestDoor
  let folder: string
  beforeAll(async () => {
    service = await startTestService()
    door = await createWaitDoor(service)
    folder = await mkdtemp(path.join(tmpdir(), 'cs-pam-'))
    await configure(service.origin)
    await writeFile(path.join(folder, 'header'), `Authorization: Bearer ${door.secret}\n`)
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
    await service[Symbol.asyncDispose]()
  })

  const configure = (origin: string) =>
    writeFile(
      path.join(folder, 'conf'),
      `COUNTERSIGN_DOOR=${origin}/integrations/wait/${door.id}\nCOUNTERSIGN_HEADER=${folder}/header\n`,
    )

  /** Runs it; `number` is the number that the user sees. */
  function run(environment: Readonly<Record<string, string>>) {
    const child = spawn('sh', ['examples/pam-exec/countersign.sh'], {
      env: {
        PATH: process.env.PATH,
        COUNTERSIGN_CONFIG: path.join(folder, 'conf'),
        PAM_TYPE: 'auth',
        PAM_RHOST: '203.0.113.7',
        ...environment,
      },
    })
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    const code = new Promise<number | null>((resolve) => child.once('close', resolve))
    const number = () => until('a number is shown', () => /Type (\d{6}) on/.exec(output)?.[1])
    return { code, number }
  }

  test('succeeds when the user types the number on the phone', async () => {
    const phone = await enrollPhone(service, { user: 'alice' })
    const { code, number } = run({ PAM_USER: 'alice' })
    const request = await questionTo(phone)
    expect(request.context.ip).toBe('203.0.113.7')
    await phone.client.approve(request, await number())
    expect(await code).toBe(0)
  })

  test('fails when the user denies', async () => {
    const phone = await enrollPhone(service, { user: 'bob' })
    const { code } = run({ PAM_USER: 'bob', PAM_RHOST: 'host.example.com' })
    const request = await questionTo(phone)
    expect(request.context.ip).toBeUndefined()
    await phone.client.deny(request)
    expect(await code).toBe(1)
  })

  test.each([
    ['an unknown user', { PAM_USER: 'nobody' }],
    ['a name that is more than a name', { PAM_USER: 'alice","number":"000000' }],
    ['no name', { PAM_USER: '' }],
    ['another part of PAM', { PAM_USER: 'alice', PAM_TYPE: 'account' }],
  ])('fails for %s', async (_, environment) => {
    expect(await run(environment).code).toBe(1)
  })

  test('fails while the service is unavailable', async () => {
    await configure('http://127.0.0.1:1')
    expect(await run({ PAM_USER: 'alice' }).code).toBe(1)
    await configure(service.origin)
  })
}

test('the script for pam_exec lets nobody in where curl is missing', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-pam-'))
  stack.defer(() => rm(folder, { recursive: true }))
  for (const name of ['hostname', 'tr', 'od']) {
    await symlink(programOf(name) ?? '', path.join(folder, name))
  }
  const door = 'http://127.0.0.1:1/integrations/wait/int_1'
  const conf = path.join(folder, 'conf')
  await writeFile(conf, `COUNTERSIGN_DOOR=${door}\nCOUNTERSIGN_HEADER=${folder}/header\n`)
  const env = { PATH: folder, COUNTERSIGN_CONFIG: conf, PAM_TYPE: 'auth', PAM_USER: 'alice' }
  const child = spawn('/bin/sh', ['examples/pam-exec/countersign.sh'], { env })
  let output = ''
  child.stderr.on('data', (data) => {
    output += data
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  expect(output).toContain('curl')
  expect(code).toBe(1)
})

if (isThere) describe('the script for pam_exec', script)
else {
  notRun('curl', 'curl')
}
