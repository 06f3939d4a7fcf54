// Writes the types of clients/typescript from openapi.yaml; `--check` only compares.

import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript'
import { parse } from 'yaml'

const root = path.resolve(import.meta.dirname, '..')
const target = path.join(root, 'clients/typescript/src/generated/server-api.ts')

const heading = `// Written by \`npm run client-types\` from openapi.yaml. Do not edit.\n\n`

/** The routes that relying parties and admins call: neither the devices' nor the portal's. */
const isServerApi = (route: string) => route.startsWith('/v1/')

/**
 * Every refusal has the same shape, which the client knows; repeated at each operation it would be
 * two thirds of the file.
 */
const refusal = 'Problem'

type Operation = { readonly responses: Record<string, unknown> }
type ApiDescription = {
  readonly paths: Record<string, Record<string, Operation>>
  readonly webhooks: unknown
  readonly components: { readonly schemas: Record<string, unknown> }
}

/** The description of the server API alone, with the schemas that it reaches. */
function serverApiOf(whole: ApiDescription): ApiDescription {
  const withAnswers = (operation: Operation) => ({
    ...operation,
    responses: pick(operation.responses, (status) => status.startsWith('2')),
  })
  const paths = change(pick(whole.paths, isServerApi), (route) => change(route, withAnswers))
  const reachedNames = new Set<string>()
  const follow = (part: unknown) => {
    const names = [...JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)]
    for (const [, name = ''] of names) {
      if (reachedNames.has(name)) continue
      reachedNames.add(name)
      follow(whole.components.schemas[name])
    }
  }
  follow([paths, whole.webhooks, { $ref: `#/components/schemas/${refusal}` }])
  const schemas = change(
    pick(whole.components.schemas, (name) => reachedNames.has(name)),
    withoutExample,
  )
  return { ...whole, paths, components: { schemas } }
}

/** Examples of whole bodies are for readers of the description; a type shows its members itself. */
function withoutExample(schema: unknown): unknown {
  const { example, ...others } = schema as { readonly example?: unknown }
  return typeof example === 'object' ? others : schema
}

function pick<T>(from: Record<string, T>, isWanted: (name: string) => boolean): Record<string, T> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => isWanted(name)))
}

function change<T>(from: Record<string, T>, by: (part: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(from).map(([name, part]) => [name, by(part)]))
}

/** The types as openapi.yaml describes the API now. */
export async function currentClientTypes(): Promise<string> {
  const whole = parse(await readFile(path.join(root, 'openapi.yaml'), 'utf8')) as ApiDescription
  const serverApi = serverApiOf(whole) as unknown as OpenAPI3
  // A member with a default may be omitted.
  const options = { silent: true, defaultNonNullable: false }
  return heading + astToString(await openapiTS(serverApi, options))
}

/** Updates the file of the types from openapi.yaml. */
export async function writeClientTypes(): Promise<void> {
  await writeFile(target, await currentClientTypes())
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
  if (!values.check) return writeClientTypes()
  const current = await currentClientTypes()
  if ((await readFile(target, 'utf8').catch(() => '')) === current) return
  console.error(
    `${path.relative(root, target)} does not match openapi.yaml. Run: npm run client-types`,
  )
  process.exitCode = 1
}

if (import.meta.main) await main()
