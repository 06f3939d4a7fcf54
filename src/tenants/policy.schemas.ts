// The policy document, built from the one table of its fields (domain/policy-rules.ts).

import { z } from 'zod'
import type { Policy, PolicyOverrides } from '../domain/policy.ts'
import { type PolicyRule, policyRules } from '../domain/policy-rules.ts'
import { languageTag } from '../platform/http/schemas/language.ts'

function schemaOf(rule: PolicyRule): z.ZodType {
  switch (rule.kind) {
    case 'integer':
      return z.int().min(rule.min).max(rule.max)
    case 'flag':
      return z.boolean()
    case 'choice':
      return z.enum(rule.values)
    case 'language':
      return languageTag
    case 'list':
      return z.array(z.string().regex(rule.item)).max(rule.itemsMax)
  }
}

function strictnessOf(rule: PolicyRule): string {
  switch (rule.kind) {
    case 'integer':
      return rule.stricter === null ? '' : ` Stricter: ${rule.stricter}.`
    case 'flag':
      return ` Stricter: ${rule.stricter}.`
    case 'language':
      return ''
    case 'choice':
      return ` From lax to strict: ${rule.values.join(', ')}.`
    case 'list':
      return ` Stricter: ${rule.stricter}.`
  }
}

const fields = Object.entries(policyRules) as [string, PolicyRule][]

const overrideFields = Object.fromEntries(
  fields.map(([field, rule]) => {
    const description = `${rule.about}${strictnessOf(rule)}`
    const documentation = { description, default: rule.default }
    return [field, schemaOf(rule).meta(documentation).exactOptional()]
  }),
)

const bodyFields = Object.fromEntries(
  fields.map(([field, rule]) => [
    field,
    schemaOf(rule).meta({ description: rule.about, example: rule.default }),
  ]),
)

/** The schemas of some fields, for callers that may set no others. */
export function overrideSchemas(
  names: readonly (keyof PolicyOverrides)[],
): Readonly<Record<string, z.ZodType>> {
  return Object.fromEntries(
    Object.entries(overrideFields).filter(([field]) => names.includes(field as never)),
  )
}

// The table gives the types; zod cannot follow through Object.fromEntries.
export const policyOverrides = z.strictObject(overrideFields).meta({
  id: 'PolicyOverrides',
  description: 'Fields of the policy to set.',
  example: { challengeTtlSeconds: 90 },
}) as unknown as z.ZodType<PolicyOverrides, PolicyOverrides>

export const policyBody = z.object(bodyFields).meta({
  id: 'Policy',
  description: 'The policy in force, every field.',
}) as unknown as z.ZodType<Policy, Policy>
