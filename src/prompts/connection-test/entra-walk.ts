// What Entra would see of an integration, walked with a double of it.

import {
  type ConnectionStep,
  failedStep,
  skippedStep,
  stepOf,
} from '../../domain/connection-test.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import type { EntraHints } from '../oidc/entra-hint.store.ts'
import type { ConnectionProbes } from './connection-test.store.ts'
import { openWalk, type Walk, type WalkDependencies, walkAgeMs } from './walk.ts'
import {
  answerOf,
  isOpened,
  lead,
  redirectStep,
  requestFault,
  type SettingsOf,
  type WalkTarget,
} from './walk-steps.ts'

/** A request of Entra, a forged one, and the answer as Entra checks it. */
export async function entraWalkSteps(
  dependencies: WalkDependencies,
  probes: ConnectionProbes,
  target: WalkTarget,
  settings: SettingsOf<'entra_external_mfa'>,
): Promise<readonly ConnectionStep[]> {
  const double = await probes.createEntraDouble(settings)
  const walk = openWalk(dependencies, target.storedIntegration, {
    settings,
    entraHints: double.hints,
  })
  const now = dependencies.clock.now()
  const forgedForm = await double.form({ clientId: walk.id, isForged: true, now })
  const isForgeryRefused = !isOpened(await lead(walk, target, forgedForm))
  const form = await double.form({ clientId: walk.id, isForged: false, now })
  const request = stepOf('request', requestFault(await lead(walk, target, form)))
  return [
    request,
    stepOf('forged_request', isForgeryRefused ? undefined : 'accepted'),
    await redirectStep(walk, target, form),
    request.result === 'passed'
      ? await entraAnswerStep(dependencies, probes, { walk, target, double })
      : skippedStep('answer', 'needs_other_step'),
  ]
}

type EntraWalk = {
  readonly walk: Walk
  readonly target: WalkTarget
  readonly double: Awaited<ReturnType<ConnectionProbes['createEntraDouble']>>
}

async function entraAnswerStep(
  { clock, publicOrigin }: WalkDependencies,
  { isTokenValid }: ConnectionProbes,
  { walk, target, double }: EntraWalk,
): Promise<ConnectionStep> {
  const { id_token: token } = (await answerOf(walk, target))?.parameters ?? {}
  if (token === undefined) return failedStep('answer', 'answer_invalid')
  const { subject, nonce, acrValues } = double
  const isValid = await isTokenValid({
    ...{ token, keys: target.keys, algorithm: 'RS256' },
    issuer: oidcIssuerOf(publicOrigin, target.storedIntegration.integration.tenantId),
    at: new Date(clock.now().getTime() - walkAgeMs),
    expectations: { clientId: walk.id, subject, nonce, acrValues, hasOneMethod: true },
  })
  return stepOf('answer', isValid ? undefined : 'answer_invalid')
}

/**
 * Whether the service as it runs takes what the double signed: no test hands its key to it, so that
 * the answer must be no. It also shows whether the keys of the cloud can be had.
 */
export async function entraKeySteps(
  { entraHints, clock }: { readonly entraHints: EntraHints } & Pick<WalkDependencies, 'clock'>,
  probes: ConnectionProbes,
  settings: SettingsOf<'entra_external_mfa'>,
): Promise<readonly ConnectionStep[]> {
  const double = await probes.createEntraDouble(settings)
  const form = await double.form({ clientId: '', isForged: false, now: clock.now() })
  const claims = await entraHints.verify(form.id_token_hint ?? '', settings)
  if (claims === 'unreachable') {
    return [
      failedStep('entra_cloud', 'unreachable'),
      skippedStep('foreign_key', 'needs_other_step'),
    ]
  }
  const isRefused = claims === 'refused'
  return [
    stepOf('entra_cloud', undefined),
    stepOf('foreign_key', isRefused ? undefined : 'accepted'),
  ]
}
