import { z } from 'zod'
import { connectionStep, stepReason, stepResult } from '../../platform/http/schemas/enumerations.ts'
import { shownText } from '../../platform/http/schemas/text.ts'
import { timestamp } from '../../platform/http/schemas/time.ts'

const testedStep = z
  .object({
    step: connectionStep,
    result: stepResult,
    reason: stepReason.nullable().meta({ description: 'Null where it has passed.' }),
    meaning: shownText('The clock is right', 'What the step proves, in English.'),
    advice: shownText('Set the time by NTP.', 'What to do next, in English.').nullable(),
  })
  .meta({ id: 'ConnectionStep', description: 'One step of a test, and what to do next.' })

export const connectionTestBody = z
  .object({
    passed: z.boolean().meta({ description: 'No step has failed.' }),
    testedAt: timestamp('When it ended.'),
    steps: z.array(testedStep).readonly(),
  })
  .meta({
    id: 'ConnectionTest',
    description: 'How far a sign-in at the integration would come. Holds no token.',
  })
