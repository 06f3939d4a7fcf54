// HTML that cannot forget to escape: whatever is put into a template is text, unless a template
// made it.

/** Text that is HTML already; made by `html` alone. */
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

function written(piece: Piece): string {
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
    parts.map((part, at) => part + (at < pieces.length ? written(pieces[at] ?? '') : '')).join(''),
  )
}

/** Nothing, where a piece is left out. */
export const noHtml = new Html('')
