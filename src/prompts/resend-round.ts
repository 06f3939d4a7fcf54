// What a prompt asks is pushed once more.

import {
  type Dependencies as ResendDependencies,
  resendChallenge,
} from '../challenges/resend-challenge.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { IntegrationUsage } from '../doors/integration.store.ts'
import type { FairQueue } from '../platform/fair-queue.ts'
import type { OwnPrompt } from './own-prompt.ts'

export type Dependencies = ResendDependencies & {
  readonly promptQueue: FairQueue
  readonly integrationUsage: Pick<IntegrationUsage, 'recordFailure'>
}

/**
 * Pushes the question of the round again, within the limits of the policy. To be called when the
 * answer to the browser is on its way, like `askRound`: what becomes of it says who exists.
 */
export async function resendRound(
  dependencies: Dependencies,
  { question, state, client: { door, integration } }: OwnPrompt,
  network: string,
): Promise<void> {
  if (question === null || state !== 'asking') return
  const resent = await dependencies.promptQueue.run(network, () =>
    resendChallenge(dependencies, door, question.challenge.id),
  )
  if (isRefusal(resent)) dependencies.integrationUsage.recordFailure(integration, resent.refused)
}
