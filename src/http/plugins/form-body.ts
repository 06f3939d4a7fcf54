// Bodies that browsers send for a form.

import type { FastifyInstance } from 'fastify'

export const formMediaType = 'application/x-www-form-urlencoded'

/** Bytes of a form; ours have one field. */
const formBytesMax = 4096

/**
 * Makes this instance read forms, too: as an object of texts. A field that is given twice is no
 * form of ours.
 */
export function parseForms(app: FastifyInstance): void {
  app.addContentTypeParser<string>(
    formMediaType,
    { parseAs: 'string', bodyLimit: formBytesMax },
    (_request, text, done) => {
      const fields = [...new URLSearchParams(text)]
      const form = Object.fromEntries(fields)
      if (Object.keys(form).length === fields.length) return done(null, form)
      const fault = Object.assign(new Error('a field twice'), { statusCode: 400, code: 'FST_FORM' })
      return done(fault, undefined)
    },
  )
}
