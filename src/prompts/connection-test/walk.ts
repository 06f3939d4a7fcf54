// A sign-in that is walked in the memory of one test: the use cases are those of every sign-in,
// what they read and write is not. Nothing that is given here can store a prompt, find a user or
// ask a phone.

import type { IntegrationId } from '../../domain/ids.ts'
import type { PromptSettings } from '../../domain/prompt-settings.ts'
import { refuse } from '../../domain/refusal.ts'
import { doorOf, type IntegrationAuthentication } from '../../doors/authenticate-integration.ts'
import type { StoredIntegration } from '../../doors/integration.store.ts'
import type { Clock, Hashing, Random, Sealing } from '../../platform/world.ts'
import type { Dependencies as AnswerDependencies } from '../answer-client.ts'
import type { Dependencies as AuthorizeDependencies } from '../oidc/authorize.ts'
import type { ClientTokens } from '../oidc/client.store.ts'
import type { EntraHints } from '../oidc/entra-hint.store.ts'
import type { Dependencies as ExchangeDependencies } from '../oidc/exchange-code.ts'
import type { Dependencies as KeyDependencies } from '../oidc/oidc-keys.ts'
import type { Dependencies as PushDependencies } from '../oidc/push-request.ts'
import type { NewPrompt, PromptStore, StoredPrompt } from '../prompt.store.ts'

/** What of the service a walk uses: keys that sign ID tokens, and functions without a memory. */
export type WalkDependencies = KeyDependencies & {
  readonly clientTokens: ClientTokens
  readonly random: Pick<Random, 'id' | 'token'>
  readonly hashing: Pick<Hashing, 'sha256' | 'sha256Base64Url' | 'equal'>
  readonly sealing: Pick<Sealing, 'seal' | 'open'>
  readonly clock: Clock
}

export type Walk = {
  readonly dependencies: AuthorizeDependencies &
    PushDependencies &
    ExchangeDependencies &
    AnswerDependencies
  readonly id: IntegrationId
  /** The secret of the double, where the client has one. */
  readonly secret: string
  /** The prompt that was opened last, as if a person had approved it; undefined without any. */
  approve(): StoredPrompt | undefined
}

/**
 * An ID token of a walk is signed with the keys that count, so it has expired before it exists, and
 * names a person who is made up.
 */
export const walkAgeMs = 24 * 60 * 60 * 1000

/** What a phone without an attestation says. */
const amr = ['pop', 'swk'] as const

function approvedPrompt(prompt: NewPrompt, now: Date): StoredPrompt {
  const { seconds: _, requestHash: __, hintHash: ___, ...members } = prompt
  const then = new Date(now.getTime() - walkAgeMs)
  return {
    ...members,
    ...{ numberSealed: null, codeSealed: null, enrollmentId: null, enrollmentSealed: null, now },
    ...{ round: 1, roundAt: then, roundUntil: then, challengeId: null, formerChallengeId: null },
    ...{ outcome: 'approved', evidence: { amr, verifiedAt: then }, answeredAt: then },
    ...{ createdAt: then, expiresAt: then },
  }
}

type Memory = { prompt?: StoredPrompt; codeHash?: Uint8Array }

function memoryOfPrompts(
  { clock, hashing }: Pick<WalkDependencies, 'clock' | 'hashing'>,
  memory: Memory,
): Pick<PromptStore, 'open' | 'find' | 'end' | 'answer' | 'redeem'> {
  return {
    find: async () => memory.prompt ?? null,
    async open(prompt) {
      memory.prompt = approvedPrompt(prompt, clock.now())
      return 'done'
    },
    end: async () => true,
    async answer(_key, code) {
      if (!memory.prompt) return null
      if (code) memory.codeHash = code.hash
      return { ...memory.prompt, codeSealed: code?.sealed ?? null }
    },
    async redeem({ hash }) {
      const { prompt, codeHash } = memory
      return prompt && codeHash && hashing.equal(hash, codeHash) ? prompt : null
    },
  }
}

function memoryOfRequests({
  hashing,
}: Pick<WalkDependencies, 'hashing'>): PushDependencies['clientRequests'] &
  AuthorizeDependencies['clientRequests'] {
  let pushedRequest: Parameters<PushDependencies['clientRequests']['push']>[0] | undefined
  return {
    async push(request) {
      pushedRequest = request
    },
    findPushed: async ({ hash }) =>
      pushedRequest && hashing.equal(hash, pushedRequest.hash) ? pushedRequest.parameters : null,
    useAssertion: async () => true,
  }
}

/** Nobody enrolls in a walk. */
const withoutEnrollments: Pick<AnswerDependencies, 'enrollments' | 'userQueue' | 'signals'> = {
  enrollments: { find: async () => null, cancel: async () => null },
  userQueue: { run: (_user, _line, work) => work() },
  signals: { publish: () => undefined },
}

/**
 * A walk at one integration, as if it were active, with the keys that are given in the place of
 * those of its client. They are arguments of this one walk: the service never reads them.
 */
export function openWalk(
  dependencies: WalkDependencies,
  storedIntegration: StoredIntegration,
  client: { readonly settings: PromptSettings; readonly entraHints: EntraHints },
): Walk {
  const integration = {
    ...storedIntegration.integration,
    ...{ settings: client.settings, status: 'active' as const },
  }
  const ownIntegration = { ...storedIntegration, integration }
  // Named one by one: whatever else the service has does not come along.
  const { oidcKeys, oidcSigning, publicOrigin, clientTokens } = dependencies
  const { random, hashing, sealing, clock } = dependencies
  const secret = random.token(32)
  const memory: Memory = {}
  const enter: IntegrationAuthentication['enter'] = async ({ proof }) => {
    const isOwn = 'secret' in proof && (proof.secret === null || proof.secret === secret)
    if (!isOwn) return refuse('integration_invalid')
    return { door: doorOf(ownIntegration), integration }
  }
  return {
    id: integration.id,
    secret,
    approve: () => memory.prompt,
    dependencies: {
      ...{ oidcKeys, oidcSigning, publicOrigin, clientTokens, random, hashing, sealing, clock },
      integrations: {
        findStored: async (handle) =>
          'id' in handle && handle.id === integration.id ? ownIntegration : null,
      },
      integrationAuthentication: { enter },
      integrationUsage: { recordUse: () => undefined, recordFailure: () => undefined },
      prompts: memoryOfPrompts(dependencies, memory),
      clientRequests: memoryOfRequests(dependencies),
      entraHints: client.entraHints,
      ...withoutEnrollments,
      // What is asked here is in memory; a lost database ends the test as it ends any call.
      isUnavailable: () => false,
    },
  }
}
