import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { currentClientTypes } from '../../scripts/client-types.ts'

const project = path.resolve(import.meta.dirname, '../..')
const written = () => readFile(path.join(project, 'clients/typescript/src/server-api.ts'), 'utf8')

test('the types of the client are those of openapi.yaml', async () => {
  // Not toEqual: the difference of two files of this size is no help to anybody.
  const isFresh = (await currentClientTypes()) === (await written())
  expect(isFresh, 'run: npm run client-types').toBe(true)
})

test('the types of the client are of the server API, all of it and nothing else', async () => {
  const openapi = await readFile(path.join(project, 'openapi.yaml'), 'utf8')
  const described = [...openapi.matchAll(/^ {2}(\/v1\/\S+):$/gm)].map(([, route]) => route)
  const typed = [...(await written()).matchAll(/^ {4}"(\/\S+)": \{$/gm)].map(([, route]) => route)
  expect(typed.sort()).toEqual(described.sort())
  expect(described.length).toBeGreaterThan(30)
})
