// A round of a prompt: a number is shown, and the person who is named is asked to type it.

import {
  type Dependencies as CancelDependencies,
  cancelChallenge,
} from '../challenges/cancel-challenge.ts'
import {
  type Dependencies as CreateDependencies,
  createChallenge,
} from '../challenges/create-challenge.ts'
import type { ChallengeContext } from '../domain/challenge-context.ts'
import type { ChallengeId } from '../domain/ids.ts'
import type { Initiator } from '../domain/initiator.ts'
import { strictest } from '../domain/policy.ts'
import { continuedBy, isPromptOver, nextRound } from '../domain/prompt.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { IntegrationUsage } from '../doors/integration.store.ts'
import type { FairQueue } from '../platform/fair-queue.ts'
import type { Random, Sealing } from '../platform/world.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import { type OwnPrompt, promptNumberBinding } from './own-prompt.ts'
import type { PromptStore } from './prompt.store.ts'

export type BeginDependencies = {
  readonly prompts: Pick<PromptStore, 'beginRound'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly random: Pick<Random, 'id' | 'digits'>
  readonly sealing: Pick<Sealing, 'seal'>
}

/** A round that has begun: what is asked, if there is somebody to ask. */
export type Round = {
  readonly round: number
  readonly challengeId: ChallengeId
  readonly number: string
  readonly seconds: number
}

/**
 * Begins the next round: the same for every name, because none is looked up. `conflict` where no
 * other number is shown, or another request of the browser has begun it.
 */
export async function beginRound(
  { prompts, tenants, random, sealing }: BeginDependencies,
  { prompt, client }: OwnPrompt,
): Promise<Round | Refusal<'challenge_ended' | 'conflict'>> {
  const round = nextRound(prompt, prompt.now)
  if (isRefusal(round)) return round
  const { tenantId, id } = prompt
  const { integration } = client
  const partyPolicy = await tenants.findPolicy(tenantId, integration.rpId)
  const policy = strictest(partyPolicy, integration.policy)
  const number = random.digits(policy.numberDigits)
  const challengeId = random.id('challenge')
  const seconds = integration.ttlSeconds ?? policy.challengeTtlSeconds
  const numberSealed = sealing.seal(number, promptNumberBinding({ tenantId, id, round }))
  const isBegun = await prompts.beginRound({
    ...{ tenantId, id, round, challengeId, numberSealed, seconds },
  })
  if (!isBegun) return { refused: 'conflict' }
  return { round, challengeId, number, seconds }
}

export type AskDependencies = CreateDependencies &
  CancelDependencies & {
    readonly prompts: Pick<PromptStore, 'find'>
    readonly promptQueue: FairQueue
    readonly integrationUsage: Pick<IntegrationUsage, 'recordFailure'>
  }

/** Where the browser is, as far as we can tell, and what devices show of it. */
export type Place = {
  readonly context: Omit<ChallengeContext, 'application'>
  readonly initiator: Initiator
  /** Its line in the queue. */
  readonly network: string
}

/**
 * Asks the person of the prompt, if there is one who may be asked. To be called when the answer to
 * the browser is on its way: how long it takes, and what becomes of it, says who exists. Equal
 * calls ask once. The question of another round takes the place of the one before while that is
 * pending, with the tries and the time that it has left; one that was answered stays the outcome.
 * Nobody is asked for a prompt that has ended meanwhile, or whose next round has begun.
 */
export async function askRound(
  dependencies: AskDependencies,
  { prompt, client }: OwnPrompt,
  { round, challengeId, number, seconds }: Round,
  { context, initiator, network }: Place,
): Promise<void> {
  const { tenantId, id, userName, expiresAt } = prompt
  const { integration, door } = client
  if (userName === null) return
  const continues = continuedBy(prompt, challengeId)
  const creation = await dependencies.promptQueue.run(network, async () => {
    if (!(await isOfNow(dependencies, prompt, challengeId))) return null
    return createChallenge(dependencies, door, {
      user: { namespace: integration.namespace, value: userName },
      context: { application: integration.name, ...context },
      number: { mode: 'service', digits: number.length },
      preset: { id: challengeId, number },
      ...(continues !== null && { continues }),
      userVerification: 'preferred',
      ttlSeconds: seconds,
      notAfter: expiresAt,
      initiator,
      idempotencyKey: `${integration.id}:${id}:${round}`,
    })
  })
  if (creation === null) return
  if (isRefusal(creation)) {
    dependencies.integrationUsage.recordFailure(integration, creation.refused)
    return
  }
  // Who ended the prompt in between found no question to call off.
  const { outcome = null } = (await dependencies.prompts.find(tenantId, id)) ?? {}
  if (outcome !== null) await cancelChallenge(dependencies, door, challengeId)
}

/** Whether the round goes on: its question may have waited for its turn. */
async function isOfNow(
  { prompts }: Pick<AskDependencies, 'prompts'>,
  { tenantId, id }: Pick<OwnPrompt['prompt'], 'tenantId' | 'id'>,
  challengeId: ChallengeId,
): Promise<boolean> {
  const prompt = await prompts.find(tenantId, id)
  return prompt !== null && !isPromptOver(prompt, prompt.now) && prompt.challengeId === challengeId
}
