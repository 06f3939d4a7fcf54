import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Simulator } from '../../simulator/simulator.ts'
import { createTestDatabase } from '../support/database.ts'
import { clockOffBy, isFaketimeHere } from '../support/faketime.ts'
import { freePort } from '../support/ports.ts'
import { notRun } from '../support/programs.ts'
import {
  challengeOf,
  createApi,
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
  startTestSimulator,
} from '../support/running-service.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { until } from '../support/until.ts'

type Asking = Pick<RunningService, 'api'>

/**
 * Creates a challenge, waits for the push, approves on the phone, and reads the relying party's
 * result.
 */
async function signIn({ api }: Asking, phone: Phone, user = 'alice') {
  const creation = await api('POST', '/v1/challenges', { user })
  expect(creation.status, creation.text).toBe(201)
  const { id, number } = creation.json
  await until('the push arrives', () => phone.pushes.find((push) => challengeOf(push) === id))
  const { client } = phone
  const { requests, refusedRequests } = await client.pending()
  expect(refusedRequests).toEqual([])
  const request = requests.find(({ challengeId }) => challengeId === id)
  if (!request) throw new Error('nothing is pending')
  await client.approve(request, number)
  const read = await until('the push is recorded as sent', async () => {
    const { json } = await api('GET', `/v1/challenges/${id}`)
    return json.devices[0].push.status === 'sent' && json
  })
  expect(read.status).toBe('approved')
  return read
}

/** Seconds between the times of a result token and the real ones. */
function ageOf(result: string): number {
  const payload = Buffer.from(result.split('.')[1] ?? '', 'base64url').toString()
  return Math.abs(
    JSON.parse(payload).iat - performance.timeOrigin / 1000 - performance.now() / 1000,
  )
}

describe.each([-300, 300])('in a process whose clock is %i s off', (seconds) => {
  afterEach(() => vi.useRealTimers())

  test('a phone enrolls and signs in, and the result has the true time', async () => {
    await using service = await startTestService()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
    await service.restart()
    const phone = await enrollPhone(service)
    const { result } = await signIn(service, phone)
    expect(ageOf(result)).toBeLessThan(60)
    expect((await service.api('GET', '/health/ready')).status).toBe(200)
    const { text } = await service.api('GET', '/metrics')
    const [, offset] = /^countersign_clock_offset_seconds (\S+)$/m.exec(text) ?? []
    expect(Math.abs(Number(offset) - seconds)).toBeLessThan(10)
  })

  test('nothing changes when the clock jumps by that in the middle', async () => {
    await using service = await startTestService()
    const phone = await enrollPhone(service)
    await signIn(service, phone)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
    const { result } = await signIn(service, phone)
    expect(ageOf(result)).toBeLessThan(60)
  })
})

async function environmentOf(simulator: Simulator, url: string, origin: string, folder: string) {
  const caFile = path.join(folder, 'ca.pem')
  await writeFile(caFile, simulator.caPem)
  const { keyPem, keyId, teamId, bundleIds } = simulator.credentials.apns
  return {
    DATABASE_URL: url,
    MASTER_KEY: 'k'.repeat(43),
    PUBLIC_ORIGIN: origin,
    REVOCATION_LOG: path.join(folder, 'revocations.jsonl'),
    LOG_LEVEL: 'warn',
    APNS_KEY: keyPem,
    APNS_KEY_ID: keyId,
    APNS_TEAM_ID: teamId,
    APNS_BUNDLE_ID: `${bundleIds[0]}`,
    APNS_ADDRESS: `${simulator.apns.host}:${simulator.apns.port}`,
    APNS_CA_FILE: caFile,
  }
}

/** Service processes on one database, each with a wall clock that is off by so many seconds. */
async function startApart(offsets: readonly number[]) {
  const stack = new AsyncDisposableStack()
  const simulator = await startTestSimulator()
  stack.defer(() => simulator.close())
  const database = stack.use(await createTestDatabase())
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-clocks-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const ports = await Promise.all(offsets.map(freePort))
  const origin = `http://127.0.0.1:${ports[0]}`
  const environment = await environmentOf(simulator, database.url, origin, folder)
  const origins: string[] = []
  let key = ''
  const outputs: (() => string)[] = []
  for (const [index, seconds] of offsets.entries()) {
    const own = { ...clockOffBy(seconds), PORT: String(ports[index]) }
    const serviceProcess = stack.use(await startServiceProcess({ ...environment, ...own }))
    outputs.push(serviceProcess.stdout)
    origins.push(`http://127.0.0.1:${ports[index]}`)
    key ||= /cs_[0-9a-z]{26}_[\w-]{43}/.exec(serviceProcess.stdout())?.[0] ?? ''
  }
  const apis = origins.map((at) => createApi(at, key))
  return Object.assign(stack, { simulator, origins, apis, outputs })
}

/** Sends each further call to the next process. */
function inTurns(origins: readonly string[]): typeof fetch {
  let calls = 0
  return (url, init) => {
    const { pathname, search } = new URL(String(url))
    return fetch(`${origins[calls++ % origins.length]}${pathname}${search}`, init)
  }
}

if (isFaketimeHere) {
  describe('with the clock of a whole process moved by libfaketime', () => {
    const offsets = [-300, 300]
    let apart: Awaited<ReturnType<typeof startApart>>
    beforeAll(async () => {
      apart = await startApart(offsets)
    })
    afterAll(() => apart.disposeAsync())

    test.each(offsets)('by %i s, a phone enrolls and signs in', async (seconds) => {
      const api = apart.apis[offsets.indexOf(seconds)]
      const output = apart.outputs[offsets.indexOf(seconds)]
      if (!api || !output) throw new Error('nothing runs')
      const user = `off-by-${seconds}`
      const phone = await enrollPhone({ api, simulator: apart.simulator }, { user })
      const { result } = await signIn({ api }, phone, user)
      expect(ageOf(result)).toBeLessThan(60)
      expect(output().match(/clock of this machine differs/g)).toHaveLength(1)
    })

    test('two processes 600 s apart enroll a phone and sign it in, with calls alternating between them', async () => {
      const turns = inTurns(apart.origins)
      const [first, second] = apart.apis
      if (!first || !second) throw new Error('nothing runs')
      const api: typeof first = (...args) => (args[0] === 'POST' ? first : second)(...args)
      const phone = await enrollPhone({ api, simulator: apart.simulator }, { fetch: turns })
      await signIn({ api }, phone)
      await signIn({ api: second }, phone)
    })
  })
} else {
  notRun('libfaketime', 'faketime')
}
