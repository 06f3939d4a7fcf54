// The service behind this app: one, named by the page that it served.

import type { World } from '../../clients/device/src/device.ts'
import { getAssertion } from './assertion.ts'
import { ownFetch } from './own-fetch.ts'

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

/** What every client here needs. */
export function worldIn(language: string): World {
  return { language, getAssertion, fetch: ownFetch }
}
