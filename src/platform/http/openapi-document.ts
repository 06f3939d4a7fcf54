// The OpenAPI description as a value: the output of the type provider, tidied.

import { isDeepStrictEqual } from 'node:util'
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

/** Names of the components that these parts refer to, directly or indirectly. */
function reachable(parts: unknown, schemas: Readonly<Record<string, unknown>>): Set<string> {
  const names = new Set<string>()
  const follow = (part: unknown): void => {
    walk(part, (name) => {
      if (!names.has(name)) {
        names.add(name)
        follow(schemas[name])
      }
      return name
    })
  }
  follow(parts)
  return names
}

/**
 * Answers may get more members at any time, so their description must not forbid it, although we
 * send no others today.
 */
function allowMoreMembers(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(allowMoreMembers)
  if (typeof schema !== 'object' || schema === null) return schema
  const members = Object.entries(schema).filter(
    ([name, member]) => name !== 'additionalProperties' || member !== false,
  )
  return Object.fromEntries(members.map(([name, member]) => [name, allowMoreMembers(member)]))
}

type OpenApiDocument = {
  readonly paths?: unknown
  readonly webhooks?: unknown
  readonly components?: { readonly schemas?: object }
}

/**
 * The type provider registers every named schema twice, as `X` and as `XInput`. This keeps those
 * that are referred to, and renames input schemas to `X` where no output uses that name, or means
 * the same by it.
 */
export function tidy<Document extends OpenApiDocument>(document: Document): Document {
  const schemas: Record<string, unknown> = { ...document.components?.schemas }
  const usedNames = reachable([document.paths, document.webhooks], schemas)
  const nameOf = (name: string) => {
    const plain = name.replace(/Input$/, '')
    const isFree =
      !usedNames.has(plain) || isDeepStrictEqual(allowMoreMembers(schemas[plain]), schemas[name])
    return plain in schemas && isFree ? plain : name
  }
  const renamedDocument = walk(
    { ...document, components: { ...document.components, schemas: {} } },
    nameOf,
  )
  const entries = [...usedNames].map((name) => {
    const schema = walk(schemas[name], nameOf)
    return [nameOf(name), name.endsWith('Input') ? schema : allowMoreMembers(schema)] as const
  })
  const tidyDocument = renamedDocument as Document & { components: { schemas: object } }
  tidyDocument.components.schemas = Object.fromEntries(entries)
  return tidyDocument
}

/** The description as YAML. */
export function toYaml(document: object): string {
  return stringify(document as Json, {
    aliasDuplicateObjects: false,
    lineWidth: 120,
  })
}
