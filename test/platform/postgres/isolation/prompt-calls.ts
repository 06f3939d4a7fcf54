import { randomBytes } from 'node:crypto'
import { activity } from '../../../../src/domain/activity.ts'
import type { UserId } from '../../../../src/domain/ids.ts'
import { systemRandom } from '../../../../src/platform/crypto/random.ts'
import type { Call } from './two-worlds.ts'

/** Calls about hosted prompts and what clients push. */
export const promptCalls: Readonly<Record<string, Call>> = {
  'prompts.find': [({ prompts }, my, their) => prompts.find(my.tenantId, their.promptId), null],
  'prompts.findPage': [
    ({ prompts }, my, their) => prompts.findPage(my.tenantId, their.promptId),
    null,
  ],
  'prompts.beginRound': [
    ({ prompts }, my, their) =>
      prompts.beginRound({
        ...{ tenantId: my.tenantId, id: their.promptId, round: 1, seconds: 60 },
        challengeId: systemRandom.id('challenge'),
        numberSealed: randomBytes(40),
      }),
    false,
  ],
  'prompts.end': [
    ({ prompts }, my, their) =>
      prompts.end(
        { tenantId: my.tenantId, id: their.promptId },
        { outcome: 'cancelled', evidence: null },
      ),
    false,
  ],
  'prompts.answer': [
    ({ prompts }, my, their) =>
      prompts.answer({ tenantId: my.tenantId, id: their.answeredPromptId }, null),
    null,
  ],
  'prompts.redeem': [
    async ({ prompts }, my, their) => {
      const { tenantId, integrationId } = my
      const code = { tenantId, hash: their.promptCodeHash }
      const prompt = await prompts.redeem({ ...code, integrationId })
      return prompt ?? prompts.redeem({ ...code, integrationId: their.integrationId })
    },
    null,
  ],
  // Of my own user, at their prompt; and of their user, by their code, at mine.
  'promptEnrollments.open': [
    async ({ promptEnrollments }, my, their) => {
      const { tenantId, rpId } = my
      const enrollmentOf = (userId: UserId) => ({
        ...{ tenantId, rpId, userId, id: systemRandom.id('enrollment') },
        ...{ codeAttemptsLeft: 5, wrongNumbersLeft: 3, confirmationRequired: true },
        ...{ replacesDeviceId: null, parentDeviceId: null },
        ...{ openedByDeviceId: null, openedBySessionId: null },
        ...{ codeHash: randomBytes(32), typedCodeHash: randomBytes(32), ttlSeconds: 60 },
        activity: activity({ userId, type: 'prompt_enrollment_opened', actor: 'operator' }),
      })
      const codesSealed = randomBytes(40)
      const atTheirs = await promptEnrollments.open({
        ...{ promptId: their.promptId, codesSealed, temporaryCode: null },
        enrollment: enrollmentOf(my.newcomerId),
      })
      if (atTheirs !== 'changed') return atTheirs
      const usedActivity = activity({
        ...{ userId: their.newcomerId, type: 'temporary_code_used', actor: 'operator' },
      })
      return promptEnrollments.open({
        ...{ promptId: my.promptId, codesSealed },
        enrollment: enrollmentOf(their.newcomerId),
        temporaryCode: { id: their.newcomerCodeId, usedActivity },
      })
    },
    'changed',
  ],
  'enrollmentWindows.find': [
    ({ enrollmentWindows }, { tenantId }, { userId }) =>
      enrollmentWindows.find({ tenantId, userId }),
    null,
  ],
  'enrollmentWindows.open': [
    ({ enrollmentWindows }, { tenantId }, { userId }) =>
      enrollmentWindows.open({ tenantId, userId, minutes: 5 }, 'operator'),
    'changed',
  ],
  'enrollmentWindows.close': [
    ({ enrollmentWindows }, { tenantId }, { userId }) =>
      enrollmentWindows.close({ tenantId, userId }, 'operator'),
    null,
  ],
  'clientRequests.findPushed': [
    async ({ clientRequests }, my, their) => {
      const { tenantId, integrationId } = my
      const request = { tenantId, hash: their.pushedHash }
      const parameters = await clientRequests.findPushed({ ...request, integrationId })
      return (
        parameters ?? clientRequests.findPushed({ ...request, integrationId: their.integrationId })
      )
    },
    null,
  ],
}
