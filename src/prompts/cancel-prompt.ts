// The person ends a prompt from its page.

import {
  type Dependencies as CancelDependencies,
  cancelChallenge,
} from '../challenges/cancel-challenge.ts'
import { isPromptOver } from '../domain/prompt.ts'
import type { OwnPrompt } from './own-prompt.ts'
import type { PromptStore } from './prompt.store.ts'

export type Dependencies = CancelDependencies & {
  readonly prompts: Pick<PromptStore, 'end'>
}

/**
 * Ends the prompt as cancelled, and what is asked of a device with it. One that has ended before
 * stays as it is.
 */
export async function cancelPrompt(dependencies: Dependencies, own: OwnPrompt): Promise<void> {
  const { prompt } = own
  if (isPromptOver(prompt, prompt.now)) return
  const isEnded = await dependencies.prompts.end(prompt, { outcome: 'cancelled', evidence: null })
  if (isEnded) await endQuestion(dependencies, own)
}

/**
 * Calls off what is asked of a device, after the end of the prompt was stored: a question that ends
 * first would end the prompt in its own way.
 */
export async function endQuestion(
  dependencies: CancelDependencies,
  { prompt: { id, challengeId }, client }: OwnPrompt,
): Promise<void> {
  dependencies.signals.publish(id)
  if (challengeId !== null) await cancelChallenge(dependencies, client.door, challengeId)
}
