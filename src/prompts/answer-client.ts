// The end of a prompt, as the client that began it learns it.

import { errorOf, outcomeOf, type PromptOutcome } from '../domain/prompt.ts'
import { redirectUrisOf } from '../domain/prompt-settings.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { Hashing, Random, Sealing } from '../platform/world.ts'
import {
  type Dependencies as EnrollmentDependencies,
  endPromptEnrollment,
} from './end-prompt-enrollment.ts'
import { issuerParameterOf, type ReturnAddress } from './oidc/authorize.ts'
import { type IdTokenDependencies, idTokenOf, methodsOf } from './oidc/id-tokens.ts'
import type { OwnPrompt } from './own-prompt.ts'
import type { PromptStore, StoredPrompt } from './prompt.store.ts'

export type Dependencies = IdTokenDependencies &
  EnrollmentDependencies & {
    readonly prompts: Pick<PromptStore, 'answer' | 'end'>
    readonly random: Pick<Random, 'token'>
    readonly hashing: Pick<Hashing, 'sha256'>
    readonly sealing: Pick<Sealing, 'seal' | 'open'>
    /** Whether an error says that the database cannot be reached at the moment. */
    readonly isUnavailable: (error: unknown) => boolean
  }

/** What of a prompt the answer is built from. */
type AnsweredPrompt = Pick<OwnPrompt, 'prompt' | 'client' | 'state'>

/** What the browser carries to the client. */
export type ClientAnswer = {
  readonly to: ReturnAddress
  readonly parameters: Readonly<Record<string, string>>
}

function codeBinding({ tenantId, id }: Pick<StoredPrompt, 'tenantId' | 'id'>): string {
  return `prompt-code:${tenantId}:${id}`
}

/**
 * The answer for the client, as the browser that began the prompt may carry it: once, and again
 * for a minute, the same. A prompt that is not over, or was answered before, has none; nor has one
 * whose redirect URI was taken off the list meanwhile (`redirect_uri_unknown`). Where the database
 * is lost now, the client learns that much.
 */
export async function answerClient(
  dependencies: Dependencies,
  own: AnsweredPrompt,
): Promise<ClientAnswer | Refusal<'conflict' | 'challenge_ended' | 'redirect_uri_unknown'>> {
  const { redirectUri } = own.prompt.request
  if (!redirectUrisOf(own.client.settings).includes(redirectUri)) {
    return refuse('redirect_uri_unknown')
  }
  try {
    return await answer(dependencies, own)
  } catch (error) {
    if (!dependencies.isUnavailable(error)) throw error
    const issuerParameter = issuerParameterOf(dependencies, own.client)
    const parameters = { error: 'temporarily_unavailable', ...issuerParameter }
    return { to: returnAddressOf(own.prompt), parameters }
  }
}

const returnAddressOf = ({ request }: StoredPrompt): ReturnAddress => {
  const { redirectUri, responseMode, state } = request
  return { redirectUri, responseMode, state }
}

async function answer(
  dependencies: Dependencies,
  { prompt, client, state }: AnsweredPrompt,
): Promise<ClientAnswer | Refusal<'conflict' | 'challenge_ended'>> {
  const { request } = prompt
  const outcome = outcomeOf(prompt, prompt.now) ?? (state === 'over' ? 'expired' : null)
  if (outcome === null) return refuse('conflict')
  const { prompts, random, hashing, sealing } = dependencies
  if (prompt.outcome === null) {
    await prompts.end(prompt, { outcome, evidence: null })
    await endPromptEnrollment(dependencies, { prompt, client })
  }
  const code = random.token(32)
  const isCode = request.responseType === 'code' && outcome === 'approved'
  const answeredPrompt = await prompts.answer(
    prompt,
    isCode ? { hash: hashing.sha256(code), sealed: sealing.seal(code, codeBinding(prompt)) } : null,
  )
  if (answeredPrompt === null) return refuse('challenge_ended')
  const to = returnAddressOf(prompt)
  const issuerParameter = issuerParameterOf(dependencies, client)
  const error = errorFor(client, answeredPrompt, answeredPrompt.outcome ?? outcome)
  if (error !== null) return { to, parameters: { error, ...issuerParameter } }
  if (request.responseType === 'id_token') {
    return { to, parameters: { id_token: await idTokenOf(dependencies, client, answeredPrompt) } }
  }
  const { codeSealed } = answeredPrompt
  if (codeSealed === null) return refuse('challenge_ended')
  return {
    to,
    parameters: { code: sealing.open(codeSealed, codeBinding(prompt)), ...issuerParameter },
  }
}

/** An approval that can be said in no way that the client asked for is none to it. */
function errorFor(
  client: OwnPrompt['client'],
  prompt: StoredPrompt,
  outcome: PromptOutcome,
): string | null {
  if (outcome === 'approved' && methodsOf(client, prompt) === undefined) return 'access_denied'
  return errorOf(outcome)
}
