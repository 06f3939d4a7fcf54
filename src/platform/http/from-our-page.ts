// Proof that a page of our own origin sent a request.

import type { FastifyRequest } from 'fastify'

/**
 * Whether a page of our own origin sent this. Browsers set `Sec-Fetch-Site` and `Origin`
 * themselves, scripts cannot; calls that change something must carry one of them, in addition to
 * the `SameSite` of their cookie, which does not keep sibling subdomains out. `isPage`: people also
 * reach it by typing the address.
 */
export function isFromOurPage(
  { method, headers }: Pick<FastifyRequest, 'method' | 'headers'>,
  { publicOrigin, isPage }: { readonly publicOrigin: string; readonly isPage: boolean },
): boolean {
  const reads = method === 'GET' || method === 'HEAD'
  const site = headers['sec-fetch-site']
  if (site === 'none') return isPage && reads
  if (site !== undefined) return site === 'same-origin'
  if (headers.origin !== undefined) return headers.origin === publicOrigin
  return reads
}
