// The steps that are taken at the public origin, as a client at the other end takes them.

import {
  type ConnectionStep,
  type ConnectionStepName,
  clockFault,
  failedStep,
  passedStep,
  type StepReason,
  skippedStep,
  stepOf,
} from '../../domain/connection-test.ts'
import type { TenantId } from '../../domain/ids.ts'
import type { PromptSettings } from '../../domain/prompt-settings.ts'
import { languages } from '../../platform/texts/texts.ts'
import type { Clock, Random } from '../../platform/world.ts'
import { discoveryOf } from '../oidc/discovery.ts'
import type { OidcJwk } from '../oidc/oidc-key.store.ts'
import type { Provider } from '../oidc/provider.ts'
import type { ConnectionProbes, PublicAnswer } from './connection-test.store.ts'

type Dependencies = { readonly clock: Clock; readonly random: Pick<Random, 'id'> }
type Reading = PublicAnswer | StepReason

export type ProviderSteps = {
  readonly steps: readonly ConnectionStep[]
  /** The keys as a client reads them; the tenant's own where they cannot be read. */
  readonly keys: readonly OidcJwk[]
}

/** As long as a hint of Entra: some proxies take no long forms. */
const longHint = 'A'.repeat(6_000)

/** Whether both have the same members, in any order. */
function isSame(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>) {
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => JSON.stringify(one[name]) === JSON.stringify(other[name]))
  )
}

function discoveryFault(
  reading: Reading,
  expectedBody: Readonly<Record<string, unknown>>,
  kind: PromptSettings['kind'],
): StepReason | undefined {
  if (typeof reading === 'string') return reading
  if (reading.status !== 200 || reading.body === undefined) return 'not_ours'
  if (!isSame(reading.body, expectedBody)) return 'other_contents'
  return kind === 'entra_external_mfa' && !reading.hasLength ? 'without_length' : undefined
}

const kidsOf = (keys: readonly OidcJwk[]) => keys.map(({ kid }) => String(kid)).toSorted()

function keysFault(
  reading: Reading,
  expectedKeys: readonly OidcJwk[],
  keyFault: (key: OidcJwk) => StepReason | undefined,
): StepReason | undefined {
  if (typeof reading === 'string') return reading
  const { status, body } = reading
  if (status !== 200 || !Array.isArray(body?.keys)) return 'not_ours'
  const keys = body.keys as readonly OidcJwk[]
  if (`${kidsOf(keys)}` !== `${kidsOf(expectedKeys)}`) return 'other_contents'
  return keys.map(keyFault).find((fault) => fault !== undefined)
}

/** A refusal in the words of this service shows that it was reached, and leaves no trace. */
function authorizeFault(reading: Reading): StepReason | undefined {
  if (typeof reading === 'string') return reading
  return reading.body?.code === 'integration_invalid' ? undefined : 'not_ours'
}

/** Discovery, keys and the authorization endpoint, at the address that clients read them by. */
export async function providerSteps(
  { clock, random }: Dependencies,
  { call, keyFault }: ConnectionProbes,
  { issuer, keys }: Provider,
  { tenantId, kind }: { readonly tenantId: TenantId; readonly kind: PromptSettings['kind'] },
): Promise<ProviderSteps & { readonly date: Date | null }> {
  const base = `/t/${tenantId}/oidc`
  const form = { client_id: random.id('integration'), id_token_hint: longHint }
  const [discovery, keySet, authorizing] = await Promise.all([
    call(`${base}/.well-known/openid-configuration`),
    call(`${base}/jwks`),
    call(`${base}/authorize`, form),
  ])
  const now = clock.now()
  const wrongKeys = keysFault(keySet, keys, (key) => keyFault(key, now))
  const areRead = wrongKeys === undefined && typeof keySet !== 'string'
  return {
    steps: [
      stepOf('https', issuer.startsWith('https:') ? undefined : 'not_https'),
      stepOf('discovery', discoveryFault(discovery, discoveryOf(issuer, languages), kind)),
      stepOf('keys', wrongKeys),
      stepOf('authorize_endpoint', authorizeFault(authorizing)),
    ],
    keys: areRead ? (keySet.body?.keys as readonly OidcJwk[]) : keys,
    // Nothing keeps an answer to a form.
    date: typeof authorizing === 'string' ? null : authorizing.date,
  }
}

/** Compares the clock with another one; without any it proves nothing. */
export function clockStep(own: Date, date: Date | null): ConnectionStep {
  if (date === null) return skippedStep('clock', 'needs_other_step')
  return stepOf('clock', clockFault(own, date))
}

/** A step of the settings alone. */
export function statusStep(status: 'active' | 'paused'): ConnectionStep {
  return status === 'active' ? passedStep('status') : failedStep('status', 'paused')
}

/** What is said of steps that have taken too long. */
export const lateSteps = (names: readonly ConnectionStepName[]): readonly ConnectionStep[] =>
  names.map((name) => failedStep(name, 'timeout'))
