// The pictures of the documentation are those that `npm run pictures` takes.

import { globSync, readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { chromiumPath, openChromium } from '../../demo/chromium.ts'
import { readPngHeader } from '../../demo/pictures/palette-png.ts'
import { takePictures } from '../../demo/pictures/pictures.ts'
import { notRun } from '../support/programs.ts'

const executablePath = chromiumPath()
if (!executablePath) notRun('Chromium', 'chromium', 'COUNTERSIGN_TEST_BROWSERS')

const project = path.resolve(import.meta.dirname, '../..')
const images = path.join(project, 'docs/images')
const bytesMax = 150_000

/** The files that pages show, below the root of the project. */
async function picturesOfPages(): Promise<string[]> {
  const pages = globSync('{*.md,{docs,simulator,demo,bench,clients,examples}/**/*.md}', {
    cwd: project,
    exclude: ['**/node_modules/**'],
  })
  const addresses = await Promise.all(
    pages.map(async (page) => {
      const text = await readFile(path.join(project, page), 'utf8')
      const matches = text.matchAll(/(?:\]\(|src(?:set)?=")([^)"\s]+\.(?:png|jpe?g|gif|webp|svg))/g)
      return [...matches].map(([, address = '']) =>
        path.posix.join(path.posix.dirname(page), address),
      )
    }),
  )
  return [...new Set(addresses.flat())].sort()
}

test('pages show the pictures of docs/images and no others; none is there that no page shows', async () => {
  const files = readdirSync(images).sort()
  expect(await picturesOfPages()).toEqual(files.map((name) => `docs/images/${name}`))
  for (const name of files) {
    const file = path.join(images, name)
    expect([name, readPngHeader(await readFile(file)).colorType]).toEqual([name, 3])
    expect((await stat(file)).size).toBeLessThan(bytesMax)
  }
})

describe.runIf(executablePath)('with a browser', () => {
  test('each picture is taken anew from the pages as they are, in the size that it has', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'cs-pictures-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const browser = await openChromium(executablePath ?? '')
    onTestFinished(() => browser.close())
    await takePictures(browser, folder)
    const headersIn = (place: string) =>
      Promise.all(
        readdirSync(place)
          .sort()
          .map(async (name) => [name, readPngHeader(await readFile(path.join(place, name)))]),
      )
    expect(await headersIn(folder)).toEqual(await headersIn(images))
  }, 300_000)
})
