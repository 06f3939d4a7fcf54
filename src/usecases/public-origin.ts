import { decideOrigin, type Origin } from '../domain/public-origin.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { InstallationStore } from '../ports/installation-store.ts'

export type Needs = { readonly installation: InstallationStore }

/** The origin that a process works under; `left` when phones are enrolled under the one that it took the place of. */
export type SettledOrigin = { readonly origin: string; readonly left: string | null }

/**
 * Agrees with the database on the origin, and writes it down at the first start. `contradicts` is the origin that the
 * database knows, where the process must not start under its own.
 */
export async function settleOrigin(
  needs: Needs,
  own: Origin,
): Promise<SettledOrigin | { readonly contradicts: string }> {
  for (;;) {
    const known = await needs.installation.findOrigin()
    const decided = decideOrigin(known, own)
    if ('contradicts' in decided) return decided
    const { use, keep, left } = decided
    // Another process may have settled it meanwhile.
    if (keep && !(await needs.installation.changeOrigin(known, keep))) continue
    const hasLeft = left !== null && (await needs.installation.hasDevices())
    return { origin: use, left: hasLeft ? left : null }
  }
}

/** The origin that commands work under: the named one, else that of the database, else that of the port. */
export async function originOfCommands(
  { installation }: Needs,
  own: Origin,
): Promise<{ readonly origin: string } | { readonly contradicts: string }> {
  const known = await installation.findOrigin()
  const decided = decideOrigin(known, own)
  if ('contradicts' in decided) return decided
  return { origin: own.given ? own.origin : (known?.origin ?? own.origin) }
}

/** Changes the origin on purpose, for ever: processes that run go on under the former one until they are started again. */
export async function changeOrigin(
  { installation }: Needs,
  origin: string,
): Promise<{ readonly was: string | null; readonly origin: string } | Refusal> {
  const known = await installation.findOrigin()
  if (!(await installation.changeOrigin(known, { origin, given: true }))) {
    return refuse('invalid_request', { hint: 'Somebody else changed it at this moment.' })
  }
  return { was: known?.origin ?? null, origin }
}
