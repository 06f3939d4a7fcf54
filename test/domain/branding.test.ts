import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Accent,
  type Color,
  checkAccent,
  checkLogo,
  contrastOf,
  logoBytesMax,
  readLogo,
  surfaces,
} from '../../src/domain/branding.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { repetitions } from '../support/endurance.ts'
import {
  aJpeg,
  aPng,
  chunk,
  jpegEnd,
  jpegFrame,
  jpegScan,
  pngEnd,
  pngHeader,
  pngSignature,
  segment,
} from './logos.ts'

const own = { light: '#0a5cc2', dark: '#79b8ff' } as const satisfies Accent

describe('colors', () => {
  test.each<[Color, Color, number]>([
    ['#000000', '#ffffff', 21],
    ['#ffffff', '#000000', 21],
    ['#123456', '#123456', 1],
    ['#767676', '#ffffff', 4.54],
    ['#777777', '#ffffff', 4.48],
    ['#ff0000', '#ffffff', 4],
    ['#0000ff', '#ffffff', 8.59],
    ['#010101', '#000000', 1.01],
  ])('%s and %s have the contrast that WCAG computes: %d', (one, other, contrast) => {
    expect(contrastOf(one, other)).toBeCloseTo(contrast, 1)
  })

  test('that are read on every surface of a page are taken, and those of our own pages are', () => {
    expect(checkAccent(own)).toBeUndefined()
    expect(checkAccent({ light: '#000000', dark: '#ffffff' })).toBeUndefined()
  })

  test.each<[string, Partial<Accent>, RegExp]>([
    ['too light for the paper', { light: '#777777' }, /accent\.light .* 4\.47 to #ffffff/],
    ['too light for a card', { light: '#757575' }, /accent\.light .* to #f3f5f7 \(raised\)/],
    ['too dark for the paper of the dark scheme', { dark: '#0a5cc2' }, /accent\.dark .*#14181d/],
    ['white', { light: '#ffffff' }, /1\.00/],
  ])('%s are refused, with the figure', (_, change, hint) => {
    const refusal = checkAccent({ ...own, ...change })
    expect(refusal?.hint).toMatch(hint)
  })

  test.each([
    'red',
    '#fff',
    '#0A5CC2',
    '#0a5cc2 ',
    '#0a5cc2;}body{display:none',
    '#0a5cc2\n',
    '</style><script>',
    'rgb(0,0,0)',
    '',
    '#gggggg',
  ])('are six digits, and no other text of CSS: %j', (text) => {
    expect(checkAccent({ ...own, dark: text as Color })).toMatchObject({
      refused: 'invalid_request',
      hint: expect.stringMatching(/^accent\.dark is written/),
    })
  })

  test('are compared with what the pages really have', () => {
    const look = readFileSync(new URL('../../web/look/look.css', import.meta.url), 'utf8')
    const pair = (name: string) =>
      new RegExp(`--${name}: light-dark\\((#\\w+), (#\\w+)\\)`).exec(look)?.slice(1)
    expect(pair('paper')).toEqual([surfaces.light.paper, surfaces.dark.paper])
    expect(pair('raised')).toEqual([surfaces.light.raised, surfaces.dark.raised])
    expect(pair('on-accent')).toEqual([surfaces.light.onAccent, surfaces.dark.onAccent])
  })
})

describe('a logo', () => {
  test('is a PNG or a JPEG, of the size that its header says', () => {
    expect(readLogo(aPng(640, 480))).toEqual({ type: 'image/png', width: 640, height: 480 })
    for (const frame of [0xc0, 0xc1, 0xc2, 0xcf]) {
      const header = { type: 'image/jpeg', width: 640, height: 480 }
      expect(readLogo(aJpeg(640, 480, frame))).toEqual(header)
    }
  })

  test('is read where it lies in a larger buffer', () => {
    const buffer = new Uint8Array([...Array(7).fill(1), ...aPng(3, 4), ...Array(9).fill(2)])
    const bytes = buffer.subarray(7, 7 + aPng(3, 4).length)
    expect(readLogo(bytes)).toMatchObject({ width: 3, height: 4 })
  })

  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
  const page = '<!doctype html><script>alert(1)</script>'
  const bytesOf = (text: string) => [...new TextEncoder().encode(text)]
  const png = [...pngSignature, ...pngHeader(1, 1)]
  const jpeg = [0xff, 0xd8, ...jpegFrame(1, 1)]
  test.each<[string, readonly number[]]>([
    ['nothing', []],
    ['an SVG', bytesOf(svg)],
    ['a page', bytesOf(page)],
    ['a GIF', bytesOf('GIF89a\x01\x00\x01\x00')],
    ['a WebP', bytesOf('RIFF\x00\x00\x00\x00WEBPVP8 ')],
    ['the signature of a PNG alone', pngSignature],
    ['half of that signature', pngSignature.slice(0, 4)],
    ['a PNG without its end', png],
    ['a PNG that begins with another chunk', [...pngSignature, ...chunk('IDAT'), ...pngEnd]],
    ['a PNG with a short header', [...pngSignature, ...chunk('IHDR', [1, 2, 3]), ...pngEnd]],
    [
      'a PNG whose header is cut off',
      [...pngSignature, 0, 0, 0, 13, ...bytesOf('IHDR'), 0, 0, 0, 1],
    ],
    ['a PNG with a page behind its end', [...png, ...pngEnd, ...bytesOf(page)]],
    ['a PNG with a chunk longer than the file', [...png, 255, 255, 255, 255, ...pngEnd]],
    ['an animated PNG', [...png, ...chunk('acTL', [0, 0, 0, 2, 0, 0, 0, 0]), ...pngEnd]],
    ['a PNG within an SVG', [...bytesOf('<svg>'), ...png, ...pngEnd]],
    ['the start and end of a JPEG alone', [0xff, 0xd8, ...jpegEnd]],
    ['only half of a marker', [0xff, 0xd8]],
    ['a JPEG without its end', [...jpeg, ...jpegScan]],
    ['a JPEG with a page behind its end', [...jpeg, ...jpegScan, ...jpegEnd, ...bytesOf(page)]],
    ['a JPEG without a frame', [0xff, 0xd8, ...jpegScan, ...jpegEnd]],
    ['a JPEG without a scan', [...jpeg, ...jpegEnd]],
    ['a JPEG of two sizes', [...jpeg, ...jpegFrame(9, 9), ...jpegScan, ...jpegEnd]],
    [
      'a JPEG with a short frame',
      [0xff, 0xd8, ...segment(0xc0, [8, 0, 1]), ...jpegScan, ...jpegEnd],
    ],
    ['a JPEG whose frame is cut off', [0xff, 0xd8, 0xff, 0xc0, 0, 99, 8, 0, 1, ...jpegEnd]],
    ['a JPEG with a segment of no length', [...jpeg, 0xff, 0xe0, 0, 0, ...jpegScan, ...jpegEnd]],
    ['a JPEG with no marker in its place', [...jpeg, 1, 2, 3, 4, ...jpegScan, ...jpegEnd]],
    ['a JPEG with a marker that has no length', [...jpeg, 0xff, 1, 0, 9, ...jpegScan, ...jpegEnd]],
  ])('is not %s', (_, bytes) => {
    expect(readLogo(Uint8Array.from(bytes))).toBeUndefined()
    expect(checkLogo(Uint8Array.from(bytes))).toMatchObject({ refused: 'invalid_request' })
  })

  test.each([
    [0, 1],
    [1, 0],
    [1025, 1],
    [1, 1025],
    [0xffffffff, 1],
  ])('is not %d by %d pixels', (width, height) => {
    expect(checkLogo(aPng(width, height))).toMatchObject({ hint: expect.stringMatching(/1024/) })
  })

  test('may have the largest size in bytes and in pixels, and not a byte more', () => {
    const frame = aPng(1024, 1024, 0).length
    expect(isRefusal(checkLogo(aPng(1024, 1024, logoBytesMax - frame)))).toBe(false)
    expect(checkLogo(aPng(1024, 1024, logoBytesMax - frame + 1))).toMatchObject({
      hint: expect.stringMatching(/32000/),
    })
  })

  test('whatever the bytes are, reading them ends, and takes nothing for granted', () => {
    const start = fc.constantFrom(aPng(5, 6), aJpeg(5, 6))
    const change = fc.tuple(fc.nat(200), fc.nat(255))
    let acceptedCount = 0
    fc.assert(
      fc.property(start, fc.array(change, { maxLength: 4 }), fc.nat(200), (file, changes, cut) => {
        const bytes = file.slice(0, file.length - (cut > 100 ? cut - 100 : 0))
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        const header = readLogo(bytes)
        if (header === undefined) return
        acceptedCount++
        expect([0x89, 0xff]).toContain(bytes[0])
      }),
      { numRuns: repetitions({ usual: 2_000, nightly: 200_000 }) },
    )
    expect(acceptedCount).toBeGreaterThan(10)
  })
})
