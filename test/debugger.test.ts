// What an editor starts under its debugger (.vscode/launch.json).

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'

type Configuration = {
  readonly name: string
  readonly runtimeExecutable: string
  readonly program: string
}

const folder = path.resolve(import.meta.dirname, '..')
const inFolder = (text: string) => text.replaceAll('$'.concat('{workspaceFolder}'), folder)
const file = path.join(folder, '.vscode/launch.json')
const { configurations } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly configurations: readonly Configuration[]
}

describe.each(configurations)('$name', ({ runtimeExecutable, program }) => {
  test('starts a program that parses on the Node of the project', () => {
    const output = execFileSync(inFolder(runtimeExecutable), ['--check', inFolder(program)])
    expect(output.toString()).toBe('')
  })
})
