// The public origin of an installation, and when another one may replace it.

/**
 * An origin, and whether it was configured: nobody relies yet on one that was derived from the
 * port.
 */
export type Origin = { readonly origin: string; readonly isConfigured: boolean }

export type OriginDecision =
  /**
   * The one to use; `originToStore` when it must be stored, `replacedOrigin` the one that it
   * replaces.
   */
  | {
      readonly use: string
      readonly originToStore: Origin | null
      readonly replacedOrigin: string | null
    }
  /** The one that phones and relying parties know, with which the process is in conflict. */
  | { readonly contradicts: string }

/**
 * Decides between a starting process's own origin and the one in the database. A configured one is
 * permanent until it is changed on purpose: a process with another is refused, and one without any
 * adopts it. One that was derived from the port is replaced.
 */
export function decideOrigin(current: Origin | null, own: Origin): OriginDecision {
  const isSame = current?.origin === own.origin
  if (current?.isConfigured && own.isConfigured && !isSame) return { contradicts: current.origin }
  if (current?.isConfigured && (isSame || !own.isConfigured))
    return { use: current.origin, originToStore: null, replacedOrigin: null }
  const keep = isSame && current?.isConfigured === own.isConfigured ? null : own
  return {
    use: own.origin,
    originToStore: keep,
    replacedOrigin: current && !isSame ? current.origin : null,
  }
}
