// The code in the address: taken once, and erased from the address and the history.

import { type EnrollmentTicket, readEnrollmentUri } from '../../clients/device/src/device.ts'
import { serviceOrigin } from './service.ts'

/** What an address or a scan holds: a ticket, one of another server, or nothing of ours. */
export type Scan = EnrollmentTicket | 'foreign' | 'unreadable'

/** Reads the text of a QR code, or of an address that was pasted. */
export function readScan(text: string): Scan {
  const ticket = readEnrollmentUri(text.trim())
  if (!ticket) return 'unreadable'
  return ticket.origin === serviceOrigin ? ticket : 'foreign'
}

const handedOver = /^#(tnt_[0-9a-z]{26})\/([A-Za-z0-9_-]{43})$/

/**
 * The ticket that the enrollment page handed over in the fragment; null when there was no fragment.
 * It is erased before anything else: history, other scripts and screenshots must not keep it.
 */
export function takeFragment(): Scan | null {
  const { hash, pathname, search } = location
  if (hash === '' || hash === '#') return null
  history.replaceState(history.state, '', pathname + search)
  const [, tenantId, code] = handedOver.exec(hash) ?? []
  return readScan(`${serviceOrigin}/t/${tenantId}/enroll#${code}`)
}

/** The organisation that a link to this app named (`?tenant=`); null for none. */
export function namedTenant(): string | null {
  const tenant = new URLSearchParams(location.search).get('tenant')
  return tenant !== null && /^tnt_[0-9a-z]{26}$/.test(tenant) ? tenant : null
}
