// Schemas of the description as HTML.

import { type Html, html, noHtml } from '../../platform/http/pages/html.ts'

export type Schema = {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly description?: string
  readonly example?: unknown
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

/** A text as paragraphs, with what stands between backticks as code. */
export function prose(text = ''): Html[] {
  const paragraphs = text.split(/\n\n+/).filter((one) => one !== '')
  return paragraphs.map((one) => html`<p>${spans(one)}</p>`)
}

function spans(text: string): Html {
  const pieces = text.split('`').map((one, index) => {
    return index % 2 === 1 ? html`<code>${one}</code>` : html`${one}`
  })
  return joinAll(pieces, '')
}

/** The last part of a reference, which names a schema, a response or an example. */
export const nameIn = (ref = '') => ref.split('/').at(-1) ?? ''

/** A list of pieces between separators. */
export function joinAll(pieces: readonly Html[], separator: string): Html {
  const [first = noHtml, ...others] = pieces
  return others.reduce((all, one) => html`${all}${separator}${one}`, first)
}

/** What kind of value fits, in a few words. */
export function typeOf(schema: Schema): Html {
  if (schema.$ref !== undefined) {
    const name = nameIn(schema.$ref)
    return html`<a href="#schema-${name}">${name}</a>`
  }
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives) return joinAll(alternatives.map(typeOf), ' or ')
  const words = schema.const === undefined ? schema.enum : [schema.const]
  if (words)
    return joinAll(
      words.map((one) => html`<code>${String(one)}</code>`),
      ' ',
    )
  if (schema.type === 'array') return html`list of ${typeOf(schema.items ?? {})}`
  const name = [schema.type ?? 'anything'].flat().join(' or ')
  return html`${name}${schema.format === undefined ? '' : ` (${schema.format})`}`
}

/** The greatest numbers that fit say nothing about what is meant. */
const sayingMax = 2 ** 32 - 2

function limitsOf({ minimum, maximum, pattern, default: preset }: Schema): Html {
  const limits = [
    ...(minimum === undefined ? [] : [html`from ${minimum}`]),
    ...(maximum === undefined || maximum > sayingMax ? [] : [html`to ${maximum}`]),
    ...(pattern === undefined ? [] : [html`like <code>${pattern}</code>`]),
    ...(preset === undefined ? [] : [html`by default <code>${JSON.stringify(preset)}</code>`]),
  ]
  return limits.length === 0 ? noHtml : html`, ${joinAll(limits, ', ')}`
}

/** One named value: a member of an object, or a parameter. */
export function member(name: string, schema: Schema, isRequired: boolean, about?: string): Html {
  return html`<dt><code>${name}</code>${isRequired ? '' : ' (optional)'}</dt>
<dd><span class="soft">${typeOf(schema)}${limitsOf(schema)}</span>
${prose(about ?? schema.description)}${membersOf(schema)}</dd>`
}

/** The members of an object, or of the objects that it may be. */
export function membersOf({ properties, required = [], items, anyOf, oneOf }: Schema): Html {
  const inner = [...(items ? [items] : []), ...(anyOf ?? oneOf ?? [])].map(membersOf)
  if (properties === undefined) return html`${inner}`
  const entries = Object.entries(properties).map(([name, schema]) =>
    member(name, schema, required.includes(name)),
  )
  return html`<dl>${entries}</dl>`
}

/** A value as JSON to be read; a text as it is. */
export function exampleBlock(example: unknown): Html {
  if (example === undefined) return noHtml
  const text = typeof example === 'string' ? example : JSON.stringify(example, null, 2)
  return html`<pre>${text}</pre>`
}
