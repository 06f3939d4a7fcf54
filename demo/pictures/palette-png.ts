// PNG (ISO/IEC 15948) with a palette: a third of the size of what a browser writes of a page.

import { crc32, deflateSync, inflateSync } from 'node:zlib'

const signature = Buffer.from('89504e470d0a1a0a', 'hex')
const colorsMax = 256

/** Width, height, type of color and the size of a file in pixels; undefined for another file. */
export type PngHeader = {
  readonly width: number
  readonly height: number
  /** 2 is red, green and blue; 3 a palette. */
  readonly colorType: number
}

/** The header of a PNG. Throws when the file is none. */
export function readPngHeader(file: Buffer): PngHeader {
  if (!file.subarray(0, 8).equals(signature)) throw new Error('this file is no PNG')
  return {
    width: file.readUInt32BE(16),
    height: file.readUInt32BE(20),
    colorType: file[25] ?? 0,
  }
}

type Pixels = {
  readonly width: number
  readonly height: number
  /** One number a pixel: red, green and blue. */
  readonly colors: Uint32Array
}

/**
 * The same picture with at most 256 colors. Throws unless it is what browsers write of an opaque
 * page: 8 bits of red, green and blue a pixel, not interlaced.
 */
export function toPalette(file: Buffer): Buffer {
  const pixels = readPixels(file)
  const palette = choosePalette(countColors(pixels.colors))
  return write(pixels, palette)
}

function readPixels(file: Buffer): Pixels {
  const { width, height, colorType } = readPngHeader(file)
  if (file[24] !== 8 || colorType !== 2 || file[28] !== 0) throw new Error('unforeseen kind of PNG')
  const data: Buffer[] = []
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at)
    const type = file.toString('latin1', at + 4, at + 8)
    if (type === 'IDAT') data.push(file.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  const bytes = unfilter(inflateSync(Buffer.concat(data)), width * 3, height)
  const colors = new Uint32Array(width * height)
  for (let n = 0; n < colors.length; n++) colors[n] = bytes.readUIntBE(n * 3, 3)
  return { width, height, colors }
}

/** Undoes the five filters of lines (9.2 of the standard). */
function unfilter(data: Buffer, lineBytes: number, height: number): Buffer {
  const bytes = Buffer.alloc(lineBytes * height)
  for (let y = 0; y < height; y++) {
    const filter = data[y * (lineBytes + 1)] ?? 0
    for (let x = 0; x < lineBytes; x++) {
      const at = y * lineBytes + x
      const before = x < 3 ? 0 : (bytes[at - 3] ?? 0)
      const above = y === 0 ? 0 : (bytes[at - lineBytes] ?? 0)
      const corner = x < 3 || y === 0 ? 0 : (bytes[at - lineBytes - 3] ?? 0)
      const guess =
        [0, before, above, (before + above) >> 1, paeth(before, above, corner)][filter] ?? 0
      bytes[at] = (data[y * (lineBytes + 1) + 1 + x] ?? 0) + guess
    }
  }
  return bytes
}

function paeth(before: number, above: number, corner: number): number {
  const estimate = before + above - corner
  const distance = (one: number) => Math.abs(estimate - one)
  if (distance(before) <= Math.min(distance(above), distance(corner))) return before
  return distance(above) <= distance(corner) ? above : corner
}

type Count = { readonly color: number; readonly times: number }

function countColors(colors: Uint32Array): Count[] {
  const counts = new Map<number, number>()
  for (const color of colors) counts.set(color, (counts.get(color) ?? 0) + 1)
  return [...counts].map(([color, times]) => ({ color, times }))
}

const channelShifts = [16, 8, 0]
const channel = (color: number, shift: number) => (color >> shift) & 255

/** Median cut: the box with the widest channel is halved, until there are as many as may be. */
function choosePalette(counts: Count[]): Map<number, number> {
  const boxes = [boxOf(counts)]
  while (boxes.length < colorsMax) {
    boxes.sort((one, other) => one.width - other.width)
    const widest = boxes.pop()
    if (!widest || widest.width === 0) {
      if (widest) boxes.push(widest)
      break
    }
    const { shift } = widest
    const byChannel = widest.counts.toSorted(
      (one, other) => channel(one.color, shift) - channel(other.color, shift),
    )
    const half = byChannel.length >> 1
    boxes.push(boxOf(byChannel.slice(0, half)), boxOf(byChannel.slice(half)))
  }
  return new Map(
    boxes.flatMap(({ counts: own }) => {
      // The color of most pixels: a flat area keeps its own.
      const { color } = own.reduce((most, one) => (one.times > most.times ? one : most))
      return own.map((one) => [one.color, color] as const)
    }),
  )
}

function boxOf(counts: Count[]) {
  const widths = channelShifts.map((shift) => {
    const values = counts.map(({ color }) => channel(color, shift))
    return { shift, width: Math.max(...values) - Math.min(...values) }
  })
  const { shift, width } = widths.reduce((most, one) => (one.width > most.width ? one : most))
  return { counts, shift, width }
}

function write({ width, height, colors }: Pixels, palette: Map<number, number>): Buffer {
  const entries = [...new Set(palette.values())]
  const index = new Map(entries.map((color, n) => [color, n]))
  const lines = Buffer.alloc((width + 1) * height)
  for (let n = 0; n < colors.length; n++) {
    const color = palette.get(colors[n] ?? 0) ?? 0
    lines[n + Math.floor(n / width) + 1] = index.get(color) ?? 0
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3], 8)
  const table = Buffer.alloc(entries.length * 3)
  entries.forEach((color, n) => {
    table.writeUIntBE(color, n * 3, 3)
  })
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('PLTE', table),
    chunk('IDAT', deflateSync(lines, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const typeAndData = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(typeAndData))
  return Buffer.concat([length, typeAndData, check])
}
