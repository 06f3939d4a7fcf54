// What is pending for a device, as the service lists it and as the person may see it.

import {
  type ApprovalRequest,
  type RequestExpectation,
  type RequestFault,
  readRequest,
} from './approval-request.ts'
import { isObject } from './compact-jws.ts'

/** A request to show, and where it leads back to. */
export type PendingRequest = ApprovalRequest & {
  /**
   * Where to offer to go after the answer: an https address, otherwise null. In version 1 nothing
   * signs it: show its origin, and open it only when the person asks for it.
   */
  readonly returnUrl: string | null
}

/** The pending requests, and those that must not be shown. */
export type Pending = {
  readonly requests: readonly PendingRequest[]
  readonly refusedRequests: readonly {
    readonly challengeId: string
    readonly fault: RequestFault
  }[]
  /** Which requests these are, to wait for others; null from a service that cannot wait. */
  readonly state: string | null
}

/** How long to wait, and for requests other than those of which `state`. */
export type PendingWait = { readonly waitSeconds?: number; readonly after?: string | null }

/** One request as listed: signed, not yet verified. */
export type ListedRequest = {
  readonly id: string
  readonly request: string
  readonly returnUrl?: unknown
}

/** Https, and written as it will be opened; anything else is offered to nobody. */
function readReturnUrl(value: unknown): string | null {
  if (typeof value !== 'string' || !URL.canParse(value)) return null
  const { href, protocol, username, password } = new URL(value)
  return href === value && protocol === 'https:' && username === '' && password === ''
    ? value
    : null
}

export function isListedRequest(item: unknown): item is ListedRequest {
  return isObject(item) && typeof item.id === 'string' && typeof item.request === 'string'
}

/** Verifies each; a request of another challenge than it is listed under is refused as well. */
export async function readPending(
  items: readonly ListedRequest[],
  expectation: Omit<RequestExpectation, 'challengeId'>,
): Promise<Omit<Pending, 'state'>> {
  const requests: PendingRequest[] = []
  const refusedRequests: { challengeId: string; fault: RequestFault }[] = []
  for (const { id, request, returnUrl } of items) {
    const read = await readRequest(request, { ...expectation, challengeId: id })
    if (typeof read === 'string') refusedRequests.push({ challengeId: id, fault: read })
    // What came beside a request counts only where the request could not hold it.
    else {
      const own = read.protocolVersion === 1 ? returnUrl : read.returnUrl
      requests.push({ ...read, returnUrl: readReturnUrl(own) })
    }
  }
  return { requests, refusedRequests }
}
