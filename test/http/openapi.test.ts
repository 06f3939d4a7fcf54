import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { currentYaml } from '../../scripts/openapi.ts'
import { tidy } from '../../src/http/openapi-document.ts'
import { tags } from '../../src/http/operation.ts'
import { problems } from '../../src/http/problem-table.ts'
import { anApp, type Route, routesOf } from './fixtures.ts'

let app: FastifyInstance
let routes: Route[]

beforeAll(async () => {
  app = await anApp()
  routes = routesOf(app)
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
    const file = await readFile(new URL('../../openapi.yaml', import.meta.url), 'utf8')
    expect(file === (await currentYaml()), 'stale: run npm run openapi').toBe(true)
  })

  it('references only existing components, and has no unused ones', async () => {
    const document = parse(await currentYaml())
    const referencedNames = new Set(
      members(document, '$ref').map((ref) => String(ref).replace('#/components/schemas/', '')),
    )
    expect(new Set(Object.keys(document.components.schemas))).toEqual(referencedNames)
    expect([...referencedNames].filter((name) => name.endsWith('Input'))).toEqual([])
  })

  it('openapi.yaml does not depend on where the service runs', async () => {
    await using other = await anApp({}, { publicOrigin: 'http://localhost:1234' })
    expect(other.swagger()).toEqual(app.swagger())
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
        const own = url.startsWith('/integrations/') ? ['application/json'] : []
        const types = Object.keys(content ?? {})
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
    const document = parse(await currentYaml())
    const requestBodies = routes.flatMap(({ operation }) => members(operation.requestBody, '$ref'))
    expect(requestBodies.length).toBeGreaterThan(10)
    for (const ref of requestBodies) {
      // Keycloak sends parameters of its clients next to its own.
      if (String(ref).endsWith('/KeycloakQuestion')) continue
      const schema = document.components.schemas[String(ref).split('/').at(-1) ?? '']
      expect([ref, schema.additionalProperties]).toEqual([ref, false])
      expect(schema.description).toMatch(/\.$/)
    }
  })
})

describe('tidying a description', () => {
  it('keeps referenced schemas, however deep, and drops the suffix of input-only ones', () => {
    const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
    const document = tidy({
      paths: {
        input: ref('NewInput'),
        output: ref('Both'),
        otherInput: ref('BothInput'),
        words: [ref('Same'), ref('SameInput')],
      },
      components: {
        schemas: {
          New: { unused: true },
          NewInput: { inner: ref('DeepInput') },
          Deep: {},
          DeepInput: { additionalProperties: false },
          Both: { additionalProperties: false },
          BothInput: { additionalProperties: false },
          Same: { enum: ['a', 'b'] },
          SameInput: { enum: ['a', 'b'] },
          Nobody: {},
        },
      },
    })
    expect(document).toEqual({
      paths: {
        input: ref('New'),
        output: ref('Both'),
        otherInput: ref('BothInput'),
        words: [ref('Same'), ref('Same')],
      },
      components: {
        schemas: {
          New: { inner: ref('Deep') },
          Deep: { additionalProperties: false },
          Both: {},
          Same: { enum: ['a', 'b'] },
          BothInput: { additionalProperties: false },
        },
      },
    })
  })
})

describe('the routes in the wire format of the Auth API', () => {
  it('declare no answer but 200 where sign-ins are decided', () => {
    const statuses = (id: string) =>
      Object.keys(
        routes.find(({ operation }) => operation.operationId === id)?.operation.responses ?? {},
      )
    for (const id of ['authApiPing', 'authApiPreauth', 'authApiAuth', 'authApiAuthStatus']) {
      expect([id, statuses(id)]).toEqual([id, ['200']])
    }
    expect(statuses('authApiCheck')).toContain('401')
  })
})
