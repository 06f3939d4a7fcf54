import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadCheckout } from '../../bench/checkout.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'cs-checkout-'))
})
afterEach(() => rm(root, { recursive: true }))

/** Functions that return their own name. */
async function plant(file: string, ...names: readonly string[]): Promise<void> {
  const target = path.join(root, file)
  await mkdir(path.dirname(target), { recursive: true })
  const lines = names.map((name) => `export function ${name}() { return '${name}' }\n`)
  await writeFile(target, lines.join(''))
}

async function plantCheckout(enrolling: string): Promise<void> {
  await plant('demo/stack.ts', 'startStack', 'forget')
  await plant('bench/relying-party.ts', 'RelyingParty')
  await plant('bench/bench-phone.ts', enrolling)
  await plant('bench/sign-in.ts', 'signIn')
  await mkdir(path.join(root, 'node_modules'))
}

test.each(['enrollPhone', 'enrolPhone'])(
  'a checkout enrolls with its own %s, under any name in this one',
  async (enrolling) => {
    await plantCheckout(enrolling)
    const { enrollPhone, signIn } = await loadCheckout(root)
    const [enrollResult, signedIn] = [enrollPhone, signIn] as unknown as (() => string)[]
    expect([enrollResult?.(), signedIn?.()]).toEqual([enrolling, 'signIn'])
  },
)

test('a checkout with a different bench is rejected with the missing name', async () => {
  await plantCheckout('makePhone')
  await expect(loadCheckout(root)).rejects.toThrow(/bench-phone\.ts .* enrollPhone or enrolPhone/)
})

test('a checkout without its packages is rejected with the command to run', async () => {
  await plant('bench/sign-in.ts', 'signIn')
  await expect(loadCheckout(root)).rejects.toThrow('npm ci')
})

test('a folder that is no checkout is rejected', async () => {
  await expect(loadCheckout(root)).rejects.toThrow('no checkout of this project')
})
