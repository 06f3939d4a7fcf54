// A door for existing clients: its settings, and what it requires.

import type { IntegrationId, RelyingPartyId, TenantId } from './ids.ts'
import type { NumberMode } from './number-match.ts'
import { laxerField, type Policy, type PolicyOverrides } from './policy.ts'
import { type PromptSettings, promptSettingsFault } from './prompt-settings.ts'
import { type Refusal, refuse } from './refusal.ts'
import { mappingFault, type UserNameMapping } from './user-name.ts'

/** The settings of each kind of door. The kinds are a closed set. */
export type IntegrationSettings =
  | { readonly kind: 'wait' }
  | {
      readonly kind: 'duo_auth_api'
      /** Whether signatures by HMAC-SHA-1 are accepted. */
      readonly sha1Allowed: boolean
      /** Whether clients may say that they let people in when nobody answers. */
      readonly failOpenAllowed: boolean
      /** Whether new users, and only those, are enrolled at this door. */
      readonly enrollmentAllowed: boolean
      /** Whether clients may speak version 1: by HMAC-SHA-1, and without a date. */
      readonly legacyV1Allowed: boolean
    }
  | {
      readonly kind: 'keycloak_ciba'
      /** The realms that may ask, by their exact issuer URLs. */
      readonly issuers: readonly string[]
      /** Clients of those realms that may ask (`azp`); none means all of them. */
      readonly clientIds: readonly string[]
      /** Whether the address ends in a secret that we generate. */
      readonly secretInPath: boolean
    }
  | PromptSettings
export type IntegrationKind = IntegrationSettings['kind']

/**
 * What a door may require beyond its relying party's policy: fields that are decided when a
 * challenge is created.
 */
export const integrationPolicyFields = [
  'numberDigits',
  'wrongNumbersMax',
  'userVerification',
  'appVersionsMin',
  'retiredPlatforms',
  'protocolVersionMin',
  'pushSignIn',
  'companionsMayAnswer',
] as const satisfies readonly (keyof Policy)[]
export type IntegrationPolicy = Pick<PolicyOverrides, (typeof integrationPolicyFields)[number]>

export const integrationStatuses = ['active', 'paused'] as const
export type IntegrationStatus = (typeof integrationStatuses)[number]

/** What an admin configures of an integration. */
export type IntegrationPlan = {
  /** Shown on the device as the application that is signed in to. */
  readonly name: string
  readonly settings: IntegrationSettings
  /**
   * `caller`: digits that the client shows; `none` only while the tenant's policy names the
   * integration.
   */
  readonly numberMode: Exclude<NumberMode, 'service'>
  /** The namespace of all users that may be asked. */
  readonly namespace: string
  readonly userNames: UserNameMapping
  /** Addresses and CIDR ranges from which it may be called; none means from everywhere. */
  readonly allowedAddresses: readonly string[]
  readonly policy: IntegrationPolicy
  /** Lifetime of its challenges; null for that of the policy. */
  readonly ttlSeconds: number | null
  readonly status: IntegrationStatus
}

export type Integration = IntegrationPlan & {
  readonly tenantId: TenantId
  readonly id: IntegrationId
  readonly rpId: RelyingPartyId
  /**
   * The public half of the credentials of a client that speaks the Auth API; null for other kinds.
   */
  readonly integrationKey: string | null
  readonly revision: number
  readonly createdAt: Date
  readonly updatedAt: Date
  /** How often it was used, when last, and the last error: written with a delay. */
  readonly uses: number
  readonly lastUsedAt: Date | null
  readonly lastError: { readonly code: string; readonly at: Date } | null
}

/** Kinds whose clients authenticate by a secret that we generate. */
export function hasSecret(settings: IntegrationSettings): boolean {
  switch (settings.kind) {
    case 'keycloak_ciba':
      return settings.secretInPath
    case 'entra_external_mfa':
      return false
    case 'oidc_code':
      return settings.clientAuthentication !== 'private_key_jwt'
    default:
      return true
  }
}

/** The settings of a door that sends the browser to a page of ours; undefined of any other. */
export function promptSettingsOf(settings: IntegrationSettings): PromptSettings | undefined {
  const { kind } = settings
  return kind === 'entra_external_mfa' || kind === 'oidc_code' ? settings : undefined
}

/** One text for equal values: the database orders the members of an object in its own way. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join()}}`
}

/** Why an integration may not be as planned. */
export type PlanRefusal = Refusal<
  'namespace_not_granted' | 'invalid_request' | 'policy_laxer' | 'number_none_not_allowed'
>

/** Why the settings of a plan are unsound; undefined for sound ones. */
function settingsFaultOf({
  settings,
  numberMode,
  allowedAddresses,
}: IntegrationPlan): string | undefined {
  // A call without a date can be sent again by anybody who has read it.
  if (
    settings.kind === 'duo_auth_api' &&
    settings.legacyV1Allowed &&
    allowedAddresses.length === 0
  ) {
    return '`legacyV1Allowed` requires `allowedAddresses`: the addresses of those machines.'
  }
  const promptSettings = promptSettingsOf(settings)
  if (promptSettings === undefined) return undefined
  const fault = promptSettingsFault(promptSettings)
  if (fault !== undefined || numberMode === 'caller') return fault
  return 'A page of ours always shows a number: `caller`.'
}

/**
 * Why a plan is refused; `id` is null for an integration that is still to be created, which nothing
 * can have permitted yet.
 */
export function planFault(
  plan: IntegrationPlan,
  context: {
    readonly id: IntegrationId | null
    readonly namespaces: readonly string[]
    readonly policy: Policy
  },
): PlanRefusal | undefined {
  if (!context.namespaces.includes(plan.namespace)) {
    return refuse('namespace_not_granted', { facts: { namespace: plan.namespace } })
  }
  const fault = mappingFault(plan.userNames)
  if (fault !== undefined) return refuse('invalid_request', { hint: fault })
  const settingsFault = settingsFaultOf(plan)
  if (settingsFault !== undefined) return refuse('invalid_request', { hint: settingsFault })
  const field = laxerField(context.policy, plan.policy)
  if (field !== undefined) return refuse('policy_laxer', { facts: { field } })
  if (plan.numberMode === 'none') {
    const { numberNoneAllowedFor } = context.policy
    if (context.id === null || !numberNoneAllowedFor.includes(context.id)) {
      return refuse('number_none_not_allowed', {
        hint:
          'Keep `caller`, or first have the id of the integration added to ' +
          '`numberNoneAllowedFor` of the tenant policy.',
      })
    }
  }
  return undefined
}

const planFields = [
  'name',
  'settings',
  'numberMode',
  'namespace',
  'userNames',
  'allowedAddresses',
  'policy',
  'ttlSeconds',
  'status',
] as const satisfies readonly (keyof IntegrationPlan)[]

/** The configured part of an integration, without its history; holds nothing secret. */
export function planOf(integration: IntegrationPlan): IntegrationPlan {
  return Object.fromEntries(
    planFields.map((field) => [field, integration[field]]),
  ) as IntegrationPlan
}

/** Fields whose values differ, with both: for the audit record. */
export function planChanges(
  before: IntegrationPlan,
  after: IntegrationPlan,
): Readonly<Record<string, { readonly before: unknown; readonly after: unknown }>> {
  const changedFields = planFields.filter(
    (field) => canonical(before[field]) !== canonical(after[field]),
  )
  return Object.fromEntries(
    changedFields.map((field) => [field, { before: before[field], after: after[field] }]),
  )
}

/**
 * The one run of 6 to 8 digits in a text that the person sees at the door; undefined when there is
 * none, or more than one.
 */
export function numberIn(text: string): string | undefined {
  const runs = text.match(/\p{Nd}+/gu)?.filter((run) => run.length >= 6) ?? []
  const [run] = runs
  return runs.length === 1 && run !== undefined && /^[0-9]{6,8}$/.test(run) ? run : undefined
}
