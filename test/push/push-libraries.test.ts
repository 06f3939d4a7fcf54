import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

/** Which of the two libraries a fresh process has loaded after importing these files. */
async function loadedAfterImporting(files: readonly string[]): Promise<string[]> {
  const code = `
    for (const file of ${JSON.stringify(files)}) await import(file)
    const { createRequire } = await import('node:module')
    const loaded = Object.keys(createRequire(import.meta.url).cache)
    const libraries = /@parse.node-apn|firebase-admin/
    console.log(JSON.stringify(loaded.filter((path) => libraries.test(path))))`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code])
  return JSON.parse(stdout) as string[]
}

const adapter = (name: string): string => new URL(`../../src/push/${name}.ts`, import.meta.url).href

test('a service without push credentials loads neither node-apn nor firebase-admin', async () => {
  expect(
    await loadedAfterImporting(['apns/apns', 'fcm/fcm', 'push-router.adapter'].map(adapter)),
  ).toEqual([])
  expect(await loadedAfterImporting([import.meta.resolve('@parse/node-apn')])).not.toEqual([])
})
