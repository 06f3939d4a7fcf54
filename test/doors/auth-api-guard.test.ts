import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { refuse } from '../../src/domain/refusal.ts'
import { authApiCallOf, keepSignedBodies } from '../../src/doors/auth-api/auth-api.guard.ts'
import { anApp } from '../platform/http/fixtures.ts'

test('the signature of a body of 32 KiB is verified, and a longer body is denied unread', async () => {
  const signedBytes: number[] = []
  await using app = await anApp({
    enterBySignature: async ({ params }) => {
      signedBytes.push(params.map(([name, value]) => `${name}=${value}`).join('&').length)
      return refuse('integration_invalid')
    },
  })
  const post = (bytes: number) =>
    app.inject({
      method: 'POST',
      url: '/auth/v2/preauth',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'username='.padEnd(bytes, 'x'),
    })
  const answers = [await post(32 * 1024), await post(32 * 1024 + 1)]
  expect(signedBytes).toEqual([32 * 1024])
  for (const answer of answers) {
    expect([answer.statusCode, answer.json().response.result]).toEqual([200, 'deny'])
  }
})

test('a route that was built without the guard knows no caller', async () => {
  await using undo = new AsyncDisposableStack()
  const app = Fastify()
  undo.defer(() => app.close())
  keepSignedBodies(app)
  app.get('/', async (request) => authApiCallOf(request))
  expect((await app.inject('/')).json().message).toContain('without the guard of the Auth API')
})

test.each([
  ['{"username":"ada","remember":1,"push":true,"device":null}', true],
  ['{"username":"ada","device":["auto"]}', false],
  ['["ada"]', false],
  ['[]', false],
  ['"ada"', false],
  ['null', false],
  ['{"username":"\xff"}', false],
  ['{"username":', false],
])('a JSON body counts only as an object of plain members in UTF-8: %s', async (text, isRead) => {
  let readCount = 0
  await using app = await anApp({
    enterBySignature: async () => {
      readCount += 1
      return refuse('integration_invalid')
    },
  })
  await app.inject({
    method: 'POST',
    url: '/auth/v2/preauth',
    headers: { 'content-type': 'application/json' },
    payload: Buffer.from(text, 'latin1'),
  })
  expect(readCount).toBe(isRead ? 1 : 0)
})
