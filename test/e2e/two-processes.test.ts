import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import { startService } from '../../src/service/compose.ts'
import { freePort } from '../support/ports.ts'
import { createApi, enrollPhone, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'

const log = pino({ level: 'silent' })

/** Two service processes on one database: requests reach one, the phone calls the other. */
async function startTwo(redisUrl: string | null) {
  const stack = new AsyncDisposableStack()
  const first = stack.use(await startTestService({ redisUrl }))
  const port = await freePort()
  const second = await startService({ ...first.config, port }, first.origin, log)
  stack.defer(() => second.stop())
  const secondOrigin = `http://127.0.0.1:${port}`
  const phone = await enrollPhone(first)
  const elsewhere = new DeviceClient({
    account: phone.client.account,
    keys: phone.keys,
    fetch: (url, init) => fetch(String(url).replace(first.origin, secondOrigin), init),
  })
  return { first, api: createApi(secondOrigin, first.key), elsewhere, stack }
}

// Redis is used where the environment provides one.
const carriers: [name: string, redisUrl: string | null][] = [['PostgreSQL', null]]
if (process.env.REDIS_URL) carriers.push(['Redis', process.env.REDIS_URL])

describe.each(carriers)('with signals over %s', (_, redisUrl) => {
  test('an answer accepted by one process wakes the waiting request in the other', async () => {
    await using two = await startTwo(redisUrl).then((processes) =>
      Object.assign(processes.stack, processes),
    )
    const creation = await two.first.api('POST', '/v1/challenges', { user: 'alice' })
    const waiting = two.first.api('GET', `/v1/challenges/${creation.json.id}?wait=30`)
    const { requests } = await two.elsewhere.pending()
    const [request] = requests
    if (!request) throw new Error('nothing is pending')
    await two.elsewhere.approve(request, creation.json.number)
    expect((await waiting).json).toMatchObject({ status: 'approved' })
  })

  test('a waiting request in one process ends when the other revokes its key', async () => {
    await using two = await startTwo(redisUrl).then((processes) =>
      Object.assign(processes.stack, processes),
    )
    const challengeReply = await two.first.api('POST', '/v1/challenges', { user: 'alice' })
    const challenge = `/v1/challenges/${challengeReply.json.id}`
    const headers = { authorization: `Bearer ${two.first.key}` }
    const events = await fetch(`${two.first.origin}${challenge}/events`, { headers })
    const replies = [
      two.first.api('GET', `${challenge}?wait=30`),
      two.first.api('POST', '/v1/challenges?wait=30', { user: 'alice' }),
      events.text(),
    ] as const
    const [own] = (await two.api('GET', '/v1/api-keys')).json.items
    expect((await two.api('POST', `/v1/api-keys/${own.id}/revoke`)).status).toBe(200)
    const revokedAt = performance.now()
    const [poll, creation, laterReply] = await Promise.all(replies)
    expect(performance.now() - revokedAt).toBeLessThan(3_000)
    expect([poll.status, poll.json.code]).toEqual([401, 'api_key_invalid'])
    expect([creation.status, creation.json.code]).toEqual([401, 'api_key_invalid'])
    expect(laterReply.match(/^event: challenge$/gm)).toHaveLength(1)
  })

  test('a key that one process revokes is refused by the other', async () => {
    await using two = await startTwo(redisUrl).then((processes) =>
      Object.assign(processes.stack, processes),
    )
    const [own] = (await two.api('GET', '/v1/api-keys')).json.items
    expect((await two.first.api('GET', '/v1/tenant')).status).toBe(200)
    expect((await two.api('POST', `/v1/api-keys/${own.id}/revoke`)).status).toBe(200)
    expect((await two.api('GET', '/v1/tenant')).status).toBe(401)
    await until('the other process refuses it', async () => {
      const { status } = await two.first.api('GET', '/v1/tenant')
      return status === 401
    })
  })
})
