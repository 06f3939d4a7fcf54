import { z } from 'zod'
import { pushStatus } from '../platform/http/schemas/enumerations.ts'
import { shownId } from '../platform/http/schemas/ids.ts'
import { timestamp } from '../platform/http/schemas/time.ts'

export const testPushBody = z
  .object({
    id: shownId('delivery', 'The push.'),
    deviceId: shownId('device', 'The device it is sent to.'),
    status: pushStatus,
    reason: z.string().nullable().meta({ description: 'Why it was not delivered.' }),
    attempts: z.uint32(),
    createdAt: timestamp('When it was requested.'),
    settledAt: timestamp('When the outcome was known.').nullable(),
  })
  .meta({
    id: 'TestPush',
    description:
      'A harmless push, and the answer of the provider: `sent` means that it was accepted.',
  })
