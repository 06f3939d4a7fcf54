// Examples of bodies, composed from those of their members, so that none is written twice.

type Schema = {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly example?: unknown
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly prefixItems?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
}
type Schemas = Readonly<Record<string, Schema>>
type Media = { readonly schema?: Schema; readonly example?: unknown; readonly examples?: unknown }
type Body = { readonly content?: Readonly<Record<string, Media>> }
type Operation = { readonly requestBody?: Body; readonly responses?: Record<string, Body> }
type Items = Record<string, Record<string, Operation>>
type Document = {
  readonly paths?: unknown
  readonly webhooks?: unknown
  readonly components?: { readonly schemas?: object }
}

const schemaRef = '#/components/schemas/'

/** The value that a schema itself names, if it names one. */
function namedValue(schema: Schema): readonly [unknown] | undefined {
  if (schema.example !== undefined) return [schema.example]
  if (schema.default !== undefined) return [schema.default]
  if (schema.const !== undefined) return [schema.const]
  return schema.enum && [schema.enum[0]]
}

/** A value that fits the schema. Throws where a text would have to be invented. */
export function exampleOf(schema: Schema, schemas: Schemas, place: string): unknown {
  const own = namedValue(schema)
  if (own) return own[0]
  const { $ref, anyOf, oneOf, allOf, prefixItems, items } = schema
  const [alternative] = anyOf ?? oneOf ?? []
  if (alternative) return exampleOf(alternative, schemas, place)
  if (allOf) return Object.assign({}, ...allOf.map((one) => exampleOf(one, schemas, place)))
  if ($ref !== undefined) return exampleOf(schemas[nameIn($ref)] ?? {}, schemas, $ref)
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, member]) => [
          name,
          exampleOf(member, schemas, `${place}/${name}`),
        ]),
      )
    case 'array':
      if (prefixItems) return prefixItems.map((one) => exampleOf(one, schemas, place))
      return items ? [exampleOf(items, schemas, `${place}/0`)] : []
    case 'integer':
    case 'number':
      return schema.minimum ?? 0
    case 'boolean':
      return false
    case 'null':
      return null
  }
  if (Array.isArray(schema.type) && schema.type.includes('null')) return null
  throw new Error(`${place} has no example, and none can be composed`)
}

const nameIn = (ref: string) => ref.slice(schemaRef.length)

/** Every body that is sent or received successfully. */
function bodiesOf(items: Items): Media[] {
  const operations = Object.values(items).flatMap((item) => Object.values(item))
  const bodies = operations.flatMap(({ requestBody, responses = {} }) => [
    ...(requestBody ? [requestBody] : []),
    ...Object.entries(responses).flatMap(([status, body]) => (status.startsWith('2') ? body : [])),
  ])
  return bodies.flatMap(({ content = {} }) => Object.values(content))
}

/** Gives every body an example, at its schema: schemas with names have theirs in one place. */
export function withExamples<D extends Document>(document: D): D {
  const copy = structuredClone(document)
  const schemas = (copy.components?.schemas ?? {}) as Record<string, Schema>
  const items = { ...(copy.paths as Items), ...(copy.webhooks as Items) }
  const examples = new Map<Schema, unknown>()
  for (const { schema = {} } of bodiesOf(items)) {
    if (schema.format === 'binary') continue
    const target = schema.$ref === undefined ? schema : schemas[nameIn(schema.$ref)]
    if (target) examples.set(target, exampleOf(target, schemas, schema.$ref ?? 'a body'))
  }
  for (const [schema, example] of examples) Object.assign(schema, { example })
  return copy
}
