import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { carryPortalSessions, portalSessionOf } from '../../src/portal/portal-session.guard.ts'

test('a route that was built without the guard of the portal serves nobody', async () => {
  await using undo = new AsyncDisposableStack()
  const app = Fastify()
  undo.defer(() => app.close())
  carryPortalSessions(app)
  app.get('/', (request) => ({ session: portalSessionOf(request) }))
  const answer = await app.inject('/')
  expect(answer.statusCode).toBe(500)
  expect(answer.json()).toMatchObject({ message: 'this route was built without a portal guard' })
})
