import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { freePort } from '../support/ports.ts'
import { startServiceProcess } from '../support/service-process.ts'

vi.setConfig({ testTimeout: 120_000 })

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const masterKey = Buffer.alloc(32, 9).toString('base64url')

/** Starts the service with this Redis, waits until it is ready, and stops it. */
async function live(redisUrl: string) {
  await using service = await startServiceProcess({
    DATABASE_URL: database.url,
    MASTER_KEY: masterKey,
    REDIS_URL: redisUrl,
    PORT: '0',
    LOG_LEVEL: 'warn',
  })
  const ready = await fetch(`${service.origin}/health/ready`)
  service.kill('SIGTERM')
  const { code } = await service.exit
  const interruptions = service.stdout().match(/"msg":"signals interrupted/g) ?? []
  return { ready: ready.status, code, said: interruptions.length }
}

const well = { ready: 200, code: 0, said: 1 }

test('the service starts, logs it once and stops while Redis is unavailable', async () => {
  expect(await live(`redis://127.0.0.1:${await freePort()}`)).toEqual(well)
})

test('the service starts, logs it once and stops while Redis accepts and stays silent', async () => {
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  expect(await live(`redis://127.0.0.1:${address.port}`)).toEqual(well)
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})
