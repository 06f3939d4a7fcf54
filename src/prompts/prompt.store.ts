import type { ChallengeId, IntegrationId, PromptId, TenantId } from '../domain/ids.ts'
import type { Prompt, PromptEvidence, PromptOutcome } from '../domain/prompt.ts'
import type { StoredIntegration } from '../doors/integration.store.ts'
import type { TenantLook } from '../tenants/branding/branding.store.ts'

export type NewPrompt = Pick<
  Prompt,
  'tenantId' | 'id' | 'integrationId' | 'request' | 'userName' | 'language'
> & {
  readonly browserHash: Uint8Array
  readonly requestHash: Uint8Array
  /** Null where the request names nobody by a hint. */
  readonly hintHash: Uint8Array | null
  readonly seconds: number
}

/** A prompt with what proves that a browser began it, and the sealed number of its round. */
export type StoredPrompt = Prompt & {
  readonly browserHash: Uint8Array
  readonly numberSealed: Uint8Array | null
  /** Codes of its enrollment, for the browser that loads the page again. */
  readonly enrollmentSealed: Uint8Array | null
  /** The code that answered it, for the browser that loads the answer again. */
  readonly codeSealed: Uint8Array | null
  readonly now: Date
}

/** What a page of a prompt needs; the credentials of the client are left out. */
export type StoredPage = {
  readonly prompt: StoredPrompt
  readonly client: Pick<StoredIntegration, 'integration' | 'relyingParty'>
  readonly look: TenantLook
}

type Key = { readonly tenantId: TenantId; readonly id: PromptId }

export interface PromptStore {
  /**
   * Opens a prompt. A hint opens one: where it has, that one's id and request come back, and
   * nothing is written.
   */
  open(
    prompt: NewPrompt,
  ): Promise<
    'done' | { readonly earlier: { readonly id: PromptId; readonly requestHash: Uint8Array } }
  >
  find(tenantId: TenantId, id: PromptId): Promise<StoredPrompt | null>
  /** The same with its client and how the pages of its tenant look, in one round trip. */
  findPage(tenantId: TenantId, id: PromptId): Promise<StoredPage | null>
  /**
   * Begins the round, with its number and the id of its challenge, unless the prompt is over or
   * another request has begun it; false then.
   */
  beginRound(
    round: Key & {
      readonly round: number
      readonly challengeId: ChallengeId
      readonly numberSealed: Uint8Array
      readonly seconds: number
    },
  ): Promise<boolean>
  /**
   * Ends the prompt, once; false when it has ended before, or its time was over by more than
   * `promptGraceSeconds`.
   */
  end(
    key: Key,
    end: { readonly outcome: PromptOutcome; readonly evidence: PromptEvidence | null },
  ): Promise<boolean>
  /**
   * Records the answer to the client, with the code that stands for it (null without): the first
   * caller's, for `answerSeconds`. The prompt as it is afterwards; null when it has no outcome, was
   * answered too long ago, or its time was over by more than `promptGraceSeconds` before anybody
   * fetched the answer: an approval is not kept for later.
   */
  answer(
    key: Key,
    code: { readonly hash: Uint8Array; readonly sealed: Uint8Array } | null,
  ): Promise<StoredPrompt | null>
  /**
   * Takes the code of a client: of any number of attempts one gets the prompt. Null when it was
   * taken before, is too old, or is another client's.
   */
  redeem(code: {
    readonly tenantId: TenantId
    readonly integrationId: IntegrationId
    readonly hash: Uint8Array
  }): Promise<StoredPrompt | null>
}
