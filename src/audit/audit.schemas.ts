import { z } from 'zod'
import { shownId } from '../platform/http/schemas/ids.ts'
import { pageBody } from '../platform/http/schemas/paging.ts'
import { timestamp } from '../platform/http/schemas/time.ts'

/** Names, actors and ids as the record holds them: a filter that fits none finds none. */
export const auditFilter = (description: string, example: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_:-]{1,100}$/)
    .meta({ description, example })

const auditEventBody = z
  .object({
    id: shownId('auditEvent', 'The event.'),
    type: z.string().meta({ description: 'What was changed.', example: 'api_key_created' }),
    actor: z.string().meta({
      description: 'Who did it: `api_key:<id>`, `operator`, `service`.',
      example: 'service',
    }),
    subject: shownId('apiKey', 'Id of what was changed.'),
    details: z.record(z.string(), z.unknown()).meta({ description: 'By type; nothing secret.' }),
    occurredAt: timestamp('When it happened.'),
  })
  .meta({ id: 'AuditEvent', description: 'A change that belongs to no single user.' })

export const auditEventPage = pageBody(auditEventBody, 'AuditEventPage', 'Events, newest first.')
