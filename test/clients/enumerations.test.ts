// Clients are published on their own and import nothing of the service: this holds their words
// equal to its own. The types are compared by the compiler (`npm run types`).

import { expect, expectTypeOf, it } from 'vitest'
import type { DeviceAccount } from '../../clients/device/src/account.ts'
import type { Decision } from '../../clients/device/src/answer.ts'
import type { UserVerification } from '../../clients/device/src/approval-request.ts'
import type { PushRegistration } from '../../clients/device/src/enrollment.ts'
import type {
  ActivityDetails,
  DeviceDetails,
  EnrollmentDetails,
  OwnDetails,
} from '../../clients/device/src/views.ts'
import {
  decisions,
  denyReasons,
  endReasons,
  type Result,
} from '../../clients/typescript/src/client.ts'
import type { Severity } from '../../src/domain/activity.ts'
import type * as answer from '../../src/domain/answer.ts'
import type { AttestationLevel, AttestationVerdict } from '../../src/domain/attestation.ts'
import * as challenge from '../../src/domain/challenge.ts'
import type { DeviceStatus, Platform, workingStatuses } from '../../src/domain/device.ts'
import type { EnrollmentView } from '../../src/domain/enrollment.ts'
import type { NumberMode } from '../../src/domain/number-match.ts'
import type { PushEnvironment, PushProviderName } from '../../src/domain/push.ts'
import type { DeviceUnaskedReason } from '../../src/domain/readiness.ts'

it("the client of relying parties knows the service's decisions and reasons, in both forms", () => {
  expect(decisions).toEqual(challenge.terminalStatuses)
  expect(denyReasons).toEqual(challenge.denyReasons)
  expect(endReasons).toEqual(challenge.endReasons)
  expectTypeOf<Result['number']>().toEqualTypeOf<NumberMode>()
})

it("the device's client has the words of the service", () => {
  expectTypeOf<Decision>().toEqualTypeOf<answer.Decision>()
  expectTypeOf<UserVerification>().toEqualTypeOf<challenge.UserVerification>()
  expectTypeOf<PushRegistration['provider']>().toEqualTypeOf<PushProviderName>()
  type AppPush = Extract<PushRegistration, { token: string }>
  expectTypeOf<NonNullable<AppPush['environment']>>().toEqualTypeOf<PushEnvironment>()
  expectTypeOf<DeviceAccount['status']>().toEqualTypeOf<(typeof workingStatuses)[number]>()
  expectTypeOf<DeviceDetails['status']>().toEqualTypeOf<DeviceStatus>()
  expectTypeOf<DeviceDetails['platform']>().toEqualTypeOf<Platform>()
  expectTypeOf<DeviceDetails['attestation']['level']>().toEqualTypeOf<AttestationLevel>()
  expectTypeOf<DeviceDetails['attestation']['verdict']>().toEqualTypeOf<AttestationVerdict>()
  expectTypeOf<NonNullable<OwnDetails['whyNot']>>().toEqualTypeOf<DeviceUnaskedReason>()
  expectTypeOf<ActivityDetails['severity']>().toEqualTypeOf<Severity>()
  expectTypeOf<EnrollmentDetails['status']>().toEqualTypeOf<EnrollmentView>()
})
