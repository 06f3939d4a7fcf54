// The person ends a prompt from its page.

import {
  type Dependencies as CancelDependencies,
  cancelChallenge,
} from '../challenges/cancel-challenge.ts'
import { isPromptOver } from '../domain/prompt.ts'
import {
  type Dependencies as EnrollmentDependencies,
  endPromptEnrollment,
} from './end-prompt-enrollment.ts'
import type { OwnPrompt } from './own-prompt.ts'
import type { PromptStore } from './prompt.store.ts'

export type QuestionDependencies = CancelDependencies & EnrollmentDependencies

export type Dependencies = QuestionDependencies & {
  readonly prompts: Pick<PromptStore, 'end'>
}

/**
 * Ends the prompt as cancelled, and with it what is asked of a device, and the enrollment of one.
 * A prompt that has ended before stays as it is.
 */
export async function cancelPrompt(dependencies: Dependencies, own: OwnPrompt): Promise<void> {
  const { prompt } = own
  if (isPromptOver(prompt, prompt.now)) return
  const isEnded = await dependencies.prompts.end(prompt, { outcome: 'cancelled', evidence: null })
  if (isEnded) await endQuestion(dependencies, own)
}

/**
 * Calls off what is asked of a device, and an enrollment, after the end of the prompt was stored: a
 * question that ends first would end the prompt in its own way.
 */
export async function endQuestion(
  dependencies: QuestionDependencies,
  own: OwnPrompt,
): Promise<void> {
  const { prompt, client } = own
  dependencies.signals.publish(prompt.id)
  // A round may have begun since the prompt was read; none does, since it has ended.
  const { challengeId = null } = (await dependencies.prompts.find(prompt.tenantId, prompt.id)) ?? {}
  if (challengeId !== null) await cancelChallenge(dependencies, client.door, challengeId)
  await endPromptEnrollment(dependencies, own)
}
