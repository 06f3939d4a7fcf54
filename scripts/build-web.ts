// Builds the apps of web/, when their sources have changed since the last time.

import { createHash, randomUUID } from 'node:crypto'
import { existsSync, globSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

const project = path.resolve(import.meta.dirname, '..')
const builtFolder = path.join(project, 'web/dist')
const stampName = 'built-from'
/** What the apps are built from, and what they are built with. */
const sources = [
  'web/**/*.{ts,tsx,html,css,json,svg,png,webmanifest}',
  'clients/device/src/*.ts',
  'src/platform/texts/**/*.ts',
  'package.json',
  'package-lock.json',
]

async function fingerprint(): Promise<string> {
  const files = globSync(sources, { cwd: project, exclude: ['web/dist*/**'] })
  const hash = createHash('sha256')
  for (const file of files.map((name) => name.replaceAll(path.sep, '/')).sort()) {
    hash.update(`${file}\n`).update(await readFile(path.join(project, file)))
  }
  return hash.digest('hex')
}

/**
 * Builds beside what is there, and then takes its place: a service that starts meanwhile finds the
 * one or the other, and of two builds at once one stays.
 */
async function build(stamp: string): Promise<void> {
  const { build: buildApps } = await import('vite')
  const folder = path.join(project, `web/dist-${randomUUID()}`)
  try {
    const configFile = path.join(project, 'web/vite.config.ts')
    for (const mode of ['production', 'worker', 'components']) {
      await buildApps({ configFile, mode, logLevel: 'warn', build: { outDir: folder } })
    }
    await writeFile(path.join(folder, stampName), stamp)
    const former = `${folder}-former`
    await rename(builtFolder, former).catch(() => undefined)
    await rename(folder, builtFolder).catch((error: unknown) => {
      if (!existsSync(path.join(builtFolder, stampName))) throw error
    })
    await rm(former, { recursive: true, force: true })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function main(): Promise<void> {
  const stamp = await fingerprint()
  const builtFrom = await readFile(path.join(builtFolder, stampName), 'utf8').catch(() => null)
  if (builtFrom === stamp) return
  if (!existsSync(path.join(project, 'node_modules/vite'))) {
    console.error('The apps for browsers are not built: that takes the development dependencies.')
    return
  }
  await build(stamp)
}

await main()
