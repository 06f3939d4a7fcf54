// The service behind this app: one, named by the page that it served.

import type { World } from '../../clients/device/src/device.ts'

/** Of the project: the build writes it. */
declare const APP_VERSION: string

/** Fixed: minimum versions of a policy name it. */
export const appId = 'countersign.web'
export const appVersion = APP_VERSION

/**
 * The origin that codes, proofs and issuers name. The page itself may be served from another one,
 * which answers the device API too.
 */
export const serviceOrigin: string =
  document.querySelector<HTMLMetaElement>('meta[name="service-origin"]')?.content || location.origin

/**
 * Calls go to the origin of the page, whatever origin they are about: the policy of the page allows
 * no other, and the proofs name the service's.
 */
export function worldIn(language: string): World {
  return {
    language,
    fetch: (input, init) => {
      const { pathname, search } = new URL(String(input))
      return fetch(pathname + search, init)
    },
  }
}
