// The commands with which docs/how-to/rotate-everything.md rotates the master key, run by sh.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const run = promisify(execFile)

test('each rotation lets the new key open first, then seal, and forgets no key', async () => {
  const page = await readFile('docs/how-to/rotate-everything.md', 'utf8')
  const [opens = '', seals = ''] = [...page.matchAll(/```sh\n([\s\S]*?)```/g)]
    .map(([, text = '']) => text)
    .filter((text) => text.includes('MASTER_KEY'))
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-rotation-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'countersign.env')
  await writeFile(file, 'PORT=1\nMASTER_KEY=first\nREVOCATION_LOG=-\n')
  const keys = async () => {
    const text = await readFile(file, 'utf8')
    expect(text).toMatch(/^PORT=1\nREVOCATION_LOG=-\nMASTER_KEY=/)
    const [, current = '', previous = ''] =
      /\nMASTER_KEY=(.*)\nMASTER_KEY_PREVIOUS=(.*)\n$/.exec(text) ?? []
    return [current, ...previous.split(',')]
  }
  const shell = (commands: string) => run('sh', ['-c', commands], { cwd: folder })

  await shell(opens)
  const [, second = ''] = await keys()
  expect(Buffer.from(second, 'base64url')).toHaveLength(32)
  expect(await keys()).toEqual(['first', second])
  const functions = opens.slice(0, opens.indexOf('# 1.'))
  await shell(functions + seals)
  expect(await keys()).toEqual([second, 'first'])

  await shell(opens)
  const [, third = ''] = await keys()
  expect(await keys()).toEqual([second, third, 'first'])
  await shell(functions + seals)
  expect(await keys()).toEqual([third, second, 'first'])
})
