// Under which origin an installation is known, and when another one may take its place.

/** An origin, and whether somebody named it: one that was made of the port means nothing to anybody yet. */
export type Origin = { readonly origin: string; readonly given: boolean }

export type OriginDecision =
  /** The one to use; `keep` when it must be written down, `left` the one that it takes the place of. */
  | { readonly use: string; readonly keep: Origin | null; readonly left: string | null }
  /** The one that phones and relying parties know, which the process contradicts. */
  | { readonly contradicts: string }

/**
 * What a starting process makes of its own origin and the one that the database knows. A named one is for ever, until it is
 * changed on purpose: a process with another is refused, and one without any takes it. One that was made of the port
 * gives way.
 */
export function decideOrigin(known: Origin | null, own: Origin): OriginDecision {
  const isSame = known?.origin === own.origin
  if (known?.given && own.given && !isSame) return { contradicts: known.origin }
  if (known?.given && (isSame || !own.given)) return { use: known.origin, keep: null, left: null }
  const keep = isSame && known?.given === own.given ? null : own
  return { use: own.origin, keep, left: known && !isSame ? known.origin : null }
}
