// Closed sets of words, as the domain lists them, each under one name in the description.

import { z } from 'zod'
import { severityLevels } from '../../../domain/activity.ts'
import {
  challengeStatuses,
  deliveryModes,
  endReasons,
  userVerifications,
} from '../../../domain/challenge.ts'
import { connectionSteps, stepReasons, stepResults } from '../../../domain/connection-test.ts'
import { platforms as devicePlatforms, deviceStatuses } from '../../../domain/device.ts'
import { enrollmentViews } from '../../../domain/enrollment.ts'
import { entraClouds } from '../../../domain/entra.ts'
import { integrationStatuses } from '../../../domain/integration.ts'
import { numberModes } from '../../../domain/number-match.ts'
import { oidcAlgorithms } from '../../../domain/oidc-key.ts'
import { passcodeMethods } from '../../../domain/passcode.ts'
import { clientAuthentications } from '../../../domain/prompt-settings.ts'
import { appProviders, deliveryStatuses } from '../../../domain/push.ts'
import { suppressionReasons } from '../../../domain/push-throttling.ts'
import { reportResolutions, reportStatuses } from '../../../domain/report.ts'
import { scopes } from '../../../domain/scope.ts'
import { suspensionStatuses } from '../../../domain/suspension.ts'
import { domainPlaces } from '../../../domain/user-name.ts'

function enumeration<const Words extends readonly [string, ...string[]]>(
  id: string,
  words: Words,
  description: string,
) {
  return z.enum(words).meta({ id, description })
}

export const challengeStatus = enumeration(
  'ChallengeStatus',
  challengeStatuses,
  'Every status but `pending` is final.',
)
export const endReason = enumeration(
  'EndReason',
  endReasons,
  'Why a challenge was denied, or cancelled by a new question of the same browser.',
)
export const deliveryMode = enumeration(
  'DeliveryMode',
  deliveryModes,
  '`pull_only`: no phone is woken, so offer the user to open the app.',
)
export const suppressionReason = enumeration(
  'SuppressionReason',
  suppressionReasons,
  'Why no phone is woken. See docs/limits.md.',
)
export const numberMode = enumeration(
  'NumberMode',
  numberModes,
  'Where the number comes from: the service, the caller, or there is none.',
)
export const userVerification = enumeration(
  'UserVerification',
  userVerifications,
  'Whether a device must verify the person. `preferred`: one that has a verification key must.',
)
export const passcodeMethod = enumeration(
  'PasscodeMethod',
  passcodeMethods,
  'How a user signs in without a push.',
)
export const pushStatus = enumeration(
  'PushStatus',
  deliveryStatuses,
  '`sent`: the push service accepted the push.',
)
export const appProvider = enumeration('PushProvider', appProviders, 'A push service of an app.')
export const deviceStatus = enumeration(
  'DeviceStatus',
  deviceStatuses,
  'A suspended device may become active again; an unregistered one never.',
)
export const platform = enumeration(
  'Platform',
  devicePlatforms,
  'What kind of system the app runs on.',
)
export const enrollmentStatus = enumeration(
  'EnrollmentStatus',
  enrollmentViews,
  'A device has claimed it: `claimed`; and is active: `completed`.',
)
export const suspensionStatus = enumeration(
  'SuspensionStatus',
  suspensionStatuses,
  'Whether a user or a device is suspended.',
)
export const integrationStatus = enumeration(
  'IntegrationStatus',
  integrationStatuses,
  'A paused one lets nobody in.',
)
export const severity = enumeration('Severity', severityLevels, 'How urgent an activity is.')
export const reportStatus = enumeration(
  'ReportStatus',
  reportStatuses,
  'Whether a report is resolved.',
)
export const reportFinding = enumeration(
  'ReportFinding',
  reportResolutions,
  'What an admin concluded about a report.',
)
export const scope = enumeration('Scope', scopes, 'What an API key may do.')
export const domainPlace = enumeration(
  'DomainPlace',
  domainPlaces,
  'Which part of a name is its domain: none, `ada@EXAMPLE`, or `EXAMPLE\\ada`.',
)

export const entraCloud = enumeration('EntraCloud', entraClouds, 'A cloud of Microsoft Entra.')
export const clientAuthentication = enumeration(
  'ClientAuthentication',
  clientAuthentications,
  'How a client of OpenID Connect proves who it is.',
)
export const oidcAlgorithm = enumeration(
  'OidcAlgorithm',
  oidcAlgorithms,
  'An algorithm that signs ID tokens.',
)
export const connectionStep = enumeration(
  'ConnectionStepName',
  connectionSteps,
  'What is tested of an integration.',
)
export const stepResult = enumeration(
  'StepResult',
  stepResults,
  '`skipped` proves nothing either way.',
)
export const stepReason = enumeration(
  'StepReason',
  stepReasons,
  'Why a step has failed or was skipped.',
)
