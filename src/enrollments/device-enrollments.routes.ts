import type { z } from 'zod'
import type { DeviceOptions } from '../devices/device.http.ts'
import {
  claimedBody,
  confirmation,
  confirmedBody,
  enrollmentClaim,
} from '../devices/device-call.schemas.ts'
import { proofOf } from '../devices/device-proof.guard.ts'
import { confirmationDigits } from '../domain/enrollment.ts'
import { passcodeAlgorithm, passcodePeriodSeconds } from '../domain/passcode.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { publicOperation } from '../platform/http/operation.ts'
import { route } from '../platform/http/route.ts'
import type { ClaimResult } from './claim-enrollment.ts'
import type * as useCases from './use-cases.ts'

type Options = DeviceOptions<Bound<typeof useCases>>

function shownClaim(claimResult: ClaimResult): z.output<typeof claimedBody> {
  const { device, signingKeys, issuer } = claimResult
  return {
    deviceId: device.id,
    userId: device.userId,
    status: device.status === 'active' ? 'active' : 'unconfirmed',
    issuer,
    tenant: { id: device.tenantId, name: claimResult.tenantName },
    user: { id: device.userId, displayName: claimResult.userName },
    keySet: {
      seq: Math.max(...signingKeys.map((key) => key.seq)),
      keys: signingKeys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid })),
    },
    confirmation: claimResult.confirmationRequired ? { digits: confirmationDigits } : null,
    passcode: claimResult.passcode && {
      ...claimResult.passcode,
      algorithm: passcodeAlgorithm,
      period: passcodePeriodSeconds,
    },
  }
}

/** How an app installation becomes a device. */
export function deviceEnrollmentRoutes(app: HttpApp, options: Options, done: () => void): void {
  claim(app, options)
  confirm(app, options)
  done()
}

function claim(app: HttpApp, { useCases, admission }: Options): void {
  route(
    app,
    'POST /device/v1/enrollments/claim',
    publicOperation({
      operationId: 'claimEnrollment',
      tag: 'device API',
      summary: 'Join a user with a scanned or typed code',
      description:
        'No `Device-Proof`: the code and the proofs in the body replace it. Of any ' +
        'number of claims of one code exactly one succeeds.',
      body: enrollmentClaim,
      answers: { 201: { description: 'The new device.', schema: claimedBody } },
      refusals: [
        'enrollment_code_invalid',
        'enrollment_expired',
        'enrollment_not_open',
        'too_many_devices',
        'app_too_old',
        'protocol_too_old',
        'platform_retired',
        'key_already_registered',
        'attestation_missing',
        'attestation_invalid',
        'passkey_synced',
        'proof_malformed',
        'proof_invalid',
        'clock_skew',
        'too_many_requests',
      ],
    }),
    async (request) => {
      const claiming = () => useCases.claimEnrollment(request.body)
      const claimResult = await admission.authenticate(request.ip, null, claiming)
      if (isRefusal(claimResult)) return claimResult
      return shownClaim(claimResult)
    },
  )
}

function confirm(app: HttpApp, { useCases, proof }: Options): void {
  route(
    app,
    'POST /device/v1/enrollments/confirm',
    proof('possession', {
      operationId: 'confirmEnrollment',
      tag: 'device API',
      summary: 'Type the number from the page on the new device',
      body: confirmation,
      answers: { 200: { description: 'The device is active.', schema: confirmedBody } },
      refusals: [
        'wrong_number',
        'device_not_pending',
        'enrollment_not_claimed',
        'enrollment_expired',
        'proof_replayed',
        'conflict',
      ],
    }),
    (request) => useCases.confirmEnrollment(proofOf(request), request.body.number),
  )
}
