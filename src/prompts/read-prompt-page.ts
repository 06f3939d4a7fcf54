// What the page of a prompt says, and when it changes.

import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { Signals, Watch } from '../platform/signals.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import {
  type OwnPrompt,
  type PromptCall,
  type Dependencies as ReadDependencies,
  readOwnPrompt,
} from './own-prompt.ts'

export type Dependencies = ReadDependencies & {
  readonly tenants: Pick<TenantStore, 'findTenant'>
}

/** A prompt with the name of who asks. */
export type PromptPage = { readonly own: OwnPrompt; readonly tenantName: string }

/** The prompt of this browser, for its page. */
export async function readPromptPage(
  dependencies: Dependencies,
  call: PromptCall,
): Promise<PromptPage | Refusal<'not_found' | 'integration_paused'>> {
  const own = await readOwnPrompt(dependencies, call)
  if (isRefusal(own)) return own
  const tenant = await dependencies.tenants.findTenant(call.tenantId)
  return { own, tenantName: tenant?.name ?? '' }
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
