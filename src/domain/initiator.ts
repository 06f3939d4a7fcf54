// Where sign-ins start, as far as a relying party can tell.

import type { RelyingPartyId } from './ids.ts'

/**
 * A browser that the relying party recognises by an id of its own (a long-lived cookie, say), or,
 * where it recognises none, the network that the request came from: an IPv4 /24 or an IPv6 /48 in
 * canonical form.
 */
export type Initiator =
  | { readonly kind: 'browser'; readonly id: string }
  | { readonly kind: 'network'; readonly prefix: string }

/**
 * The key of the budget that unknown initiators share: those that the user has not approved lately.
 */
export const othersKey = 'others'

/**
 * The text whose hash names an initiator: never the same for two relying parties, or one could
 * spoil what the other earned. Where the relying party names none (null), the relying party as a
 * whole is one initiator.
 */
export function initiatorText(rpId: RelyingPartyId, initiator: Initiator | null): string {
  if (initiator === null) return rpId
  const value = initiator.kind === 'browser' ? initiator.id : initiator.prefix
  return `${rpId}:${initiator.kind}:${value}`
}
