import { crc32, deflateSync, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPngHeader, toPalette } from '../../demo/pictures/palette-png.ts'

type Color = readonly [number, number, number]
type Line = readonly Color[]

function chunk(type: string, data: Buffer): Buffer {
  const typeAndData = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(typeAndData))
  return Buffer.concat([length, typeAndData, check])
}

const predictions: readonly ((before: number, above: number, corner: number) => number)[] = [
  () => 0,
  (before) => before,
  (_, above) => above,
  (before, above) => Math.floor((before + above) / 2),
  (before, above, corner) => {
    const distance = (one: number) => Math.abs(before + above - corner - one)
    const nearest = Math.min(distance(before), distance(above), distance(corner))
    return [before, above, corner].find((one) => distance(one) === nearest) ?? 0
  },
]

/** A PNG of these lines, each written with the filter of its turn. */
function pngOf(lines: readonly Line[], { depth = 8, colorType = 2 } = {}): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(lines[0]?.length ?? 0, 0)
  header.writeUInt32BE(lines.length, 4)
  header.set([depth, colorType], 8)
  const valueAt = (y: number, x: number, channel: number) => lines[y]?.[x]?.[channel] ?? 0
  const filteredLines = lines.map((line, y) => {
    const filter = y % predictions.length
    const bytes = line.flatMap((color, x) =>
      color.map((value, channel) => {
        const corner = valueAt(y - 1, x - 1, channel)
        const guess = predictions[filter]?.(
          valueAt(y, x - 1, channel),
          valueAt(y - 1, x, channel),
          corner,
        )
        return (value - (guess ?? 0)) & 255
      }),
    )
    return Buffer.from([filter, ...bytes])
  })
  const signature = Buffer.from('89504e470d0a1a0a', 'hex')
  const data = deflateSync(Buffer.concat(filteredLines))
  // A browser writes its data in several chunks.
  const parts = [data.subarray(0, 9), data.subarray(9)].map((part) => chunk('IDAT', part))
  return Buffer.concat([signature, chunk('IHDR', header), ...parts, chunk('IEND', Buffer.alloc(0))])
}

/** The pixels of a file with a palette whose lines are not filtered. */
function pixelsOf(file: Buffer): Color[][] {
  const { width, height, colorType } = readPngHeader(file)
  expect(colorType).toBe(3)
  const chunks = new Map<string, Buffer>()
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at)
    const content = file.subarray(at + 4, at + 8 + length)
    expect(file.readUInt32BE(at + 8 + length)).toBe(crc32(content))
    chunks.set(content.toString('latin1', 0, 4), content.subarray(4))
    at += length + 12
  }
  const palette = chunks.get('PLTE') ?? Buffer.alloc(0)
  const lines = inflateSync(chunks.get('IDAT') ?? Buffer.alloc(0))
  return Array.from({ length: height }, (_, y) => {
    expect(lines[y * (width + 1)]).toBe(0)
    return Array.from({ length: width }, (_, x) => {
      const index = lines[y * (width + 1) + 1 + x] ?? 0
      return [...palette.subarray(index * 3, index * 3 + 3)] as unknown as Color
    })
  })
}

const byte = fc.integer({ min: 0, max: 255 })
const pictures = fc.integer({ min: 1, max: 12 }).chain((width) =>
  fc.array(fc.array(fc.tuple(byte, byte, byte), { minLength: width, maxLength: width }), {
    minLength: 1,
    maxLength: 20,
  }),
)

test('a picture of at most 256 colors stays as it is, by whatever filter it was written', () => {
  let linesMax = 0
  fc.assert(
    fc.property(pictures, (lines) => {
      expect(pixelsOf(toPalette(pngOf(lines)))).toEqual(lines)
      linesMax = Math.max(linesMax, lines.length)
    }),
  )
  // Each filter has its turn in a picture of that height.
  expect(linesMax).toBeGreaterThanOrEqual(predictions.length)
})

test('a picture of more colors has 256 of them, and each pixel one that is near', () => {
  const lines = Array.from({ length: 64 }, (_, y) =>
    Array.from({ length: 64 }, (_, x): Color => [x * 4, y * 4, 128]),
  )
  const pixels = pixelsOf(toPalette(pngOf(lines)))
  expect(new Set(pixels.flat().map(String)).size).toBe(256)
  const distances = pixels.flatMap((line, y) =>
    line.flatMap((color, x) =>
      color.map((value, channel) => Math.abs(value - (lines[y]?.[x]?.[channel] ?? 0))),
    ),
  )
  expect(Math.max(...distances)).toBeLessThanOrEqual(16)
})

test('what is no such PNG is refused', () => {
  const black: Line[] = [[[0, 0, 0]]]
  expect(() => toPalette(Buffer.from('not a picture at all'))).toThrow('no PNG')
  expect(() => toPalette(pngOf(black, { depth: 16 }))).toThrow('kind')
  expect(() => toPalette(pngOf(black, { colorType: 6 }))).toThrow('kind')
})
