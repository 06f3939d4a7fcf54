import { chmod, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openInBrowser } from '../../demo/open-in-browser.ts'
import { until } from '../support/until.ts'
import { reachableFolder } from './demo-process.ts'

const addresses = ['http://localhost:8090/', 'http://localhost:8080/authenticator/?tenant=tnt_1']

/** A folder of programs with one that writes down what it was to open, and the list of that. */
async function aDesktop(program: string) {
  const folder = await reachableFolder()
  const list = path.join(folder, 'opened')
  const file = path.join(folder, program)
  await writeFile(file, `#!/bin/sh\necho "$*" >> '${list}'\n`)
  await chmod(file, 0o755)
  const read = async () => (await readFile(list, 'utf8').catch(() => '')).trim().split('\n').sort()
  return { PATH: folder, read }
}

test.each([
  ['linux', 'xdg-open', { DISPLAY: ':0' }],
  ['linux', 'xdg-open', { WAYLAND_DISPLAY: 'wayland-0' }],
  ['darwin', 'open', {}],
] as const)('both pages are opened: %s, %s, %j', async (platform, program, screen) => {
  const { PATH, read } = await aDesktop(program)
  await openInBrowser(addresses, { platform, environment: { PATH, ...screen } })
  await until('both were opened', async () => (await read()).length === 2)
  expect(await read()).toEqual(addresses.toSorted())
})

test('nothing is opened without a screen, and a missing program is no fault', async () => {
  const { PATH, read } = await aDesktop('xdg-open')
  await openInBrowser(addresses, { platform: 'linux', environment: { PATH } })
  const environment = { PATH: '/nowhere', DISPLAY: ':0' }
  await openInBrowser(addresses, { platform: 'linux', environment })
  expect(await read()).toEqual([''])
})
