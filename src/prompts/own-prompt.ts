// A prompt as the browser that began it sees it.

import type { ChallengeRecord, ChallengeStore } from '../challenges/challenge.store.ts'
import { approvalMethods } from '../domain/approval-result.ts'
import type { PromptId, TenantId } from '../domain/ids.ts'
import { promptSettingsOf } from '../domain/integration.ts'
import {
  outcomeOfChallenge,
  type PromptEvidence,
  type PromptOutcome,
  type PromptState,
  promptStateOf,
} from '../domain/prompt.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { doorOf } from '../doors/authenticate-integration.ts'
import type { Hashing, Sealing } from '../platform/world.ts'
import type { TenantLook } from '../tenants/branding/branding.store.ts'
import type { PromptClient } from './oidc/find-client.ts'
import type { PromptStore, StoredPage, StoredPrompt } from './prompt.store.ts'

export type Dependencies = {
  readonly prompts: Pick<PromptStore, 'find' | 'findPage' | 'end'>
  readonly challenges: Pick<ChallengeStore, 'find'>
  readonly hashing: Pick<Hashing, 'sha256' | 'equal'>
  readonly sealing: Pick<Sealing, 'open'>
}

/** What a browser presents of a prompt. */
export type PromptCall = {
  readonly tenantId: TenantId
  readonly id: PromptId
  /** Of its cookie. */
  readonly secret: string | undefined
}

export type OwnPrompt = {
  readonly prompt: StoredPrompt
  readonly client: PromptClient
  /** How the pages of the tenant look. */
  readonly look: TenantLook
  readonly state: PromptState
  /** Digits to type on the device; null unless they are to be shown. */
  readonly number: string | null
  /** The question as far as it is asked; null where nobody is, or not yet. */
  readonly question: ChallengeRecord | null
}

/** Binding under which the number of a round is sealed. */
export function promptNumberBinding({
  tenantId,
  id,
  round,
}: Pick<StoredPrompt, 'tenantId' | 'id' | 'round'>) {
  return `prompt-number:${tenantId}:${id}:${round}`
}

const secretPattern = /^[A-Za-z0-9_-]{43}$/

/**
 * The prompt of this browser, as far as it has come; ended by this reading where its question has.
 * To any other browser there is none: a link that was sent to somebody else shows nothing.
 */
export async function readOwnPrompt(
  dependencies: Dependencies,
  { tenantId, id, secret }: PromptCall,
): Promise<OwnPrompt | Refusal<'not_found' | 'integration_paused'>> {
  const { prompts, hashing } = dependencies
  if (secret === undefined || !secretPattern.test(secret)) return refuse('not_found')
  const page = await prompts.findPage(tenantId, id)
  if (!page || !hashing.equal(hashing.sha256(secret), page.prompt.browserHash)) {
    return refuse('not_found')
  }
  const client = clientOf(page.client)
  if (isRefusal(client)) return client
  const { prompt: storedPrompt, look } = page
  const question = await questionOf(dependencies, client, storedPrompt)
  const prompt = await endWith(dependencies, storedPrompt, question)
  const state = promptStateOf(prompt, prompt.now)
  const number = numberOf(dependencies, prompt, state)
  return { prompt, client, look, state, question, number }
}

/** The client, while its integration is one that sends browsers, and is not paused. */
function clientOf(client: StoredPage['client']): PromptClient | Refusal<'integration_paused'> {
  const { integration } = client
  const settings = promptSettingsOf(integration.settings)
  if (!settings || integration.status !== 'active') return refuse('integration_paused')
  return { integration, door: doorOf(client), settings }
}

function numberOf({ sealing }: Dependencies, prompt: StoredPrompt, state: PromptState) {
  const isShown = state === 'asking' && prompt.numberSealed !== null
  return isShown ? sealing.open(prompt.numberSealed, promptNumberBinding(prompt)) : null
}

async function questionOf(
  { challenges }: Dependencies,
  { door: { rpId } }: PromptClient,
  { tenantId, challengeId, formerChallengeId, outcome }: StoredPrompt,
): Promise<ChallengeRecord | null> {
  if (challengeId === null || outcome !== null) return null
  const question = await challenges.find(tenantId, rpId, challengeId)
  if (formerChallengeId === null || hasOutcome(question)) return question
  // It may have been answered while the browser asked for more time: that answer counts.
  const former = await challenges.find(tenantId, rpId, formerChallengeId)
  return hasOutcome(former) ? former : question
}

function hasOutcome(question: ChallengeRecord | null): boolean {
  return question !== null && outcomeOfChallenge(question.challenge) !== null
}

/** How the person was verified, where they approved. */
function evidenceOf({ challenge, decidedBy }: ChallengeRecord): PromptEvidence | null {
  if (challenge.status !== 'approved' || decidedBy === null) return null
  return {
    amr: approvalMethods(decidedBy),
    verifiedAt: challenge.decidedAt ?? challenge.expiresAt,
  }
}

async function endWith(
  { prompts }: Pick<Dependencies, 'prompts'>,
  prompt: StoredPrompt,
  question: ChallengeRecord | null,
): Promise<StoredPrompt> {
  const outcome: PromptOutcome | null = question && outcomeOfChallenge(question.challenge)
  if (question === null || outcome === null) return prompt
  await prompts.end(prompt, { outcome, evidence: evidenceOf(question) })
  // Another request may have ended it at the same time, or its time is over: what is stored counts.
  return (await prompts.find(prompt.tenantId, prompt.id)) ?? prompt
}
