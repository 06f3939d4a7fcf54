import Fastify, { type RouteShorthandOptions } from 'fastify'
import { expect, test } from 'vitest'
import { refuse } from '../../src/domain/refusal.ts'
import { buildDoorGuard } from '../../src/doors/door.guard.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'

const id = systemRandom.id('integration')
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

test.each([
  ['a bearer token', 'Bearer top-secret', 'top-secret'],
  ['a bearer token, in any case', 'bEARER top-secret', 'top-secret'],
  ['a password under the id of the door', basic(`${id}:top:secret`), 'top:secret'],
  ['no password under another name', basic(`int_other:${'x'.repeat(40)}`), null],
  ['nothing of another scheme', 'Digest top-secret', null],
  ['nothing without a header', undefined, null],
])('the secret that a door checks is %s', async (_, authorization, secret) => {
  await using undo = new AsyncDisposableStack()
  const app = Fastify()
  undo.defer(() => app.close())
  const secrets: (string | null)[] = []
  const guard = buildDoorGuard(
    {
      enterDoor: async ({ proof }) => {
        secrets.push('secret' in proof ? proof.secret : 'another proof')
        return refuse('integration_invalid')
      },
    },
    { authenticate: (_address, _key, work) => work() },
  )
  const { onRequest } = guard({ answers: {} } as never) as unknown as RouteShorthandOptions
  app.get('/:id', { ...(onRequest && { onRequest }) }, () => 'entered')
  const answer = await app.inject({
    url: `/${id}`,
    headers: authorization ? { authorization } : {},
  })
  expect(answer.statusCode).toBe(401)
  expect(secrets).toEqual([secret])
})
