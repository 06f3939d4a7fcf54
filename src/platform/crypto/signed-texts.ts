// Reads the input that operators give to commands, of any size and content.

/** Compact JWS (RFC 7515, 3.1) of ES256: three parts, of which the last has 86 characters. */
const signature = /\.[\w-]{86}(?![\w-])/g
/** Longer ones are not ours; also the overlap kept between chunks, so that none is cut in two. */
const textLengthMax = 4096

/** A text that looks signed, and its line number. */
export type SignedText = { readonly line: number; readonly text: string }

function isPart(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 45 ||
    code === 95
  )
}

/** The start of the part that ends before `end`; not before `least`. */
function beginningOf(text: string, end: number, least: number): number {
  let at = end
  while (at > least && isPart(text, at - 1)) at -= 1
  return at
}

/**
 * The three parts whose last begins with the dot at `dot`; undefined when the two before are
 * missing.
 */
function wholeText(text: string, dot: number, end: number): string | undefined {
  const least = Math.max(0, end - textLengthMax)
  const payload = beginningOf(text, dot, least)
  if (payload === dot || text[payload - 1] !== '.') return undefined
  const header = beginningOf(text, payload - 1, least)
  return header === payload - 1 ? undefined : text.slice(header, end)
}

function countLines(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1
  return lines
}

/**
 * Every text in a file, such as a log, that looks like a signed one, in order. Linear in time and
 * constant in memory for any content.
 */
export async function* signedTextsIn(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<SignedText> {
  let carry = ''
  let line = 1
  async function* withEnd(): AsyncGenerator<Uint8Array | null> {
    yield* chunks
    yield null
  }
  for await (const chunk of withEnd()) {
    // Signed texts are ASCII, even when the text around them is not.
    const text = carry + (chunk === null ? '' : Buffer.from(chunk).toString('latin1'))
    let countedEnd = carry.length
    for (const { index, 0: last } of text.matchAll(signature)) {
      const end = index + last.length
      // One that ends where the text does may continue in the next chunk; one that ended in the
      // overlap was reported already.
      if (end < carry.length || (end === text.length && chunk !== null)) continue
      const signedText = wholeText(text, index, end)
      if (end > countedEnd) {
        line += countLines(text.slice(countedEnd, end))
        countedEnd = end
      }
      if (signedText !== undefined) yield { line, text: signedText }
    }
    line += countLines(text.slice(countedEnd))
    carry = text.slice(-textLengthMax)
  }
}

/**
 * The lines of a stream; one that is longer than `lengthMax` bytes is null, and never buffered
 * whole.
 */
export async function* boundedLines(
  chunks: AsyncIterable<Uint8Array>,
  lengthMax: number,
): AsyncGenerator<string | null> {
  let parts: Buffer[] = []
  let length = 0
  const take = (): string | null => {
    const line = length > lengthMax ? null : Buffer.concat(parts).toString('utf8')
    parts = []
    length = 0
    return line
  }
  const add = (part: Buffer): void => {
    length += part.length
    if (length <= lengthMax) parts.push(part)
    else parts = []
  }
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk)
    let from = 0
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
      add(bytes.subarray(from, at))
      yield take()
      from = at + 1
    }
    add(bytes.subarray(from))
  }
  if (length > 0) yield take()
}
