// The steps that are walked alike for every kind of client.

import { type ConnectionStep, type StepReason, stepOf } from '../../domain/connection-test.ts'
import type { Parameters } from '../../domain/oidc-request.ts'
import type { PromptSettings } from '../../domain/prompt-settings.ts'
import { isRefusal } from '../../domain/refusal.ts'
import type { StoredIntegration } from '../../doors/integration.store.ts'
import { answerClient } from '../answer-client.ts'
import type { ArrivingBrowser } from '../oidc/arriving-browser.ts'
import { authorize } from '../oidc/authorize.ts'
import { findPromptClient } from '../oidc/find-client.ts'
import type { OidcJwk } from '../oidc/oidc-key.store.ts'
import type { Walk } from './walk.ts'

/** The settings of a kind. */
export type SettingsOf<Kind extends PromptSettings['kind']> = Extract<
  PromptSettings,
  { readonly kind: Kind }
>

/** What is walked, and the keys that a client reads. */
export type WalkTarget = {
  readonly storedIntegration: StoredIntegration
  readonly keys: readonly OidcJwk[]
}

/** Nobody can be led there: the name is reserved (RFC 2606, 2). */
const strangeUri = 'https://connection-test.invalid/'

const browserOfTests: ArrivingBrowser = {
  inTurn: (work) => work(),
  inHintTurn: (_, work) => work(),
  language: () => 'en',
  mayOpenUnsigned: () => true,
}

/** Sends a browser with this request. */
export function lead({ dependencies }: Walk, target: WalkTarget, parameters: Parameters) {
  const { tenantId } = target.storedIntegration.integration
  return authorize(dependencies, tenantId, parameters, browserOfTests)
}

type Outcome = Awaited<ReturnType<typeof authorize>>

export const isOpened = (outcome: Outcome) => !isRefusal(outcome) && outcome.kind === 'opened'

/** Whether the request opened a prompt, as it must. */
export const requestFault = (outcome: Outcome): StepReason | undefined =>
  isOpened(outcome) ? undefined : 'refused'

/** A redirect URI that is not registered leads nowhere. */
export async function redirectStep(
  walk: Walk,
  target: WalkTarget,
  parameters: Parameters,
): Promise<ConnectionStep> {
  const outcome = await lead(walk, target, { ...parameters, redirect_uri: strangeUri })
  const isRefused = isRefusal(outcome) && outcome.refused === 'redirect_uri_unknown'
  return stepOf('redirect_uri', isRefused ? undefined : 'accepted')
}

/** What the client gets of a prompt as if a person had approved it. */
export async function answerOf({ dependencies, id, approve }: Walk, target: WalkTarget) {
  const prompt = approve()
  const { tenantId } = target.storedIntegration.integration
  const client = await findPromptClient(dependencies, tenantId, id)
  if (!prompt || isRefusal(client)) return undefined
  const own = { prompt, client, state: 'over' } as const
  const answer = await answerClient(dependencies, own)
  return isRefusal(answer) ? undefined : answer
}
