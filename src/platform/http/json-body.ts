// Bodies: JSON in UTF-8 or nothing.

import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest, preValidationHookHandler } from 'fastify'
import { bodyProblemResponses } from './operation.ts'
import { sendProblem } from './problem.ts'

/** Code of the error for a body that is not UTF-8. */
export const notUtf8Code = 'BODY_NOT_UTF8'

const refuseBody: preValidationHookHandler = (request, reply, done) => {
  const { body } = request
  const isEmpty =
    body === undefined ||
    (typeof body === 'object' &&
      body !== null &&
      !Array.isArray(body) &&
      Object.keys(body).length === 0)
  if (isEmpty) return done()
  const errors = [{ path: '', message: 'this call takes no body' }]
  sendProblem(reply, 'invalid_request', { errors })
}

/**
 * Replaces the body parsers of this instance. `__proto__` and `constructor` members are refused,
 * and so are bytes that are not UTF-8: they would be stored otherwise than they were sent. An empty
 * body is no body. `keep` receives the bytes of every body before they are parsed.
 */
export function parseJsonBodies(
  app: FastifyInstance,
  keep?: (request: FastifyRequest, bytes: Buffer) => void,
): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, bytes, done) => {
      if (bytes.length === 0) return done(null, undefined)
      if (!isUtf8(bytes))
        return done(
          Object.assign(new Error('not UTF-8'), { statusCode: 400, code: notUtf8Code }),
          undefined,
        )
      keep?.(request, bytes)
      return parse(request, bytes.toString('utf8'), done)
    },
  )
}

/**
 * Makes every route without a body schema refuse a body with members, and documents the problems of
 * bodies on every route that may receive one.
 */
export function refuseUnknownBodies(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const { schema } = route
    // Routes of a foreign wire format refuse in that format.
    if (
      !schema ||
      route.config?.authApi ||
      [route.method].flat().every((method) => method === 'GET')
    )
      return
    route.schema = {
      ...schema,
      response: { ...bodyProblemResponses, ...(schema.response as object) },
    }
    if (schema.body !== undefined) return
    route.preValidation = [refuseBody, ...[route.preValidation ?? []].flat()]
  })
}
