// The one table from refusals to HTTP: every refusal and every HTTP error with its status and
// texts.

import type { RefusalCode } from '../../domain/refusal.ts'
import type { DoorCode, ProblemKind } from './problem-kind.ts'
import { appProblems } from './problems/app-problems.ts'
import { challengeProblems } from './problems/challenge-problems.ts'
import { integrationProblems } from './problems/integration-problems.ts'
import { passcodeProblems } from './problems/passcode-problems.ts'
import { portalProblems } from './problems/portal-problems.ts'
import { webhookProblems } from './problems/webhook-problems.ts'

/** Codes that only the HTTP layer sends. */
export type MachineCode =
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'headers_too_large'
  | 'request_timeout'
  | DoorCode
  | 'unavailable'
  | 'internal'

export type ProblemCode = RefusalCode | MachineCode

const renew = 'Sign a new proof for this very request and send it once.'
const again = 'Send the same request again.'

/** A new code does not compile until it has a status. `detail` says what the caller can do next. */
export const problems = {
  unauthenticated: {
    status: 401,
    title: 'No API key was given.',
    detail: 'Send the header `Authorization: Bearer cs_<id>_<secret>`.',
  },
  api_key_invalid: {
    status: 401,
    title: 'The API key is not valid.',
    detail:
      'Check that the key is complete, not expired and not revoked, or ask an admin for a new one.',
  },
  address_not_allowed: {
    status: 403,
    title: 'The API key may not be used from this address.',
    detail: 'Call from an address that the key is bound to, or ask an admin for another key.',
  },
  scope_missing: {
    status: 403,
    title: 'The API key lacks the scope for this call.',
    detail: 'Use a key that has the scope named in `scope`.',
  },
  namespace_not_granted: {
    status: 403,
    title: 'The relying party may not use this namespace.',
    detail: 'Name the user in a namespace of this relying party, or have the namespace granted.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here.',
    detail:
      'Check the path and the id. What belongs to others looks the same as what does not exist.',
  },
  invalid_request: {
    status: 400,
    title: 'The request is not valid.',
    detail: 'Correct what `errors` names, or compare the request with /openapi.yaml.',
  },
  relying_party_unknown: {
    status: 422,
    title: 'There is no such relying party.',
    detail: 'Use the id of a relying party of this tenant, as listed by GET /v1/relying-parties.',
  },
  policy_out_of_profile: {
    status: 422,
    title: 'The profile of the policy does not allow this.',
    detail: 'Change `field`, or choose the profile `compat` and accept what it gives up.',
  },
  policy_laxer: {
    status: 422,
    title: 'A relying party or integration may be stricter than its tenant, never laxer.',
    detail: 'Leave `field` out, or send a value at least as strict as GET /v1/policy shows.',
  },
  api_key_not_live: {
    status: 409,
    title: 'The API key is expired or revoked.',
    detail: 'Create a new key: only a live one can be rotated.',
  },
  rotation_under_way: {
    status: 409,
    title: 'Two keys of this lineage are live already.',
    detail: 'Revoke the old key, or wait until it ends, before you rotate again.',
  },
  identifier_taken: {
    status: 409,
    title: 'An identifier already names another user.',
    detail: 'Look the user up by that identifier, or leave the identifier out.',
  },
  identifiers_collide: {
    status: 409,
    title: 'Identifiers of different users would become one.',
    detail:
      'Erase one user of each pair in `collisions` (POST /v1/users/{userId}/erase), or ' +
      'keep `exact`. The list holds twenty at most.',
  },
  enrollment_not_open: {
    status: 409,
    title: 'The enrollment is not open any more.',
    detail: 'Open a new enrollment.',
  },
  enrollment_code_invalid: {
    status: 404,
    title: 'The enrollment code is not valid.',
    detail:
      'Scan the code, or type it again together with the user name; after some wrong ' +
      'attempts only scanning works.',
  },
  enrollment_expired: {
    status: 410,
    title: 'The enrollment has expired.',
    detail: 'Open a new enrollment.',
  },
  enrollment_not_claimed: {
    status: 409,
    title: 'The enrollment does not wait for a number.',
    detail: 'Open a new enrollment and claim it with this device.',
  },
  enrolled_before: {
    status: 409,
    title: 'The user has or had a second factor.',
    detail:
      'A window is for a first device only. Open an enrollment, or create a temporary code, when ' +
      'you have identified the user.',
  },
  too_many_devices: {
    status: 409,
    title: 'The user has as many devices as the tenant allows.',
    detail: 'Unregister one of the devices, or open an enrollment that replaces one.',
  },
  key_already_registered: {
    status: 409,
    title: 'A key of this device is already registered.',
    detail: 'Generate new keys, different from each other and from all earlier ones.',
  },
  too_many_key_rotations: {
    status: 429,
    title: 'The device has replaced as many keys as a day allows.',
    detail: 'Keep the keys that it has, and wait for the seconds in `Retry-After`.',
  },
  passkey_synced: {
    status: 403,
    title: 'The tenant does not accept passkeys that are copied to other devices.',
    detail: 'Claim with a passkey that stays on its device, or without one.',
  },
  attestation_missing: {
    status: 403,
    title: 'The tenant requires an attestation of the keys.',
    detail:
      'Claim the same code again with new keys and their `attestation`; a device that ' +
      'cannot produce one cannot join.',
  },
  attestation_invalid: {
    status: 403,
    title: 'The attestation of the keys is not valid.',
    detail:
      'Correct what `why` names and claim the same code again with new keys, or use ' +
      'another device.',
  },
  proof_missing: {
    status: 401,
    title: 'No device proof was given.',
    detail: 'Send the header `Device-Proof` with a proof for this request.',
  },
  proof_malformed: {
    status: 401,
    title: 'The proof is not well-formed.',
    detail: 'Send a compact JWS, ES256, with exactly the header and claims of the device protocol.',
  },
  proof_invalid: {
    status: 401,
    title: 'The proof does not prove this request.',
    detail: renew,
  },
  proof_replayed: {
    status: 401,
    title: 'The proof was used before.',
    detail: renew,
  },
  proof_key_not_allowed: {
    status: 403,
    title: 'This call requires the verification key.',
    detail: 'Sign the proof with the verification key, after the person has been verified.',
  },
  clock_skew: {
    status: 401,
    title: 'The clock of the device is too far off.',
    detail: 'Keep the offset to `serverTime`, add it to the time of the proof, and try again.',
  },
  device_unregistered: {
    status: 403,
    title: 'The device is unregistered.',
    detail: 'Enroll the device again; its keys are not valid any more.',
  },
  device_suspended: {
    status: 403,
    title: 'The device is suspended.',
    detail: 'Ask an admin to make it active again; its keys are kept.',
  },
  device_not_active: {
    status: 403,
    title: 'The device is not active.',
    detail: 'Confirm the enrollment first: type the number from the sign-in page on the device.',
  },
  device_not_pending: {
    status: 409,
    title: 'The device does not wait for confirmation.',
    detail: 'Nothing is left to do: the device is active.',
  },
  ...appProblems,
  ...integrationProblems,
  ...challengeProblems,
  ...passcodeProblems,
  ...portalProblems,
  ...webhookProblems,
  conflict: {
    status: 409,
    title: 'Somebody else changed the same thing at this moment.',
    detail: again,
  },
  too_many_requests: {
    status: 429,
    title: 'Too many calls of this kind are waiting already.',
    detail:
      'Nothing was done. Send the same call again after the seconds in `Retry-After`; ' +
      'each network has its slot in the queue, however many others wait.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large.',
    detail: 'Send at most 64 KiB.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is of another type.',
    detail: 'Send `Content-Type: application/json`, or that of a form where the call takes one.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large.',
    detail: 'Send at most 16 KiB of headers.',
  },
  request_timeout: {
    status: 408,
    title: 'The request did not arrive in time.',
    detail: again,
  },
  unavailable: {
    status: 503,
    title: 'The service cannot do this at the moment.',
    // The reply of a commit may have been lost: whether it happened is not known here.
    detail:
      'Whether it happened is unknown. Send the same call again after the seconds in ' +
      '`Retry-After`, with the same `Idempotency-Key` if there was one.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong on our side.',
    detail: 'Tell the operator the `Request-Id` of this answer.',
  },
} as const satisfies Record<ProblemCode, ProblemKind>
