// What a tenant may set, with the bounds that no tenant can leave. Sources of the figures:
// docs/limits.md.

import { isLanguageTag } from './language.ts'
import { type PolicyRule, policyRules } from './policy-rules.ts'
import { type Refusal, refuse } from './refusal.ts'

/** Name and type of every field; descriptions and bounds are in `policyRules`. */
export type Policy = {
  readonly [Field in keyof typeof policyRules]: ValueOf<(typeof policyRules)[Field]>
}
export type PolicyField = keyof Policy

type ValueOf<Rule> = Rule extends { kind: 'integer' }
  ? number
  : Rule extends { kind: 'flag' }
    ? boolean
    : Rule extends { kind: 'choice'; values: readonly (infer Choice)[] }
      ? Choice
      : Rule extends { kind: 'language' }
        ? string
        : readonly string[]

/** What a tenant or relying party has set; omitted fields keep their default. */
export type PolicyOverrides = Partial<Policy>

const fields = Object.entries(policyRules) as [PolicyField, PolicyRule][]

export const defaultPolicy = Object.fromEntries(
  fields.map(([field, rule]) => [field, rule.default]),
) as Policy

/** Hard bounds of a challenge's lifetime; 600 s is the most NIST SP 800-63B-4, 3.1.3.2 allows. */
export const challengeTtlBoundsSeconds = { min: 15, max: 600 } as const

/** A result names a device as new for this long after it became active. */
export const newDeviceSeconds = 24 * 60 * 60

/** Digits of a number below which a challenge gets one attempt only. */
const digitsForSeveralAttempts = 6

function valueWithinBounds(rule: PolicyRule, input: unknown): Policy[PolicyField] {
  switch (rule.kind) {
    case 'integer':
      if (typeof input !== 'number' || !Number.isInteger(input)) return rule.default
      return Math.min(rule.max, Math.max(rule.min, input))
    case 'flag':
      return typeof input === 'boolean' ? input : rule.default
    case 'choice':
      return (rule.values.find((value) => value === input) ?? rule.default) as Policy[PolicyField]
    case 'language':
      return typeof input === 'string' && isLanguageTag(input) ? input : rule.default
    case 'list':
      return Array.isArray(input) &&
        input.length <= rule.itemsMax &&
        input.every((item) => typeof item === 'string' && rule.item.test(item))
        ? input
        : rule.default
  }
}

/** Makes the fields consistent with the profile and with each other, whatever is stored. */
function consistent(policy: Policy): Policy {
  const strict = policy.profile === 'nist-800-63b-4'
  const numberDigits = strict
    ? Math.max(policy.numberDigits, digitsForSeveralAttempts)
    : policy.numberDigits
  return {
    ...policy,
    numberDigits,
    numberNoneAllowedFor: strict ? [] : policy.numberNoneAllowedFor,
    // Attempts x 10^-digits must stay below 1 in 100 even at two digits.
    wrongNumbersMax: numberDigits < digitsForSeveralAttempts ? 1 : policy.wrongNumbersMax,
  }
}

/**
 * The policy in force: the defaults with the stored overrides, each within its bounds. An invalid
 * override falls back to the default, so that a corrupted row can never loosen a rule.
 */
export function policyOf(storedOverrides: unknown): Policy {
  if (
    typeof storedOverrides !== 'object' ||
    storedOverrides === null ||
    Array.isArray(storedOverrides)
  )
    return defaultPolicy
  const overrides = storedOverrides as Readonly<Record<string, unknown>>
  if (Object.keys(overrides).length === 0) return defaultPolicy
  return consistent(
    Object.fromEntries(
      fields.map(([field, rule]) => [field, valueWithinBounds(rule, overrides[field])]),
    ) as Policy,
  )
}

/** Refuses overrides that the profile rules out; the schema checks the bounds of single fields. */
export function checkOverrides(
  overrides: PolicyOverrides,
): Refusal<'policy_out_of_profile'> | undefined {
  const policy: Policy = { ...defaultPolicy, ...overrides }
  if (policy.profile !== 'nist-800-63b-4') return undefined
  if (policy.numberDigits < digitsForSeveralAttempts) return outOfProfile('numberDigits')
  if (policy.numberNoneAllowedFor.length > 0) return outOfProfile('numberNoneAllowedFor')
  return undefined
}

function outOfProfile(field: PolicyField): Refusal<'policy_out_of_profile'> {
  return refuse('policy_out_of_profile', { facts: { field } })
}

/** True when `value` is at least as strict as `than`. Fields without a direction may not differ. */
function isAsStrict(rule: PolicyRule, value: unknown, than: unknown): boolean {
  switch (rule.kind) {
    case 'integer':
      if (rule.stricter === null) return value === than
      return rule.stricter === 'more'
        ? Number(value) >= Number(than)
        : Number(value) <= Number(than)
    case 'flag':
      return value === than || value === rule.stricter
    case 'choice':
      return rule.values.indexOf(`${value}`) >= rule.values.indexOf(`${than}`)
    case 'language':
      return value === than
    case 'list': {
      const [inner, outer] = rule.stricter === 'fewer' ? [value, than] : [than, value]
      return (inner as string[]).every((item) => (outer as string[]).includes(item))
    }
  }
}

/**
 * The first field in which overrides of a relying party would be laxer than the tenant's policy;
 * undefined when none is.
 */
export function laxerField(tenant: Policy, overrides: PolicyOverrides): PolicyField | undefined {
  return fields.find(
    ([field, rule]) => field in overrides && !isAsStrict(rule, overrides[field], tenant[field]),
  )?.[0]
}

/**
 * The tenant's policy with the relying party's stricter overrides. A field that has become laxer
 * than the tenant's since it was set is ignored, so that a relying party can never loosen what its
 * tenant decided.
 */
export function strictest(tenant: Policy, relyingParty: unknown): Policy {
  if (typeof relyingParty !== 'object' || relyingParty === null) return tenant
  const overrides = relyingParty as Readonly<Record<string, unknown>>
  if (Object.keys(overrides).length === 0) return tenant
  const stricterFields = fields.flatMap(([field, rule]) => {
    if (!(field in overrides)) return []
    const value = valueWithinBounds(rule, overrides[field])
    return isAsStrict(rule, value, tenant[field]) ? [[field, value] as const] : []
  })
  return stricterFields.length === 0
    ? tenant
    : consistent({ ...tenant, ...Object.fromEntries(stricterFields) })
}

/** Fields whose values differ, with both. */
export function policyChanges(
  before: Policy,
  after: Policy,
): Readonly<Record<string, { readonly before: unknown; readonly after: unknown }>> {
  const changedFields = fields.filter(
    ([field]) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  )
  return Object.fromEntries(
    changedFields.map(([field]) => [field, { before: before[field], after: after[field] }]),
  )
}
