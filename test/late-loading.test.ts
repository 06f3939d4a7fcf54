import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { createTestDatabase } from './support/database.ts'
import { startProgram, startServiceProcess } from './support/service-process.ts'

vi.setConfig({ testTimeout: 120_000 })

const preload = path.resolve(import.meta.dirname, 'support', 'module-list.ts')

/** What a start does without: each is a part of the address of a module that is there. */
const lateParts = [
  '/@prisma/',
  '/src/generated/',
  '/@parse/node-apn/',
  '/firebase-admin/',
  '/ioredis/',
  '/@fastify/swagger/',
  '/node_modules/yaml/',
  '/qrcode/',
  '/pngjs/',
  '/@fastify/ajv-compiler/',
  '/ajv/',
  '/@peculiar/',
  '/asn1js/',
  '/cborg/',
  '/reflect-metadata/',
  '/src/platform/postgres/embedded/',
  '/src/service/docs/docs-page.ts',
  '/src/push/web-push/web-push.ts',
  // The client behind `fetch` and `WebSocket`, which an import of `node:http` would load.
  'NativeModule internal/deps/undici/undici',
]
/** 993 when it was set. A start that loads more is slower for everybody: load it when needed. */
const modulesMax = 1_020

/** A database with an environment for programs, and the modules that one has loaded. */
async function prepare(stack: AsyncDisposableStack) {
  const { url } = stack.use(await createTestDatabase())
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-modules-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const MODULE_LIST = path.join(folder, 'modules')
  const environment = {
    DATABASE_URL: url,
    MASTER_KEY: Buffer.alloc(32, 9).toString('base64url'),
    NODE_OPTIONS: `--import=${preload}`,
    MODULE_LIST,
  }
  const loadedModules = async () => (await readFile(MODULE_LIST, 'utf8')).split('\n')
  return { environment, loadedModules }
}

test('a service that is started, ready and asked for its health has loaded only what that takes', async () => {
  await using stack = new AsyncDisposableStack()
  const { environment, loadedModules } = await prepare(stack)
  const service = stack.use(await startServiceProcess({ ...environment, PORT: '0' }))
  expect((await fetch(`${service.origin}/health/ready`)).status).toBe(200)
  service.kill('SIGTERM')
  expect(await service.exit).toEqual({ code: 0, signal: null })
  const modules = await loadedModules()
  expect(modules).toContainEqual(expect.stringMatching(/\/src\/service\/routes\.ts$/))
  expect(modules).toContain('NativeModule internal/modules/esm/loader')
  expect(modules.filter((one) => lateParts.some((part) => one.includes(part)))).toEqual([])
  const files = modules.filter((one) => one.startsWith('file:'))
  expect(files.length).toBeLessThan(modulesMax)
})

test('what a start does without is there: none of it has another name by now', async () => {
  await using stack = new AsyncDisposableStack()
  const { environment, loadedModules } = await prepare(stack)
  const script = `
    import { openDatabase } from './src/platform/postgres/database.ts'
    import './src/platform/http/openapi.ts'
    import './src/service/docs/docs-page.ts'
    import './src/push/web-push/web-push.ts'
    import './src/enrollments/attestation/android-attestation.ts'
    import './src/enrollments/attestation/app-attest.ts'
    import './src/platform/postgres/embedded/embedded-postgres.ts'
    import '@parse/node-apn'
    import 'firebase-admin/messaging'
    import 'ioredis'
    import 'qrcode'
    import 'fastify/lib/schema-controller.js'
    import { fastify } from 'fastify'
    import 'node:http'
    fastify()
    const database = openDatabase({ url: process.env.DATABASE_URL })
    await database.prisma(null, async () => undefined)
    await database.close()`
  const words = ['--input-type=module', '--eval', script]
  const program = stack.use(startProgram(words, environment))
  expect([program.stderr(), await program.exit]).toEqual(['', { code: 0, signal: null }])
  const modules = await loadedModules()
  expect(lateParts.filter((part) => !modules.some((one) => one.includes(part)))).toEqual([])
})

test('a command that reads through Prisma loads it, and nothing that answers requests', async () => {
  await using stack = new AsyncDisposableStack()
  const { environment, loadedModules } = await prepare(stack)
  const program = stack.use(startProgram(['src/cli.ts', 'tenants', 'list'], environment))
  expect(await program.exit).toEqual({ code: 0, signal: null })
  const modules = await loadedModules()
  expect(modules).toContainEqual(expect.stringContaining('query_compiler'))
  expect(modules.filter((one) => /\/fastify\/|\/prom-client\/|\.routes\.ts$/.test(one))).toEqual([])
})

test('a load that failed is tried again by the next caller', async () => {
  await using stack = new AsyncDisposableStack()
  const { environment } = await prepare(stack)
  const script = `
    import { openDatabase } from './src/platform/postgres/database.ts'
    const database = openDatabase({ url: process.env.DATABASE_URL })
    const failure = await database.prisma(null, (client) => client.tenant.count()).catch((error) => error.message)
    console.log(failure, await database.prisma(null, (client) => client.tenant.count()))
    await database.close()`
  const words = ['--input-type=module', '--eval', script]
  const program = stack.use(
    startProgram(words, { ...environment, FAIL_ONCE: '@prisma/adapter-pg' }),
  )
  expect(await program.exit).toEqual({ code: 0, signal: null })
  expect(program.stdout()).toBe('too many open files 0\n')
})
