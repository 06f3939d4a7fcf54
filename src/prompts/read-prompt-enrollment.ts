// The enrollment that the page of a prompt has opened, for its browser.

import type { EnrollmentView } from '../domain/enrollment.ts'
import type { EnrollmentId } from '../domain/ids.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import {
  type Dependencies as ReadDependencies,
  readEnrollment,
} from '../enrollments/read-enrollment.ts'
import type { Signals, Watch } from '../platform/signals.ts'
import type { Sealing } from '../platform/world.ts'
import type { OwnPrompt } from './own-prompt.ts'
import type { StoredPrompt } from './prompt.store.ts'

export type Dependencies = ReadDependencies & { readonly sealing: Pick<Sealing, 'open'> }

export type PromptEnrollment = {
  readonly id: EnrollmentId
  readonly status: EnrollmentView
  /** Whether no other may begin: it waits for a device or its number, or has given the user one. */
  readonly isGoingOn: boolean
  /** What is scanned or typed; null unless it waits for a device. */
  readonly codes: { readonly code: string; readonly uri: string } | null
  /** To be typed on the new device; null unless it waits for that. */
  readonly number: string | null
  readonly expiresAt: Date
}

/** Binding under which the codes of the enrollment of a prompt are sealed. */
export function promptCodesBinding(
  { tenantId, id }: Pick<StoredPrompt, 'tenantId' | 'id'>,
  enrollmentId: EnrollmentId,
): string {
  return `prompt-enrollment:${tenantId}:${id}:${enrollmentId}`
}

/** The enrollment of this prompt, the same at each reading; null before one is opened. */
export async function readPromptEnrollment(
  dependencies: Dependencies,
  { prompt, client: { door } }: OwnPrompt,
): Promise<PromptEnrollment | null> {
  const { enrollmentId, enrollmentSealed } = prompt
  if (enrollmentId === null) return null
  const reading = await readEnrollment(dependencies, door, enrollmentId)
  if (isRefusal(reading)) return null
  const { enrollment, status, number } = reading
  const isWaiting = status === 'open' && enrollmentSealed !== null
  const binding = promptCodesBinding(prompt, enrollmentId)
  return {
    ...{ id: enrollmentId, status, number, expiresAt: enrollment.expiresAt },
    isGoingOn: status === 'open' || status === 'claimed' || status === 'completed',
    codes: isWaiting ? JSON.parse(dependencies.sealing.open(enrollmentSealed, binding)) : null,
  }
}

/** How many pages may follow one enrollment in a process. */
const followersMax = 4

/**
 * A watch over the enrollment and its prompt; `too_many_requests` where enough pages follow it. To
 * be closed by the caller.
 */
export async function watchPromptEnrollment(
  { signals }: { readonly signals: Signals },
  { prompt: { id } }: OwnPrompt,
  enrollmentId: EnrollmentId,
): Promise<Watch | Refusal<'too_many_requests'>> {
  if (signals.watchCount(enrollmentId) >= followersMax) {
    return { refused: 'too_many_requests', retryAfterSeconds: 10 }
  }
  return signals.watch(enrollmentId, id)
}
