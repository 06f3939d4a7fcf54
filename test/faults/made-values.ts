import type { Chance } from './chance.ts'

/** The part of JSON Schema that the description of the API uses. */
export type Schema = {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly minLength?: number
}

/** Texts that have broken parsers, databases and pages. */
export const hostileTexts = [
  '',
  ' ',
  '\u0000',
  '\u202Eevil',
  "'; drop table users; --",
  '../../etc/passwd',
  '%00',
  '%c0%ae',
  '{"a":1}',
  '<script>alert(1)</script>',
  'null',
  '-1',
  '1e400',
  '\uD800',
  'é'.repeat(500),
  'x'.repeat(3_000),
  '🏳️‍🌈'.repeat(40),
] as const

const ids = /\(\^|\^([a-z]{2,4})_/

function textOf(schema: Schema, chance: Chance): string {
  if (chance.under(0.15)) return chance.of(hostileTexts)
  const prefix = ids.exec(schema.pattern ?? '')?.[1]
  if (prefix) return `${prefix}_01jv9z3k8we2tvn4qh6yrx7b5${chance.of([...'0123456789abc'])}`
  if (schema.format === 'date-time') return '2027-01-31T12:00:00Z'
  if (schema.format === 'uri') return 'https://hooks.example.com/'
  const length = chance.between(schema.minLength ?? 1, Math.min(schema.maxLength ?? 40, 60))
  return Array.from({ length: Math.max(length, 1) }, () => chance.of([...'abcxyz019-_. '])).join('')
}

function objectOf(schema: Schema, schemas: NamedSchemas, chance: Chance, depth: number): unknown {
  const members = Object.entries(schema.properties ?? {}).filter(
    ([name]) => schema.required?.includes(name) || chance.under(0.4),
  )
  const object = Object.fromEntries(
    members.map(([name, one]) => [name, createValue(one, schemas, chance, depth + 1)]),
  )
  return chance.under(0.05) ? { ...object, [chance.word()]: chance.of(hostileTexts) } : object
}

type NamedSchemas = Readonly<Record<string, Schema>>

/** A value that the schema allows, most of the time. */
export function createValue(
  schema: Schema,
  schemas: NamedSchemas,
  chance: Chance,
  depth: number,
): unknown {
  if (depth > 8) return null
  if (chance.under(0.04)) return chance.of([null, true, -1, 1e300, [], {}, '\u0000', [[[]]]])
  const target = schema.$ref?.split('/').at(-1)
  if (target !== undefined) return createValue(schemas[target] ?? {}, schemas, chance, depth + 1)
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return chance.of(schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return createValue(chance.of(choices), schemas, chance, depth + 1)
  if (schema.allOf) {
    const parts = schema.allOf.map((one) => createValue(one, schemas, chance, depth + 1))
    return Object.assign({}, ...parts.filter((part) => typeof part === 'object'))
  }
  const type = Array.isArray(schema.type) ? chance.of(schema.type) : schema.type
  switch (type) {
    case 'object':
      return objectOf(schema, schemas, chance, depth)
    case 'array':
      return Array.from({ length: chance.between(0, 3) }, () =>
        createValue(schema.items ?? {}, schemas, chance, depth + 1),
      )
    case 'integer':
    case 'number':
      return chance.between(schema.minimum ?? 0, Math.min(schema.maximum ?? 1_000, 2 ** 31))
    case 'boolean':
      return chance.under(0.5)
    case 'null':
      return null
    default:
      return textOf(schema, chance)
  }
}
