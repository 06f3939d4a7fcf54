import { z } from 'zod'
import { type Id, type IdKind, idPrefixes, isId } from '../../../domain/ids.ts'

const suffixPattern = '[0-7][0-9a-hjkmnp-tv-z]{25}'
const suffixExample = '01jv9z3k8we2tvn4qh6yrx7b5c'

/** The pattern of one kind of id, for documentation; `isId` decides. */
export function idPattern(kind: IdKind): string {
  return `^${idPrefixes[kind]}_${suffixPattern}$`
}

/** A made-up id of this kind, for documentation. */
export function idExample<K extends IdKind>(kind: K): Id<K> {
  return `${idPrefixes[kind]}_${suffixExample}`
}

function idSchema<K extends IdKind>(kind: K, params: Readonly<Record<string, unknown>>) {
  const schema = z.string().refine((text) => isId(kind, text), {
    message: `must be an id that begins with ${idPrefixes[kind]}_`,
    params,
  })
  // zod's refinements do not narrow the type, although `isId` has just decided it.
  return schema as unknown as z.ZodType<Id<K>, string>
}

/**
 * An id that a caller names. In path and query an ill-formed one is answered like an unknown one.
 */
export function idOf<K extends IdKind>(kind: K, description: string): z.ZodType<Id<K>, string> {
  const documentation = { description, pattern: idPattern(kind), example: idExample(kind) }
  return idSchema(kind, { kind: 'id' }).meta(documentation)
}

/**
 * The cursor of a list of these: opaque to callers, so that a bad one is a bad request and not a
 * missing object.
 */
export function cursorOf<K extends IdKind>(kind: K): z.ZodType<Id<K>, string> {
  const description = 'The `nextCursor` of the page before.'
  return idSchema(kind, { kind: 'cursor' }).meta({ description, example: idExample(kind) })
}

/** An id in an answer. */
export function shownId(kind: IdKind, description: string) {
  return z.string().meta({ description, example: idExample(kind) })
}

/** True for a validation issue that `idOf` raised. */
export function isIdFault({
  params,
}: {
  readonly params: Readonly<Record<string, unknown>>
}): boolean {
  const details = params.params
  return (
    typeof details === 'object' && details !== null && 'kind' in details && details.kind === 'id'
  )
}

/** Path parameters that hold one id under this name. */
export function idParams<const Name extends string, K extends IdKind>(
  name: Name,
  kind: K,
  description: string,
) {
  return z.strictObject({ [name]: idOf(kind, description) } as Record<
    Name,
    z.ZodType<Id<K>, string>
  >)
}
