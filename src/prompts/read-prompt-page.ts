// What the page of a prompt says, and when it changes.

import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { Signals, Watch } from '../platform/signals.ts'
import type { TenantLook } from '../tenants/branding/branding.store.ts'
import { type Dependencies, type OwnPrompt, type PromptCall, readOwnPrompt } from './own-prompt.ts'

/** A prompt with the name of who asks, and how their pages look. */
export type PromptPage = TenantLook & { readonly own: OwnPrompt }

/** The prompt of this browser, for its page. */
export async function readPromptPage(
  dependencies: Dependencies,
  call: PromptCall,
): Promise<PromptPage | Refusal<'not_found' | 'integration_paused'>> {
  const own = await readOwnPrompt(dependencies, call)
  return isRefusal(own) ? own : { own, ...own.look }
}

/** How many pages may follow one prompt in a process. */
const followersMax = 4

/**
 * A watch over all that may change the page of the prompt; `too_many_requests` where enough pages
 * follow it. To be closed by the caller.
 */
export async function watchPrompt(
  { signals }: { readonly signals: Signals },
  { prompt: { id, challengeId } }: OwnPrompt,
): Promise<Watch | Refusal<'too_many_requests'>> {
  if (signals.watchCount(id) >= followersMax) {
    return { refused: 'too_many_requests', retryAfterSeconds: 10 }
  }
  return signals.watch(id, ...(challengeId === null ? [] : [challengeId]))
}
