// The OpenAPI description as a value: what the type provider wrote, put in order.

import { stringify } from 'yaml'

type Json = null | string | number | boolean | Json[] | { [name: string]: Json }

const schemaRef = '#/components/schemas/'

function walk(value: unknown, visit: (ref: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => walk(item, visit))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === '$ref' && typeof member === 'string' && member.startsWith(schemaRef)
        ? schemaRef + visit(member.slice(schemaRef.length))
        : walk(member, visit),
    ]),
  )
}

/** Names of the components that these parts refer to, however deep. */
function reachable(parts: unknown, schemas: Readonly<Record<string, unknown>>): Set<string> {
  const found = new Set<string>()
  const follow = (part: unknown): void => {
    walk(part, (name) => {
      if (!found.has(name)) {
        found.add(name)
        follow(schemas[name])
      }
      return name
    })
  }
  follow(parts)
  return found
}

/** Answers may get more members at any time, so their description must not forbid it, although we send no others today. */
function openEnded(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(openEnded)
  if (typeof schema !== 'object' || schema === null) return schema
  const members = Object.entries(schema).filter(
    ([name, member]) => name !== 'additionalProperties' || member !== false,
  )
  return Object.fromEntries(members.map(([name, member]) => [name, openEnded(member)]))
}

type Described = {
  readonly paths?: unknown
  readonly webhooks?: unknown
  readonly components?: { readonly schemas?: object }
}

/**
 * The type provider registers every named schema twice, as `X` and as `XInput`. This keeps those that are referred to, and
 * gives `X` back to schemas that are only ever taken.
 */
export function tidy<Document extends Described>(document: Document): Document {
  const schemas: Record<string, unknown> = { ...document.components?.schemas }
  const kept = reachable([document.paths, document.webhooks], schemas)
  const nameOf = (name: string) => {
    const plain = name.replace(/Input$/, '')
    return plain !== name && plain in schemas && !kept.has(plain) ? plain : name
  }
  const renamed = walk({ ...document, components: { ...document.components, schemas: {} } }, nameOf)
  const entries = [...kept].map((name) => {
    const schema = walk(schemas[name], nameOf)
    return [nameOf(name), name.endsWith('Input') ? schema : openEnded(schema)] as const
  })
  const tidied = renamed as Document & { components: { schemas: object } }
  tidied.components.schemas = Object.fromEntries(entries)
  return tidied
}

/** The description as YAML whose bytes depend on nothing but what it says. */
export function toYaml(document: object): string {
  return stringify(document as Json, {
    sortMapEntries: true,
    aliasDuplicateObjects: false,
    lineWidth: 120,
  })
}
