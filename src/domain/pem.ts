// Keys in PEM (RFC 7468) as env files and forms deliver them, in one line each.

/** The text with its lines: literal `\n` and `\r\n`, which no PEM text holds, become line feeds. */
export function withPemLines(text: string): string {
  return text.replaceAll(/(?:\\r)?\\n/g, '\n')
}
