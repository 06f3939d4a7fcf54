// The order in which the description is read: what an API is before what it does, an operation's
// purpose before its details, and everything shared at the end.

const methods = ['get', 'post', 'put', 'patch', 'delete']
const keys = [
  ...['$ref', 'openapi', 'info', 'title', 'version', 'name', 'in', 'url', 'license', 'servers'],
  ...methods,
  ...['operationId', 'summary', 'description', 'tags', 'security', 'parameters'],
  ...['requestBody', 'paths', 'webhooks', 'components', 'headers'],
  ...['type', 'const', 'enum', 'format', 'pattern', 'properties', 'items', 'required'],
  ...['content', 'schema', 'responses', 'schemas', 'securitySchemes'],
]
const rankOf = new Map(keys.map((key, index) => [key, index]))
const rank = (key: string) => rankOf.get(key) ?? keys.length

const parameterPlaces = ['path', 'query', 'header']

/** Members of these are named by us; their order is meant. */
const mapKeys = new Set([
  ...['paths', 'webhooks', 'properties', 'content', 'responses', 'headers', 'schemas'],
  ...['securitySchemes', 'security'],
])
/** Values that are data, and not description. */
const dataKeys = new Set(['example', 'examples', 'default', 'enum', 'const', 'required'])

/** Parameters as they stand in a request; anything else stays where it is. */
function byPlace(one: unknown, other: unknown): number {
  const place = (value: unknown) =>
    typeof value === 'object' && value !== null && 'in' in value
      ? parameterPlaces.indexOf(String(value.in))
      : 0
  return place(one) - place(other)
}

function inOrder(value: unknown, isMap: boolean): unknown {
  if (Array.isArray(value)) return value.toSorted(byPlace).map((one) => inOrder(one, false))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  if (!isMap) entries.sort(([one], [other]) => rank(one) - rank(other))
  return Object.fromEntries(
    entries.map(([key, member]) => [
      key,
      !isMap && dataKeys.has(key) ? member : inOrder(member, !isMap && mapKeys.has(key)),
    ]),
  )
}

type Item = Readonly<Record<string, { readonly tags?: readonly string[] }>>
type Document = {
  readonly tags?: readonly { readonly name: string }[]
  readonly paths?: unknown
  readonly components?: object
}

const byName = ([one]: [string, unknown], [other]: [string, unknown]) =>
  one < other ? -1 : Number(one > other)

/** Paths in the order of the tags, and by name within each. */
function pathsInOrder({ tags = [], paths = {} }: Document): object {
  const names = tags.map(({ name }) => name)
  const tagOf = (item: Item) => names.indexOf(Object.values(item)[0]?.tags?.[0] ?? '')
  const entries = Object.entries(paths as Readonly<Record<string, Item>>)
  return Object.fromEntries(
    entries.sort((one, other) => tagOf(one[1]) - tagOf(other[1]) || byName(one, other)),
  )
}

/** The same description, in the order in which people read it. */
export function inReadingOrder<D extends Document>(document: D): D {
  const components = Object.entries(document.components ?? {}).map(([kind, members]) => [
    kind,
    Object.fromEntries(Object.entries(members as object).sort(byName)),
  ])
  return inOrder(
    {
      ...document,
      ...(document.paths !== undefined && { paths: pathsInOrder(document) }),
      components: Object.fromEntries(components),
    },
    false,
  ) as D
}
