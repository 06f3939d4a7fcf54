// The public origin of an installation, and when another one may replace it.

/**
 * An origin, and whether it was configured: nobody relies yet on one that was derived from the
 * port.
 */
export type Origin = { readonly origin: string; readonly given: boolean }

export type OriginDecision =
  /**
   * The one to use; `originToStore` when it must be stored, `replacedOrigin` the one that it
   * replaces.
   */
  | { readonly use: string; readonly keep: Origin | null; readonly left: string | null }
  /** The one that phones and relying parties know, with which the process is in conflict. */
  | { readonly contradicts: string }

/**
 * Decides between a starting process's own origin and the one in the database. A configured one is
 * permanent until it is changed on purpose: a process with another is refused, and one without any
 * adopts it. One that was derived from the port is replaced.
 */
export function decideOrigin(current: Origin | null, own: Origin): OriginDecision {
  const isSame = current?.origin === own.origin
  if (current?.given && own.given && !isSame) return { contradicts: current.origin }
  if (current?.given && (isSame || !own.given))
    return { use: current.origin, keep: null, left: null }
  const keep = isSame && current?.given === own.given ? null : own
  return { use: own.origin, keep, left: current && !isSame ? current.origin : null }
}
