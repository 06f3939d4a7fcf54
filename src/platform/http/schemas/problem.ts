import { z } from 'zod'
import { type ProblemCode, problems } from '../problem-table.ts'

const codes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]]

/** A problem document with its extension members (RFC 9457, 3.2). */
export const problemSchema = z
  .looseObject({
    type: z.string().meta({ description: 'Names the kind of problem; holds the code.' }),
    title: z.string().meta({
      description:
        'What is wrong, for people: one sentence for each code, in the language of ' +
        '`Accept-Language` as far as there are texts in it, else in English.',
    }),
    status: z.int().meta({ description: 'The HTTP status.' }),
    code: z.enum(codes).meta({ description: 'Stable: programs branch on this.' }),
    detail: z.string().meta({ description: 'What to do next, for developers.' }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .readonly()
      .exactOptional()
      .meta({ description: 'Which members of the request are wrong; `path` is a JSON Pointer.' }),
  })
  .meta({
    id: 'Problem',
    description:
      'RFC 9457. Further members carry facts of the code, for example `wrongNumbersLeft` ' +
      'or `serverTime`. The id of the request is in the header `Request-Id`.',
    example: {
      type: 'urn:countersign:problem:resend_too_soon',
      title: 'The challenge was pushed a moment ago.',
      status: 429,
      code: 'resend_too_soon',
      detail: 'Wait for the seconds in `Retry-After`.',
    },
  })
