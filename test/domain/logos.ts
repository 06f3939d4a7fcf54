// Images as files have them, and what is nearly one.

const word = (value: number) => [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]
const half = (value: number) => [(value >> 8) & 255, value & 255]
const ascii = (text: string) => Array.from(text, (character) => character.charCodeAt(0))

export const chunk = (type: string, data: readonly number[] = []) => [
  ...word(data.length),
  ...ascii(type),
  ...data,
  ...word(0),
]
export const pngSignature = [0x89, ...ascii('PNG'), 0x0d, 0x0a, 0x1a, 0x0a]
export const pngHeader = (width: number, height: number) =>
  chunk('IHDR', [...word(width), ...word(height), 8, 6, 0, 0, 0])
export const pngEnd = chunk('IEND')

export const aPng = (width = 64, height = 32, size = 100) =>
  Uint8Array.from([
    ...pngSignature,
    ...pngHeader(width, height),
    ...chunk('IDAT', Array(size).fill(0)),
    ...pngEnd,
  ])

/** A segment of a JPEG: its marker, and its data with their length before them. */
export const segment = (marker: number, data: readonly number[]) => [
  ...[0xff, marker],
  ...half(data.length + 2),
  ...data,
]
export const jpegFrame = (width: number, height: number, marker = 0xc0) =>
  segment(marker, [8, ...half(height), ...half(width), 1, 1, 0x11, 0])
export const jpegScan = [...segment(0xda, [1, 1, 0, 0, 63, 0]), 1, 2, 3]
export const jpegEnd = [0xff, 0xd9]

export const aJpeg = (width = 64, height = 32, frame = 0xc0) =>
  Uint8Array.from([
    ...[0xff, 0xd8],
    ...segment(0xe0, [...ascii('JFIF'), 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]),
    ...segment(0xc4, [0, ...Array(16).fill(0)]),
    ...jpegFrame(width, height, frame),
    ...jpegScan,
    ...jpegEnd,
  ])
