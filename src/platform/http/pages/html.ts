// HTML that cannot forget to escape: every value in a template is text, unless it is the output of
// a template.

import { fillParts } from '../../texts/fill.ts'

/** Text that is HTML already; built by `html` alone. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

type Piece = string | number | Html | readonly Html[]

function render(piece: Piece): string {
  if (piece instanceof Html) return piece.text
  if (typeof piece === 'object') return piece.map(({ text }) => text).join('\n')
  return String(piece).replace(/[&<>"']/g, (character) => escapes[character] ?? '')
}

/**
 * A template whose texts are escaped, for contents and quoted attributes; attributes are always
 * quoted.
 */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return new Html(
    parts.map((part, at) => part + (at < pieces.length ? render(pieces[at] ?? '') : '')).join(''),
  )
}

/** A text of a translation, with escaped values in the place of its placeholders. */
export function filledHtml(text: string, values: Readonly<Record<string, Html>>): Html {
  const parts = fillParts(text, values)
  return new Html(parts.map((part) => render(part)).join(''))
}

/** Nothing, where a piece is left out. */
export const noHtml = new Html('')
