import { fastify } from 'fastify'
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { refuse } from '../../../src/domain/refusal.ts'
import { nothing, publicOperation } from '../../../src/platform/http/operation.ts'
import { route } from '../../../src/platform/http/route.ts'

const body = z.strictObject({ name: z.string() })
const operation = {
  operationId: 'tryRoute',
  tag: 'operations',
  summary: 'A route of this test',
  answers: { 201: { description: 'A name.', schema: body } },
  refusals: ['conflict'],
} as const

function anApp() {
  const app = fastify().withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  return app
}

describe('a route', () => {
  it('sends what its handler returns with the one status that it declares', async () => {
    await using app = anApp()
    route(app, 'POST /names', publicOperation(operation), () => ({ name: 'Ada' }))
    const answer = await app.inject({ method: 'POST', url: '/names' })
    expect([answer.statusCode, answer.json()]).toEqual([201, { name: 'Ada' }])
  })

  it('sends no body where it declares none', async () => {
    await using app = anApp()
    const answers = { 204: nothing('Done.') }
    route(app, 'DELETE /names', publicOperation({ ...operation, answers }), () => undefined)
    const answer = await app.inject({ method: 'DELETE', url: '/names' })
    expect([answer.statusCode, answer.body]).toEqual([204, ''])
  })

  it('sends a refusal as a problem', async () => {
    await using app = anApp()
    route(app, 'POST /names', publicOperation(operation), () => refuse('conflict'))
    const answer = await app.inject({ method: 'POST', url: '/names' })
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'conflict'])
  })

  it('does not compile with a refusal that it does not declare', () => {
    const schema = publicOperation(operation)
    // @ts-expect-error push_locked is not declared
    route(anApp(), 'POST /a', schema, () => refuse('push_locked'))
    // @ts-expect-error one of the two is not declared
    route(anApp(), 'POST /b', schema, () => refuse(Date.now() ? 'conflict' : 'push_locked'))
    // @ts-expect-error only a route with parameters can find nothing
    route(anApp(), 'POST /c', schema, () => refuse('not_found'))
  })

  it('does not compile with a body that it does not declare', () => {
    const schema = publicOperation(operation)
    // @ts-expect-error a body without a name
    route(anApp(), 'POST /a', schema, () => ({ id: 1 }))
    // @ts-expect-error no body
    route(anApp(), 'POST /b', schema, () => undefined)
  })
})
