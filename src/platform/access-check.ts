import type { Refusal } from '../domain/refusal.ts'

/** The reason why a waiting caller may no longer ask; undefined while it may. */
export type AccessCheck<Denial extends Refusal> = () => Promise<Denial | undefined>
