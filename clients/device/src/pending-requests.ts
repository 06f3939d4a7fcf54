// What is pending for a device, as the service lists it and as the person may see it.

import {
  type ApprovalRequest,
  type RequestExpectation,
  type RequestFault,
  readRequest,
} from './approval-request.ts'
import { isObject } from './compact-jws.ts'

/** The pending requests, and those that must not be shown. */
export type Pending = {
  readonly requests: readonly ApprovalRequest[]
  readonly refusedRequests: readonly {
    readonly challengeId: string
    readonly fault: RequestFault
  }[]
}

/** One request as listed: signed, not yet verified. */
export type ListedRequest = { readonly id: string; readonly request: string }

export function isListedRequest(item: unknown): item is ListedRequest {
  return isObject(item) && typeof item.id === 'string' && typeof item.request === 'string'
}

/** Verifies each; a request of another challenge than it is listed under is refused as well. */
export async function readPending(
  items: readonly ListedRequest[],
  expectation: Omit<RequestExpectation, 'challengeId'>,
): Promise<Pending> {
  const requests: ApprovalRequest[] = []
  const refusedRequests: { challengeId: string; fault: RequestFault }[] = []
  for (const { id, request } of items) {
    const read = await readRequest(request, { ...expectation, challengeId: id })
    if (typeof read === 'string') refusedRequests.push({ challengeId: id, fault: read })
    else requests.push(read)
  }
  return { requests, refusedRequests }
}
