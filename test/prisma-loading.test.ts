import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { createTestDatabase } from './support/database.ts'
import { startProgram, startServiceProcess } from './support/service-process.ts'

vi.setConfig({ testTimeout: 120_000 })

const preload = path.resolve(import.meta.dirname, 'support', 'module-list.ts')

/** A database with an environment for programs, and the modules of Prisma that one has loaded. */
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
  const prismaModules = async () => {
    const addresses = (await readFile(MODULE_LIST, 'utf8')).split('\n')
    expect(addresses.some((one) => one.endsWith('/src/platform/postgres/database.ts'))).toBe(true)
    return addresses.filter((one) => /\/@prisma\/|\/src\/generated\//.test(one))
  }
  return { environment, prismaModules }
}

test('a service that is started, ready and asked for its health has not loaded Prisma', async () => {
  await using stack = new AsyncDisposableStack()
  const { environment, prismaModules } = await prepare(stack)
  const service = stack.use(await startServiceProcess({ ...environment, PORT: '0' }))
  expect((await fetch(`${service.origin}/health/ready`)).status).toBe(200)
  service.kill('SIGTERM')
  expect(await service.exit).toEqual({ code: 0, signal: null })
  expect(await prismaModules()).toEqual([])
})

test('a command that reads through Prisma loads it', async () => {
  await using stack = new AsyncDisposableStack()
  const { environment, prismaModules } = await prepare(stack)
  const program = stack.use(startProgram(['src/cli.ts', 'tenants', 'list'], environment))
  expect(await program.exit).toEqual({ code: 0, signal: null })
  expect(await prismaModules()).toContainEqual(expect.stringContaining('query_compiler'))
})

test('a load that failed is tried again by the next caller', async () => {
  await using stack = new AsyncDisposableStack()
  const { environment } = await prepare(stack)
  const script = `
    import { openDatabase } from './src/platform/postgres/database.ts'
    const database = openDatabase({ url: process.env.DATABASE_URL })
    const failure = await database.prisma().catch((error) => error.message)
    console.log(failure, await (await database.prisma()).tenant.count())
    await database.close()`
  const words = ['--input-type=module', '--eval', script]
  const program = stack.use(
    startProgram(words, { ...environment, FAIL_ONCE: '@prisma/adapter-pg' }),
  )
  expect(await program.exit).toEqual({ code: 0, signal: null })
  expect(program.stdout()).toBe('too many open files 0\n')
})
