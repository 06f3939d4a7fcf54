// A test of an integration that sends the browser to a page of ours: its steps, what they mean, and
// what to do next.

import type { EntraCloud } from './entra.ts'

/** What is tested, in the order in which it is answered. */
export const connectionSteps = [
  'status',
  'https',
  'discovery',
  'keys',
  'authorize_endpoint',
  'clock',
  'entra_cloud',
  'foreign_key',
  'request',
  'forged_request',
  'redirect_uri',
  'answer',
] as const
export type ConnectionStepName = (typeof connectionSteps)[number]

export const stepResults = ['passed', 'failed', 'skipped'] as const
export type StepResult = (typeof stepResults)[number]

/** Why a step has failed or was skipped. */
export const stepReasons = [
  'paused',
  'not_https',
  'unreachable',
  'certificate_untrusted',
  'not_ours',
  'other_contents',
  'without_length',
  'key_without_certificate',
  'certificate_expired',
  'certificate_of_other_key',
  'clock_off',
  'refused',
  'accepted',
  'answer_invalid',
  'timeout',
  'needs_other_step',
] as const
export type StepReason = (typeof stepReasons)[number]

export type ConnectionStep = {
  readonly step: ConnectionStepName
  readonly result: StepResult
  /** Null where it has passed. */
  readonly reason: StepReason | null
}

/** What a step says that has passed. */
export const passedStep = (step: ConnectionStepName): ConnectionStep => ({
  ...{ step, result: 'passed', reason: null },
})
export const failedStep = (step: ConnectionStepName, reason: StepReason): ConnectionStep => ({
  ...{ step, result: 'failed', reason },
})
export const skippedStep = (step: ConnectionStepName, reason: StepReason): ConnectionStep => ({
  ...{ step, result: 'skipped', reason },
})

/** The step by what is wrong; undefined for nothing. */
export const stepOf = (step: ConnectionStepName, fault: StepReason | undefined): ConnectionStep =>
  fault === undefined ? passedStep(step) : failedStep(step, fault)

/** A test is passed when no step has failed; what was skipped proves nothing either way. */
export function isConnectionSound(steps: readonly ConnectionStep[]): boolean {
  return steps.length > 0 && steps.every(({ result }) => result !== 'failed')
}

const meanings: Readonly<Record<ConnectionStepName, string>> = {
  status: 'The integration is active',
  https: 'PUBLIC_ORIGIN is https',
  discovery: 'The discovery endpoint reads at PUBLIC_ORIGIN as it is to be pasted',
  keys: 'The keys read there, each with its certificate',
  authorize_endpoint: 'A form posted to the authorization endpoint reaches this service',
  clock: 'The clock is right',
  entra_cloud: "The keys of Entra's cloud can be fetched",
  foreign_key: 'What a key signed that is not of the client is refused',
  request: 'A request as the client sends it opens a prompt',
  forged_request: 'A forged request is refused',
  redirect_uri: 'An answer goes to a registered redirect URI alone',
  answer: 'The ID token is accepted, as the client checks it',
}

/** What the step proves when it has passed. */
export const meaningOf = (step: ConnectionStepName): string => meanings[step]

const advice: Readonly<Record<StepReason, string>> = {
  paused: 'Set its status to active: until then it lets nobody in.',
  not_https: 'Set PUBLIC_ORIGIN to an https address: Entra and most clients refuse any other.',
  unreachable:
    'Cannot be reached from here. If it can be from the internet (split DNS, a proxy), open the ' +
    'discovery endpoint from outside; else correct PUBLIC_ORIGIN, DNS or the proxy.',
  certificate_untrusted:
    'The certificate at PUBLIC_ORIGIN is not trusted or is of another name: install one of a ' +
    'public authority, with its whole chain.',
  not_ours:
    'Something else answers at PUBLIC_ORIGIN, or a proxy keeps this call back: let the paths ' +
    'below /t/ pass unchanged, GET and POST, with forms of 64 kB.',
  other_contents:
    'What reads there is not what this service says: PUBLIC_ORIGIN leads to another ' +
    'installation, or a proxy keeps or changes the answer.',
  without_length:
    'The answer comes without Content-Length, which Entra wants: let the proxy pass it through ' +
    'instead of compressing or chunking it.',
  key_without_certificate:
    'A key reads without its certificate (x5c): a proxy changes the answer, or the keys were ' +
    'written by hand. Rotate them: countersign oidc-keys rotate',
  certificate_expired:
    'The certificate of a key is not valid now. Check the clock, then: ' +
    'countersign oidc-keys rotate',
  certificate_of_other_key:
    'The certificate of a key is of another key. Rotate them: countersign oidc-keys rotate',
  clock_off:
    'The clock differs by more than a minute: set the time of the database server by NTP, or ' +
    'tokens count as too old or not yet valid.',
  refused:
    'What the client sends is refused. Compare the settings of the integration with what is ' +
    'configured at the other end.',
  accepted: 'This must never be accepted. Pause the integration and report it as SECURITY.md says.',
  answer_invalid:
    'The answer would be refused by the client. Read the keys again after a rotation; else ' +
    'report it with this result.',
  timeout: 'It took too long. Try again; if it stays so, look at the database and the network.',
  needs_other_step: 'Could not be tested while another step fails.',
}

const hosts: Readonly<Record<EntraCloud, string>> = {
  global: 'login.microsoftonline.com',
  us_government: 'login.microsoftonline.us',
  china: 'login.partner.microsoftonline.cn',
}

/** What to do next; null where nothing is to be done. English. */
export function adviceOf(
  { step, reason }: Pick<ConnectionStep, 'step' | 'reason'>,
  cloud: EntraCloud | null,
): string | null {
  if (reason === null) return null
  if (step !== 'entra_cloud' || reason !== 'unreachable' || cloud === null) return advice[reason]
  return (
    `Allow this service to reach ${hosts[cloud]} (https). Until then sign-ins of Entra are ` +
    'answered with temporarily_unavailable.'
  )
}

/** How far another clock may be off. */
export const clockToleranceSeconds = 60

/** Whether the other clock differs by more than tokens can bear. */
export function clockFault(own: Date, other: Date): 'clock_off' | undefined {
  const seconds = Math.abs(own.getTime() - other.getTime()) / 1000
  // Not `>`: what is no time counts as off.
  return seconds <= clockToleranceSeconds ? undefined : 'clock_off'
}

/** Whole; a caller has its answer by then. */
export const connectionTestSecondsMax = 10
/** Tests of one tenant in a minute, in one process. */
export const connectionTestsPerMinute = 10

/** How long the tenant waits for its next test; 0 when it need not. */
export function connectionTestWaitSeconds(
  { startedMs, isRunning }: { readonly startedMs: readonly number[]; readonly isRunning: boolean },
  nowMs: number,
): number {
  if (isRunning) return 1
  const recentMs = startedMs.filter((one) => nowMs - one < 60_000)
  if (recentMs.length < connectionTestsPerMinute) return 0
  return Math.ceil((60_000 - (nowMs - Math.min(...recentMs))) / 1000)
}

/** What an ID token must be to the client whose double reads it. */
export type IdTokenExpectations = {
  readonly clientId: string
  readonly subject: string
  readonly nonce: string
  /** Values of `acr` of which one was asked for; null where none was. */
  readonly acrValues: readonly string[] | null
  /** Whether `amr` holds exactly one method, as Entra demands. */
  readonly hasOneMethod: boolean
}

/** Whether claims whose signature, issuer and times were verified answer the request. */
export function isAnswer(
  { aud, sub, nonce, acr, amr }: Readonly<Record<string, unknown>>,
  expectations: IdTokenExpectations,
): boolean {
  const { clientId, subject, acrValues, hasOneMethod } = expectations
  if (aud !== clientId || sub !== subject || nonce !== expectations.nonce) return false
  if (acrValues !== null && !acrValues.some((one) => one === acr)) return false
  if (!Array.isArray(amr) || amr.length === 0) return false
  return !hasOneMethod || amr.length === 1
}
