// The service's keys as a device knows them: pinned at enrollment, then followed link by link.

import { calculateJwkThumbprint } from 'jose'
import {
  hasExactly,
  isObject,
  openCompact,
  type ServiceKey,
  type SignatureFault,
} from './compact-jws.ts'

const linkTyp = 'keyset+jwt'

/** The keys that this device trusts, as of the `seq`-th set. */
export type KeySet = { readonly seq: number; readonly keys: readonly ServiceKey[] }

/** Why a link does not extend the current set. */
export type LinkFault = SignatureFault | 'issuer_wrong' | 'seq_wrong' | 'keys_wrong'

/**
 * Follows links, oldest first, to the newest set. Each must be signed by a key of the set before
 * it, have the very next `seq`, and keep every key of that set: a link that goes back, forks or
 * drops keys is refused, and so are all links after it.
 */
export async function followLinks(
  current: KeySet,
  links: readonly string[],
  issuer: string,
): Promise<KeySet | LinkFault> {
  let set = current
  for (const link of links) {
    const next = await followLink(set, link, issuer)
    if (typeof next === 'string') return next
    set = next
  }
  return set
}

async function followLink(
  current: KeySet,
  link: string,
  issuer: string,
): Promise<KeySet | LinkFault> {
  const openedLink = await openCompact(link, linkTyp, current.keys)
  if (typeof openedLink === 'string') return openedLink
  const { claims } = openedLink
  if (!hasExactly(claims, ['iss', 'seq', 'iat', 'keys'])) return 'malformed'
  if (claims.iss !== issuer) return 'issuer_wrong'
  if (claims.seq !== current.seq + 1) return 'seq_wrong'
  const next = await readKeySet(claims)
  if (!next) return 'keys_wrong'
  const keepsAll = current.keys.every((key) => next.keys.some(({ kid }) => kid === key.kid))
  return keepsAll && next.keys.length > current.keys.length ? next : 'keys_wrong'
}

/**
 * A key set as the service sends it, or undefined: every `kid` must be the thumbprint of its P-256
 * key, and unique.
 */
export async function readKeySet(value: unknown): Promise<KeySet | undefined> {
  if (!isObject(value) || !Number.isSafeInteger(value.seq) || !Array.isArray(value.keys)) {
    return undefined
  }
  const keys: ServiceKey[] = []
  for (const key of value.keys as unknown[]) {
    const read = await readServiceKey(key)
    if (!read || keys.some(({ kid }) => kid === read.kid)) return undefined
    keys.push(read)
  }
  return keys.length > 0 ? { seq: value.seq as number, keys } : undefined
}

async function readServiceKey(value: unknown): Promise<ServiceKey | undefined> {
  if (!isObject(value) || value.kty !== 'EC' || value.crv !== 'P-256') return undefined
  const { kid, x, y } = value
  if (typeof kid !== 'string' || typeof x !== 'string' || typeof y !== 'string') return undefined
  const jwk = { kty: 'EC', crv: 'P-256', x, y } as const
  return (await calculateJwkThumbprint(jwk)) === kid ? { ...jwk, kid } : undefined
}
