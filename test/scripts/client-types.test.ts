import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { currentClientTypes } from '../../scripts/client-types.ts'

const project = path.resolve(import.meta.dirname, '../..')
const readClientTypes = () =>
  readFile(path.join(project, 'clients/typescript/src/generated/server-api.ts'), 'utf8')

test('the types of the client are those of openapi.yaml', async () => {
  // Not toEqual: the difference of two files of this size helps nobody.
  const isFresh = (await currentClientTypes()) === (await readClientTypes())
  expect(isFresh, 'run: npm run client-types').toBe(true)
})

test('the types of the client are of the server API, all of it and nothing else', async () => {
  const openapi = await readFile(path.join(project, 'openapi.yaml'), 'utf8')
  const apiRoutes = [...openapi.matchAll(/^ {2}(\/v1\/\S+):$/gm)].map(([, route]) => route)
  const clientRoutes = [...(await readClientTypes()).matchAll(/^ {4}"(\/\S+)": \{$/gm)].map(
    ([, route]) => route,
  )
  expect(clientRoutes.sort()).toEqual(apiRoutes.sort())
  expect(apiRoutes.length).toBeGreaterThan(30)
})
