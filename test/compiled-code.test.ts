import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { createTestDatabase } from './support/database.ts'
import { notRunWithoutRoot } from './support/programs.ts'
import { startProgram, startServiceProcess } from './support/service-process.ts'

vi.setConfig({ testTimeout: 60_000 })

/** Without the cache of all programs that tests start. */
const withoutCache = { NODE_COMPILE_CACHE: '' }

async function createFolder(stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-compiled-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The folder that a program keeps compiled code in when it is given this one; '' for none. */
async function keptIn(folder: string, environment = {}): Promise<string> {
  const script = `
    import { getCompileCacheDir } from 'node:module'
    import { keepCompiledCode } from './bin/compiled-code.js'
    keepCompiledCode(${JSON.stringify(folder)})
    process.stdout.write(getCompileCacheDir() ?? '')`
  const words = ['--input-type=module', '--eval', script]
  await using program = startProgram(words, { ...environment, ...withoutCache })
  expect([await program.exit, program.stderr()]).toEqual([{ code: 0, signal: null }, ''])
  return program.stdout()
}

describe('compiled code is kept', () => {
  test('in a folder that nobody else may write to, whatever the umask is', async () => {
    await using stack = new AsyncDisposableStack()
    const folder = path.join(await createFolder(stack), 'a', 'b')
    const umask = process.umask(0)
    stack.defer(() => void process.umask(umask))
    const inner = await keptIn(folder)
    expect(path.dirname(inner)).toBe(folder)
    for (const one of [folder, inner]) expect((await stat(one)).mode & 0o777).toBe(0o755)
  })

  test.for(['777', '775', '757'])('in no folder of mode %s', async (octal) => {
    const mode = Number.parseInt(octal, 8)
    await using stack = new AsyncDisposableStack()
    const folder = await createFolder(stack)
    await chmod(folder, mode)
    expect(await keptIn(folder)).toBe('')
    await chmod(folder, 0o755)
    await mkdir(path.join(folder, 'inner'))
    await chmod(path.join(folder, 'inner'), mode)
    expect(await keptIn(folder)).toBe('')
  })

  if (process.getuid?.() !== 0) notRunWithoutRoot()
  else
    test("in no folder of another's", async () => {
      await using stack = new AsyncDisposableStack()
      const folder = await createFolder(stack)
      await chown(folder, 12_345, 12_345)
      expect(await keptIn(folder)).toBe('')
    })

  test('nowhere when its place cannot be made', async () => {
    const file = path.join(import.meta.dirname, 'compiled-code.test.ts')
    expect(await keptIn(path.join(file, 'below'))).toBe('')
  })
})

test('a service that is killed once it listens leaves its compiled code to the next', async () => {
  await using stack = new AsyncDisposableStack()
  const { url } = stack.use(await createTestDatabase())
  const NODE_COMPILE_CACHE = path.join(await createFolder(stack), 'cache')
  await mkdir(NODE_COMPILE_CACHE)
  const MASTER_KEY = Buffer.alloc(32, 9).toString('base64url')
  const environment = { DATABASE_URL: url, MASTER_KEY, PORT: '0', NODE_COMPILE_CACHE }
  const service = stack.use(await startServiceProcess(environment))
  service.kill('SIGKILL')
  await service.exit
  const files = await readdir(NODE_COMPILE_CACHE, { recursive: true })
  expect(files.length).toBeGreaterThan(500)
})
