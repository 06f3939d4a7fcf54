import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { currentYaml, lintFindings } from '../../../scripts/openapi.ts'
import { tags } from '../../../src/platform/http/operation.ts'
import { problems } from '../../../src/platform/http/problem-table.ts'
import { anApp, credentialsFor, type Route, routesOf } from './fixtures.ts'

type Schema = { readonly $ref?: string; readonly format?: string; readonly example?: unknown }
type Content = Readonly<Record<string, { readonly schema: Schema }>>
type Operation = {
  readonly operationId: string
  readonly tags?: readonly string[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}
type Items = Readonly<Record<string, Readonly<Record<string, Operation>>>>
type Refusal = {
  readonly description: string
  readonly content: Readonly<
    Record<
      'application/problem+json',
      {
        readonly schema: {
          readonly allOf: readonly { properties?: { code?: { enum: readonly string[] } } }[]
        }
        readonly examples: object
      }
    >
  >
}
type Described = {
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Items
  readonly webhooks: Items
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Refusal>>
    readonly examples: Readonly<Record<string, { readonly value: { readonly code: string } }>>
  }
}

/** The bodies that are sent, and those that answer success. */
function bodiesOf({ operationId, requestBody, responses }: Operation) {
  const successes = Object.entries(responses).filter(([status]) => status.startsWith('2'))
  const all = [['request', requestBody] as const, ...successes]
  return all.flatMap(([part, body]) =>
    Object.entries(body?.content ?? {}).map(([type, { schema }]) => {
      return { place: `${operationId} ${part}`, isSent: part === 'request', type, schema }
    }),
  )
}

let app: FastifyInstance
let routes: Route[]
let yaml: string

beforeAll(async () => {
  app = await anApp()
  routes = await routesOf(app)
  yaml = await currentYaml()
})
afterAll(() => app.close())

/** Every member of this name, however deep. */
function members(value: unknown, name: string): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => [
    ...(key === name ? [member] : []),
    ...members(member, name),
  ])
}

describe('openapi.yaml', () => {
  it('matches the routes', async () => {
    const file = await readFile(new URL('../../../openapi.yaml', import.meta.url), 'utf8')
    expect(file === yaml, 'stale: run npm run openapi').toBe(true)
  })

  it('references only existing components, and has no unused ones', async () => {
    const document = parse(yaml)
    const referencedNames = new Set(members(document, '$ref').map(String))
    const { securitySchemes: _, ...shared } = document.components
    const names = Object.entries(shared).flatMap(([kind, parts]) =>
      Object.keys(parts as object).map((name) => `#/components/${kind}/${name}`),
    )
    expect(new Set(names)).toEqual(referencedNames)
    expect([...referencedNames].filter((name) => name.endsWith('Input'))).toEqual([])
  })

  it('has no finding of the linter that is not excused with a reason', async () => {
    expect(await lintFindings(yaml)).toEqual([])
    const nameless = 'openapi: 3.1.0\npaths: { /x: { get: { summary: x } } }\n'
    expect((await lintFindings(nameless)).join()).toContain('operation-operationId')
  })

  it('is in reading order: what it is, then the paths by tag, then what they share', async () => {
    const document = (await app.describeApi()) as unknown as Described
    const order = ['openapi', 'info', 'servers', 'tags', 'paths', 'webhooks', 'components']
    expect(Object.keys(document)).toEqual(order)
    const pathTags = Object.values(document.paths).map((item) => Object.values(item)[0]?.tags?.[0])
    expect([...new Set(pathTags)]).toEqual(document.tags.map(({ name }) => name))
    const changes = pathTags.filter((tag, index) => tag !== pathTags[index - 1])
    expect(changes.length).toBe(document.tags.length)
    const [first] = Object.values(document.paths).map((item) => item.post)
    const parts = ['operationId', 'summary', 'description', 'tags', 'security', 'parameters']
    expect(Object.keys(first ?? {})).toEqual([...parts, 'requestBody', 'responses'])
  })

  it('openapi.yaml does not depend on where the service runs', async () => {
    await using other = await anApp({}, { publicOrigin: 'http://localhost:1234' })
    expect(await other.describeApi()).toEqual(await app.describeApi())
  })
})

describe('every body', () => {
  it('has a name or is no JSON, and has an example', async () => {
    const document = (await app.describeApi()) as unknown as Described
    const items = [...Object.values(document.paths), ...Object.values(document.webhooks)]
    const bodies = items.flatMap((item) => Object.values(item).flatMap(bodiesOf))
    expect(bodies.length).toBeGreaterThan(150)
    const faults = bodies.flatMap(({ place, type, schema }) => {
      const { $ref, format } = schema
      const target = $ref ? document.components.schemas[$ref.split('/').at(-1) ?? ''] : schema
      if (type === 'application/json' && $ref === undefined) return `${place} has no name`
      return target?.example === undefined && format !== 'binary' ? `${place} has no example` : []
    })
    expect(faults).toEqual([])
  })

  it('that is the example of its schema is accepted by the route', async () => {
    const { schemas } = ((await app.describeApi()) as unknown as Described).components
    const taking = routes.filter(({ url }) => !url.startsWith('/auth/v2/'))
    const bodies = taking.flatMap((route) =>
      bodiesOf(route.operation as Operation).flatMap(({ isSent, type, schema }) =>
        isSent && type === 'application/json' ? [{ route, schema }] : [],
      ),
    )
    expect(bodies.length).toBeGreaterThan(40)
    for (const { route, schema } of bodies) {
      const payload = schemas[schema.$ref?.split('/').at(-1) ?? '']?.example as object
      const headers = credentialsFor(route)
      const reply = await app.inject({ method: route.method, url: route.url, headers, payload })
      // No use case is given here: a body that is accepted ends at the one that is missing.
      expect([route.operation.operationId, reply.json().code]).toEqual([
        route.operation.operationId,
        'internal',
      ])
    }
  })
})

describe('every shared refusal', () => {
  it('narrows the code to those that it explains, and has an example of each', async () => {
    const { responses, examples } = ((await app.describeApi()) as unknown as Described).components
    for (const [name, { description, content }] of Object.entries(responses)) {
      const { schema, examples: own } = content['application/problem+json']
      const codes = [...description.matchAll(/^- `(\w+)`: /gm)].map(([, code]) => `${code}`)
      expect([name, schema.allOf[1]?.properties?.code?.enum]).toEqual([name, codes.toSorted()])
      expect(Object.keys(own).toSorted()).toEqual(codes.toSorted())
      for (const code of codes) expect(examples[code]?.value.code).toBe(code)
    }
  })
})

describe('every route', () => {
  it('is described, except for the pages of the description', () => {
    const tree = app.printRoutes({ commonPrefix: false })
    const withoutPages = tree.replace(/^ {4}├── docs [\s\S]*?\n(?= {4}[├└])/m, '')
    expect(withoutPages.length).toBeLessThan(tree.length)
    const serverMethods = [...withoutPages.matchAll(/── \S+ \((.+)\)/g)].flatMap(
      ([, methods = '']) => methods.split(', '),
    )
    // HEAD is described by its GET (RFC 9110, 9.3.2): that of health, of `/` and of a link to the
    // portal.
    const describedMethods = serverMethods.filter((method) => method !== 'HEAD')
    expect(serverMethods.length - describedMethods.length).toBe(4)
    expect(routes.length).toBe(describedMethods.length)
  })

  it('has an operationId of its own, one known tag and a summary', () => {
    const ids = routes.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { operation } of routes) {
      expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/)
      expect(operation.tags).toHaveLength(1)
      expect(Object.keys(tags)).toContain(operation.tags[0])
      expect(operation.summary).toMatch(/^\S.*[^.]$/)
    }
  })

  it('declares every 4xx and 5xx as a problem with its codes, except for foreign formats', () => {
    for (const { operation, url } of routes) {
      if (operation.operationId.startsWith('authApi')) continue
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue
        // The clients of doors receive a refusal in their own format.
        const isPage = /\/prompt\//.test(url)
        const isForeign = url.startsWith('/integrations/') || url.includes('/oidc/')
        const own = isPage ? ['text/html'] : isForeign ? ['application/json'] : []
        const types = Object.keys(content ?? {})
        // OAuth has words of its own for a client that is refused, and a person reads a page.
        if (/\/(?:oidc|prompt)\//.test(url) && types.every((one) => own.includes(one))) continue
        expect(types.filter((one) => !own.includes(one))).toEqual(['application/problem+json'])
        const codes = [...description.matchAll(/^- `(\w+)`: /gm)].map(([, code]) => code)
        expect(codes.length).toBeGreaterThan(0)
        for (const code of codes) {
          expect(problems).toHaveProperty(String(code))
          expect(problems[code as keyof typeof problems].status).toBe(Number(status))
        }
      }
    }
  })

  it('every route accepts bodies that list all their members', async () => {
    const document = parse(yaml)
    const requestBodies = routes.flatMap(({ operation }) => members(operation.requestBody, '$ref'))
    expect(requestBodies.length).toBeGreaterThan(10)
    for (const ref of requestBodies) {
      // Clients of doors send parameters of their own, which are not read.
      if (/\/(?:KeycloakQuestion|OauthParameters|AuthApi\w+)$/.test(String(ref))) continue
      const schema = document.components.schemas[String(ref).split('/').at(-1) ?? '']
      expect([ref, schema.additionalProperties]).toEqual([ref, false])
      expect(schema.description).toMatch(/\.$/)
    }
  })
})

describe('the routes in the wire format of the Auth API', () => {
  it('declare no answer but 200 where sign-ins are decided', () => {
    const statuses = (id: string) =>
      Object.keys(
        routes.find(({ operation }) => operation.operationId === id)?.operation.responses ?? {},
      )
    const legacyRoutes = ['LegacyPreauth', 'LegacyAuth', 'LegacyStatus'].flatMap((name) => [
      `${name}Json`,
      `${name}Bson`,
    ])
    for (const name of ['Ping', 'Preauth', 'Auth', 'AuthStatus', ...legacyRoutes]) {
      expect([name, statuses(`authApi${name}`)]).toEqual([name, ['200']])
    }
    expect(statuses('authApiCheck')).toContain('401')
  })
})
