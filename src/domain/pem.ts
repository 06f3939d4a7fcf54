// Keys in PEM (RFC 7468) as they come through env files and forms, which hold one line each.

/** The text with its lines: `\n` and `\r\n` in letters, which no PEM text holds, become line feeds. */
export function withPemLines(text: string): string {
  return text.replaceAll(/(?:\\r)?\\n/g, '\n')
}
