import type { StoredPrompt } from './prompt.store.ts'

/** A prompt as its table holds it. */
export type PromptRow = Omit<StoredPrompt, 'evidence'> & {
  readonly evidence: { readonly amr: readonly string[]; readonly verifiedAt: string } | null
}

/** Of `prompts p`, with the time of the database. */
export const promptColumns = `p.tenant_id, p.id, p.integration_id, p.browser_hash, p.request, p.user_name,
     p.language, p.round, p.number_sealed, p.round_at, p.round_until,
     p.challenge_id, p.former_challenge_id, p.enrollment_id, p.enrollment_sealed, p.outcome,
     p.evidence, p.answered_at, p.code_sealed, p.created_at, p.expires_at,
     clock_timestamp() as now`

/** A prompt from its row. */
export function toPrompt({ evidence, ...row }: PromptRow): StoredPrompt {
  return {
    ...row,
    evidence: evidence && { amr: evidence.amr, verifiedAt: new Date(evidence.verifiedAt) },
  }
}
