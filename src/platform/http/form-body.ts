// Bodies that browsers send for a form.

import type { FastifyInstance } from 'fastify'

export const formMediaType = 'application/x-www-form-urlencoded'

/** Bytes of a form of ours, which has one field. */
const formBytesMax = 4096

/** Makes this instance parse forms, and nothing else: any other body is refused. */
export function parseFormsOnly(app: FastifyInstance, bodyLimit = formBytesMax): void {
  app.removeAllContentTypeParsers()
  parseForms(app, bodyLimit)
}

/** Makes this instance parse forms, too: as an object of texts. A repeated field is refused. */
export function parseForms(app: FastifyInstance, bodyLimit = formBytesMax): void {
  app.addContentTypeParser<string>(
    formMediaType,
    { parseAs: 'string', bodyLimit },
    (_request, text, done) => {
      const fields = [...new URLSearchParams(text)]
      const form = Object.fromEntries(fields)
      if (Object.keys(form).length === fields.length) return done(null, form)
      const fault = Object.assign(new Error('a repeated field'), {
        statusCode: 400,
        code: 'FST_FORM',
      })
      return done(fault, undefined)
    },
  )
}
