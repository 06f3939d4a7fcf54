import { decideOrigin, type Origin } from '../domain/public-origin.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { InstallationStore } from './installation.store.ts'

export type Dependencies = { readonly installation: InstallationStore }

/**
 * The origin that a process works under; `formerOrigin` is the one it replaced, if phones are
 * enrolled under that.
 */
export type ResolvedOrigin = { readonly origin: string; readonly formerOrigin: string | null }

/**
 * Resolves the origin with the database, and stores it at the first start. `contradicts` is the
 * origin stored in the database, when the process must not start under its own.
 */
export async function resolveOrigin(
  dependencies: Dependencies,
  own: Origin,
): Promise<ResolvedOrigin | { readonly contradicts: string }> {
  for (;;) {
    const storedOrigin = await dependencies.installation.findOrigin()
    const decision = decideOrigin(storedOrigin, own)
    if ('contradicts' in decision) return decision
    const { use, originToStore, replacedOrigin } = decision
    const { installation } = dependencies
    const change = originToStore && (await installation.changeOrigin(storedOrigin, originToStore))
    if (change === 'changed') continue
    const hasLeft = replacedOrigin !== null && (await installation.hasDevices())
    return { origin: use, formerOrigin: hasLeft ? replacedOrigin : null }
  }
}

/**
 * The origin that commands work under: the configured one, else that of the database, else that of
 * the port.
 */
export async function originOfCommands(
  { installation }: Dependencies,
  own: Origin,
): Promise<{ readonly origin: string } | { readonly contradicts: string }> {
  const storedOrigin = await installation.findOrigin()
  const decision = decideOrigin(storedOrigin, own)
  if ('contradicts' in decision) return decision
  return { origin: own.isConfigured ? own.origin : (storedOrigin?.origin ?? own.origin) }
}

/**
 * Changes the origin deliberately and permanently: running processes keep the former one until they
 * are restarted.
 */
export async function changeOrigin(
  { installation }: Dependencies,
  origin: string,
): Promise<{ readonly was: string | null; readonly origin: string } | Refusal<'invalid_request'>> {
  const storedOrigin = await installation.findOrigin()
  const change = await installation.changeOrigin(storedOrigin, { origin, isConfigured: true })
  if (change === 'changed') {
    return refuse('invalid_request', { hint: 'It was changed concurrently.' })
  }
  return { was: storedOrigin?.origin ?? null, origin }
}
