import type { Refusal } from '../domain/refusal.ts'

/** The reason why a waiting caller may no longer ask; undefined while it may. */
export type AccessCheck<Denial extends Refusal> = () => Promise<Denial | undefined>

/**
 * How current a remembered key or integration must be. `within_a_second` is for reads, for waits
 * that go on, and for writes that check it in their own statement; all else looks it up.
 */
export type Currency = 'now' | 'within_a_second'
