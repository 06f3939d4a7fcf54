// What a camera sees, for a browser whose camera is a file.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { create } from 'qrcode'
import { onTestFinished } from 'vitest'

/** A film of one picture: a QR code in the middle, in Y4M (grey, 4:2:0). */
function filmOf(text: string): Buffer {
  const { modules } = create(text, { errorCorrectionLevel: 'L' })
  const [width, height] = [640, 480]
  const scale = Math.floor((height - 40) / modules.size)
  const start = [width, height].map((side) => Math.floor((side - modules.size * scale) / 2))
  const luma = Buffer.alloc(width * height, 235)
  for (let y = 0; y < modules.size * scale; y++) {
    for (let x = 0; x < modules.size * scale; x++) {
      if (!modules.get(Math.floor(y / scale), Math.floor(x / scale))) continue
      luma[(y + Number(start[1])) * width + x + Number(start[0])] = 16
    }
  }
  const frame = [Buffer.from('FRAME\n'), luma, Buffer.alloc((width * height) / 2, 128)]
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 C420jpeg\n`), ...frame])
}

/** A Chromium whose camera sees this text as a QR code; closed when the test is over. */
export async function openBrowserThatSees(text: string, executablePath: string): Promise<Browser> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-film-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const film = path.join(folder, 'code.y4m')
  await writeFile(film, filmOf(text))
  const browser = await chromium.launch({
    executablePath,
    chromiumSandbox: process.getuid?.() !== 0,
    args: [
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-video-capture=${film}`,
    ],
  })
  onTestFinished(() => browser.close())
  return browser
}
