// JSON that two parsers cannot read differently (RFC 8725, 2.4 and RFC 8259, 4).

/** One token of valid JSON that matters for member names: a string, or a structural character. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/g

/**
 * True when no object in this valid JSON text, at any depth, has two members of one name, however
 * their names are spelled.
 */
function hasUniqueMembers(json: string): boolean {
  // One entry per open bracket: the names so far of an object, null for an array.
  const open: (Set<string> | null)[] = []
  let text = ''
  for (const [token] of json.matchAll(tokens)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(null)
    else if (token === '}' || token === ']') open.pop()
    else if (token === ':') {
      const names = open.at(-1)
      const name = JSON.parse(text) as string
      if (names?.has(name)) return false
      names?.add(name)
    } else text = token
  }
  return true
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The JSON object in these bytes, or undefined when they are not UTF-8, not JSON, not an object,
 * begin with a byte order mark, or repeat a member name in any of their objects.
 */
export function readJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const json = utf8.decode(bytes)
    const value: unknown = JSON.parse(json)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return hasUniqueMembers(json) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
