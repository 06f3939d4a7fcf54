// The keys of Microsoft's clouds, which sign hints. Source: "OpenID Connect on the Microsoft
// identity platform" (validating tokens: the issuer of a signing key).

import * as errors from 'jose/errors'
import { createRemoteJWKSet, customFetch } from 'jose/jwks/remote'
import { type EntraCloud, entraDiscoveryUrl } from '../../domain/entra.ts'
import { readJsonObject } from '../../platform/crypto/strict-json.ts'
import type { EgressGuard } from '../../platform/net/egress-guard.ts'
import { buildGuardedClient } from '../../platform/net/guarded-client.ts'
import type { EntraHints } from './entra-hint.store.ts'
import { type HintKeys, hintLengthMax, verifyHint } from './verify-hint.adapter.ts'

export type EntraHintOptions = {
  readonly guard: EgressGuard
  /** Authorities to trust in addition to the public ones, in PEM. */
  readonly ca?: readonly string[]
  readonly timeoutMs?: number
  /** Where a cloud describes itself; Microsoft's address unless a test has another. */
  readonly discoveryUrlOf?: (cloud: EntraCloud) => string
}

const timeoutMsDefault = 5_000
const bytesMax = 256 * 1024

class UnreachableError extends Error {}

/**
 * The clouds that the guard allows. Keys are cached, and fetched again at most every half minute.
 */
export function buildEntraHints({
  guard,
  ca = [],
  timeoutMs = timeoutMsDefault,
  discoveryUrlOf = entraDiscoveryUrl,
}: EntraHintOptions): EntraHints {
  const client = buildGuardedClient({ guard, ca, keepAlive: true })
  const keySets = new Map<EntraCloud, Promise<HintKeys>>()

  async function fetchText(
    url: string,
  ): Promise<{ readonly status: number; readonly body: string }> {
    try {
      return await client.send({ method: 'GET', url, timeoutMs, bytesMax })
    } catch (error) {
      throw new UnreachableError('no answer', { cause: error })
    }
  }

  /** The address of a cloud's keys, which must be on the host that names it. */
  async function openKeys(cloud: EntraCloud): Promise<HintKeys> {
    const discoveryUrl = discoveryUrlOf(cloud)
    const { status, body } = await fetchText(discoveryUrl)
    const address = status === 200 ? readJsonObject(Buffer.from(body))?.jwks_uri : undefined
    const url = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined
    if (!url || url.origin !== new URL(discoveryUrl).origin) {
      throw new UnreachableError('no address of keys')
    }
    return createRemoteJWKSet(url, {
      timeoutDuration: timeoutMs,
      cooldownDuration: 30_000,
      cacheMaxAge: 600_000,
      [customFetch]: async (keysUrl) => {
        const answer = await fetchText(keysUrl)
        const headers = { 'content-type': 'application/json' }
        return new Response(answer.body, { status: answer.status, headers })
      },
    })
  }

  function keysOf(cloud: EntraCloud): Promise<HintKeys> {
    const openedKeys = keySets.get(cloud)
    if (openedKeys !== undefined) return openedKeys
    const keys = openKeys(cloud)
    keySets.set(cloud, keys)
    keys.catch(() => keySets.delete(cloud))
    return keys
  }

  return {
    async verify(hint, binding) {
      if (hint.length > hintLengthMax) return 'refused'
      try {
        return await verifyHint(hint, binding, () => keysOf(binding.cloud))
      } catch (error) {
        return isUnreachable(error) ? 'unreachable' : 'refused'
      }
    },
  }
}

/** Whether it is the keys that cannot be had, and not the hint that is wrong. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof UnreachableError || error instanceof errors.JWKSTimeout) return true
  if (error instanceof errors.JWKSInvalid) return true
  // Another status than 200, or no JSON.
  return error instanceof errors.JOSEError && error.code === 'ERR_JOSE_GENERIC'
}
