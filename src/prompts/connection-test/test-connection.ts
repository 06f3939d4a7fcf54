// Tests an integration from end to end: what its client reads, sends and gets, without its client,
// without a person, and without anything that stays but a line in the audit record.

import {
  adviceOf,
  type ConnectionStep,
  type ConnectionStepName,
  connectionSteps,
  connectionTestSecondsMax,
  isConnectionSound,
  meaningOf,
} from '../../domain/connection-test.ts'
import type { IntegrationId } from '../../domain/ids.ts'
import { promptSettingsOf } from '../../domain/integration.ts'
import type { PromptSettings } from '../../domain/prompt-settings.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import type { IntegrationStore, StoredIntegration } from '../../doors/integration.store.ts'
import { type IntegrationScope, readIntegration } from '../../doors/integrations.ts'
import type { EntraHints } from '../oidc/entra-hint.store.ts'
import { type Provider, readProvider } from '../oidc/provider.ts'
import { clientKeySteps, codeWalkSteps } from './code-walk.ts'
import type { ConnectionProbes, ConnectionProbing } from './connection-test.store.ts'
import type { ConnectionTurns } from './connection-turns.ts'
import { entraKeySteps, entraWalkSteps } from './entra-walk.ts'
import { clockStep, lateSteps, providerSteps, statusStep } from './provider-steps.ts'
import type { WalkDependencies } from './walk.ts'

export type Dependencies = WalkDependencies & {
  readonly integrations: Pick<IntegrationStore, 'find' | 'findStored' | 'list' | 'recordTest'>
  readonly entraHints: EntraHints
  readonly connectionProbing: ConnectionProbing
  readonly connectionTurns: ConnectionTurns
}

/** A step as an admin reads it. */
export type TestedStep = ConnectionStep & {
  readonly meaning: string
  readonly advice: string | null
}

export type ConnectionTest = {
  /** No step has failed. */
  readonly passed: boolean
  readonly testedAt: Date
  readonly steps: readonly TestedStep[]
}

/** `late` in the place of what takes longer; the work goes on, and its end is ignored. */
async function within<T>(seconds: number, work: Promise<T>, late: T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late), seconds * 1000)
  })
  try {
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
  }
}

const inOrder = (steps: readonly ConnectionStep[]) =>
  connectionSteps.flatMap((name) => steps.filter(({ step }) => step === name))

const walkNames = ['request', 'forged_request', 'redirect_uri', 'answer'] as const
const publicNames = ['https', 'discovery', 'keys', 'authorize_endpoint', 'clock'] as const

/**
 * Walks the whole flow of an integration that sends the browser to a page of ours, against a double
 * of its client whose key exists for this one walk. Within ten seconds; one at a time of a tenant.
 * Stores nothing but its line in the audit record, and, where the tenant has none, the first keys
 * of ID tokens, which the first reading of its client would make.
 */
export async function testConnection(
  dependencies: Dependencies,
  scope: IntegrationScope,
  id: IntegrationId,
): Promise<ConnectionTest | Refusal<'not_found' | 'invalid_request' | 'too_many_requests'>> {
  const integration = await readIntegration(dependencies, scope, id)
  if (isRefusal(integration)) return integration
  const settings = promptSettingsOf(integration.settings)
  if (settings === undefined) {
    return refuse('invalid_request', {
      hint: `An integration of the kind ${integration.settings.kind} sends nobody to a page.`,
    })
  }
  const { integrations, connectionTurns, clock } = dependencies
  return connectionTurns.run(scope.tenantId, async () => {
    const storedIntegration = await integrations.findStored({ id })
    const provider = await readProvider(dependencies, scope.tenantId)
    if (!storedIntegration || isRefusal(provider)) return refuse('not_found')
    const foundSteps = await stepsOf(dependencies, storedIntegration, settings, provider)
    const cloud = settings.kind === 'entra_external_mfa' ? settings.cloud : null
    const steps = inOrder(foundSteps).map((one) => ({
      ...{ ...one, meaning: meaningOf(one.step), advice: adviceOf(one, cloud) },
    }))
    const isSound = isConnectionSound(steps)
    const failedSteps = steps.filter(({ result }) => result === 'failed').map(({ step }) => step)
    const details = { passed: isSound, failed: failedSteps }
    const key = { tenantId: scope.tenantId, id }
    const isRecorded = await integrations.recordTest(key, details, scope.actor)
    if (!isRecorded) return refuse('not_found')
    return { passed: isSound, testedAt: clock.now(), steps }
  })
}

async function stepsOf(
  dependencies: Dependencies,
  storedIntegration: StoredIntegration,
  settings: PromptSettings,
  provider: Provider,
): Promise<readonly ConnectionStep[]> {
  const probes = await dependencies.connectionProbing.open()
  const inTime = (work: Promise<readonly ConnectionStep[]>, names: readonly ConnectionStepName[]) =>
    within(connectionTestSecondsMax, work, lateSteps(names))
  const keyNames: readonly ConnectionStepName[] =
    settings.kind === 'entra_external_mfa' ? ['entra_cloud', 'foreign_key'] : ['foreign_key']
  const [walked, ofKeys] = await Promise.all([
    inTime(walkedSteps(dependencies, probes, { storedIntegration, settings, provider }), [
      ...publicNames,
      ...walkNames,
    ]),
    inTime(keySteps(dependencies, probes, storedIntegration, settings), keyNames),
  ])
  return [statusStep(storedIntegration.integration.status), ...walked, ...ofKeys]
}

type Target = {
  readonly storedIntegration: StoredIntegration
  readonly settings: PromptSettings
  readonly provider: Provider
}

async function walkedSteps(
  dependencies: Dependencies,
  probes: ConnectionProbes,
  { storedIntegration, settings, provider }: Target,
): Promise<readonly ConnectionStep[]> {
  const { tenantId } = storedIntegration.integration
  const { kind } = settings
  const [read, entraDate] = await Promise.all([
    providerSteps(dependencies, probes, provider, { tenantId, kind }),
    kind === 'entra_external_mfa' ? probes.readEntraClock(settings.cloud) : null,
  ])
  const date = entraDate === null || entraDate === 'unreachable' ? read.date : entraDate
  const clock = clockStep(dependencies.clock.now(), date)
  const target = { storedIntegration, keys: read.keys }
  const walk =
    settings.kind === 'entra_external_mfa'
      ? await entraWalkSteps(dependencies, probes, target, settings)
      : await codeWalkSteps(dependencies, probes, target, settings)
  return [...read.steps, clock, ...walk]
}

function keySteps(
  dependencies: Dependencies,
  probes: ConnectionProbes,
  storedIntegration: StoredIntegration,
  settings: PromptSettings,
): Promise<readonly ConnectionStep[]> {
  return settings.kind === 'entra_external_mfa'
    ? entraKeySteps(dependencies, probes, settings)
    : clientKeySteps(dependencies, probes, { storedIntegration }, settings)
}
