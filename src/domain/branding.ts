// How the hosted pages of a tenant look: its name, its logo, two colors, and a text that helps.

import type { TenantId } from './ids.ts'
import { type Refusal, refuse } from './refusal.ts'

export const displayNameLengthMax = 60
export const helpLinesMax = 10
export const helpLineLengthMax = 200
export const logoBytesMax = 32_000
export const logoSideMax = 1_024

/** A color as CSS writes it: `#` and six digits, in lower case. */
export type Color = `#${string}`

const colorPattern = /^#[0-9a-f]{6}$/

/** Colors of links and buttons, in the light and in the dark scheme. */
export type Accent = { readonly light: Color; readonly dark: Color }

/** What the colors of a scheme must be told apart from (web/look/look.css). */
export const surfaces = {
  light: { paper: '#ffffff', raised: '#f3f5f7', onAccent: '#ffffff' },
  dark: { paper: '#14181d', raised: '#1d232a', onAccent: '#0b1620' },
} as const satisfies Record<keyof Accent, Readonly<Record<string, Color>>>

/** Between a text and what is behind it (WCAG 2.2, 1.4.3). */
const contrastMin = 4.5

/** The linear value of a channel of sRGB (WCAG 2.2, relative luminance). */
function linear(channel: number): number {
  const part = channel / 255
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
}

function luminanceOf(color: Color): number {
  const value = Number.parseInt(color.slice(1), 16)
  return (
    0.2126 * linear((value >> 16) & 255) +
    0.7152 * linear((value >> 8) & 255) +
    0.0722 * linear(value & 255)
  )
}

/** The contrast ratio of two colors: 1 to 21, whichever is lighter (WCAG 2.2). */
export function contrastOf(one: Color, other: Color): number {
  const [dark, light] = [luminanceOf(one), luminanceOf(other)].toSorted((a, b) => a - b)
  return ((light as number) + 0.05) / ((dark as number) + 0.05)
}

/** Refuses colors that are no text to read on a page, or on which its buttons are not read. */
export function checkAccent(accent: Accent): Refusal<'invalid_request'> | undefined {
  for (const scheme of ['light', 'dark'] as const) {
    const color = accent[scheme]
    if (!colorPattern.test(color)) {
      return refuse('invalid_request', { hint: `accent.${scheme} is written like this: #0a5cc2.` })
    }
    for (const [surface, other] of Object.entries(surfaces[scheme])) {
      const contrast = contrastOf(color, other)
      if (contrast >= contrastMin) continue
      return refuse('invalid_request', {
        hint:
          `accent.${scheme} has a contrast of ${(Math.floor(contrast * 100) / 100).toFixed(2)} ` +
          `to ${other} (${surface}); ${contrastMin} is needed.`,
      })
    }
  }
  return undefined
}

/** An image that was checked: what its own header says. */
export type LogoHeader = {
  readonly type: 'image/png' | 'image/jpeg'
  readonly width: number
  readonly height: number
}

/**
 * What a PNG or JPEG says of itself; undefined for anything else, for one that goes on behind its
 * end, where another kind of file could begin, and for an animation. What is between is not
 * decoded.
 */
export function readLogo(bytes: Uint8Array): LogoHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return readPng(view) ?? readJpeg(view)
}

/** Refuses an image that is too large, too wide or too high, or no PNG or JPEG. */
export function checkLogo(bytes: Uint8Array): LogoHeader | Refusal<'invalid_request'> {
  if (bytes.byteLength > logoBytesMax) {
    return refuse('invalid_request', { hint: `A logo has at most ${logoBytesMax} bytes.` })
  }
  const header = readLogo(bytes)
  if (header === undefined) {
    return refuse('invalid_request', { hint: 'A logo is one whole PNG or JPEG file.' })
  }
  const { width, height } = header
  if (width < 1 || height < 1 || width > logoSideMax || height > logoSideMax) {
    return refuse('invalid_request', {
      hint: `A logo is at most ${logoSideMax} pixels wide and high.`,
    })
  }
  return header
}

// PNG (third edition), 5.2 and 5.3: a signature, then chunks of length, type, data and checksum.
const pngSignature = [0x89504e47, 0x0d0a1a0a] as const
const chunkFrameBytes = 12

function readPng(view: DataView): LogoHeader | undefined {
  if (view.byteLength < 8 || pngSignature.some((word, at) => view.getUint32(at * 4) !== word)) {
    return undefined
  }
  let header: LogoHeader | undefined
  for (let at = 8; at + chunkFrameBytes <= view.byteLength; ) {
    const length = view.getUint32(at)
    const type = textAt(view, at + 4, 4)
    const next = at + chunkFrameBytes + length
    if (header === undefined) {
      if (type !== 'IHDR' || length !== 13 || next > view.byteLength) return undefined
      const [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)]
      header = { type: 'image/png', width, height }
    } else if (type === 'acTL') return undefined
    else if (type === 'IEND') return next === view.byteLength ? header : undefined
    at = next
  }
  return undefined
}

// ISO/IEC 10918-1, B.1: markers, most of them with a length. The frame header has the size; the
// data of a scan follow its header, up to the end of the image.
const jpegStart = 0xffd8
const jpegEnd = 0xffd9
const jpegScan = 0xda
// C4 is a table of codes, C8 is reserved, CC is a table of conditions.
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

function readJpeg(view: DataView): LogoHeader | undefined {
  const end = view.byteLength - 2
  if (end < 2 || view.getUint16(0) !== jpegStart || view.getUint16(end) !== jpegEnd) {
    return undefined
  }
  let header: LogoHeader | undefined
  for (let at = 2; at + 4 <= end; ) {
    const marker = view.getUint8(at + 1)
    const length = view.getUint16(at + 2)
    if (view.getUint8(at) !== 0xff || marker < 0xc0 || length < 2) return undefined
    if (marker === jpegScan) return header
    if (isFrame(marker)) {
      if (header !== undefined || length < 8 || at + 2 + length > end) return undefined
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)]
      header = { type: 'image/jpeg', width, height }
    }
    at += 2 + length
  }
  return undefined
}

function textAt(view: DataView, at: number, length: number): string {
  return String.fromCharCode(...Array.from({ length }, (_, index) => view.getUint8(at + index)))
}

/** How the pages of a tenant look, without the logo itself. */
export type Brand = {
  readonly tenantId: TenantId
  readonly displayName: string
  readonly accent: Accent
  /** Lines of plain text. */
  readonly help: readonly string[]
  /** Null without one. `hash` names its bytes. */
  readonly logo: (LogoHeader & { readonly hash: string }) | null
}
