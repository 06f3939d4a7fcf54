import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { boundedLines, signedTextsIn } from '../../../src/platform/crypto/signed-texts.ts'

const end = `.${'s'.repeat(86)}`
const one = `eyJh.eyJw${end}`
const other = `eyJi.eyJx${end}`

/** The text in pieces of so many bytes. */
async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const one of items) list.push(one)
  return list
}

const textsIn = (text: string, size = 65_536) => all(signedTextsIn(pieces(text, size)))

describe('signed texts', () => {
  const log = `{"head":"${one}"}\nsaid ${other}, and ü ${one}\n\n${other}`
  const matches = [
    { line: 1, text: one },
    { line: 2, text: other },
    { line: 2, text: one },
    { line: 4, text: other },
  ]

  test.each([1, 2, 7, 90, 97, 4096, 65_536])('are found in pieces of %i bytes', async (size) => {
    expect(await textsIn(log, size)).toEqual(matches)
  })

  test('are found after any amount of text without a line feed', async () => {
    const texts = await textsIn(`${'x.'.repeat(300_000)} ${one}${' '.repeat(600_000)}${other}`)
    expect(texts.map(({ text }) => text)).toEqual([one, other])
  })

  test.each([
    ['one part', end.slice(1)],
    ['two parts', `eyJw${end}`],
    ['an empty part', `eyJh.${end}`],
    ['another length of the last', `eyJh.eyJw${end}s`],
    ['more than any head has', `eyJh.${'p'.repeat(5_000)}${end}`],
  ])('are not texts that have %s', async (_, text) => {
    expect(await textsIn(` ${text} `)).toEqual([])
  })

  // What a pattern that may begin anywhere needs quadratic time for: 8 MB of each, where 128 kB
  // took 20 s.
  test.each([
    ['one long word', 'a'],
    ['dots alone', '.'],
    ['words and dots', 'a.'],
    ['ends of signed texts', end],
    ['nearly signed texts', `${'a'.repeat(85)}.`],
    ['signed texts without a beginning', `a${end}`],
  ])('are found in linear time: %s', async (_, part) => {
    const text = part.repeat(Math.ceil(8_000_000 / part.length))
    expect((await textsIn(text)).length).toBeLessThan(200_000)
  })
})

describe('lines', () => {
  const linesOf = async (text: string, size: number, lengthMax = 10) =>
    await all(boundedLines(pieces(text, size), lengthMax))

  test.each([1, 3, 1000])('are whole in pieces of %i bytes', async (size) => {
    expect(await linesOf('ü\n\ntwo\nthree', size)).toEqual(['ü', '', 'two', 'three'])
    expect(await linesOf('a\n', size)).toEqual(['a'])
    expect(await linesOf('', size)).toEqual([])
  })

  test.each([1, 3, 1000])(
    'that are too long are skipped, and hide no other, in pieces of %i bytes',
    async (size) => {
      expect(await linesOf('a\n12345678901\nb\n1234567890\n12345678901', size)).toEqual([
        'a',
        null,
        'b',
        '1234567890',
        null,
      ])
    },
  )

  test('of any length are read, as long as none is buffered', async () => {
    const block = Buffer.alloc(1024 * 1024, 'x')
    const endless = Readable.from(
      (function* () {
        // More than a string may have.
        for (let n = 0; n < 700; n++) yield block
        yield Buffer.from('\nlast')
      })(),
    )
    expect(await all(boundedLines(endless, 1_000))).toEqual([null, 'last'])
  })
})
