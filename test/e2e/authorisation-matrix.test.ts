// Every route of openapi.yaml, called by every kind of caller: who is served, and that no other
// caller learns or changes anything.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Scope, scopes } from '../../src/domain/scope.ts'
import { membersOf, owners, withMember } from '../support/authorisation-bodies.ts'
import { type CallReply, callsIn, outcome, type Stage } from '../support/authorisation-calls.ts'
import {
  type Cell,
  callers,
  cells,
  expectedRefusal,
  factsOf,
  folderOf,
  kindOf,
  type Operation,
  operations,
} from '../support/authorisation-expectations.ts'
import { folders, routeFacts } from '../support/authorisation-routes.ts'
import { difference, rowsOf } from '../support/authorisation-rows.ts'
import { createScene, type Scene, type Tenancy } from '../support/authorisation-scene.ts'
import { openTenancies, type Tenancies } from '../support/authorisation-tenancies.ts'
import { onServer } from '../support/cluster.ts'

let service: Tenancies['service']
let otherTenant: Tenancy
let victim: Scene
let stranger: Scene
type Calls = ReturnType<typeof callsIn>
let call: Calls['call']
let browser: Calls['browser']
beforeAll(async () => {
  const tenancies = await openTenancies()
  ;({ service, otherTenant, victim, stranger } = tenancies)
  ;({ call, browser } = callsIn(tenancies))
})
afterAll(() => service[Symbol.asyncDispose]())

const rows = (about?: string) => rowsOf(service.database.url, about)

/** Maps with a few at a time; `each` is not called after the first failure. */
async function inParallel<T, R>(all: readonly T[], each: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const waiting = all.entries()
  const work = async () => {
    for (const [index, one] of waiting) results[index] = await each(one)
  }
  await Promise.all(Array.from({ length: 12 }, work))
  return results
}

const complaint = ({ operation, caller }: Cell, what: unknown) =>
  `${operation.name}, ${caller}: ${what}`

describe('the description', () => {
  test('has a row for each of its routes, and no row of a removed one', () => {
    expect(Object.keys(routeFacts).toSorted()).toEqual(
      operations.map(({ name }) => name).toSorted(),
    )
  })

  test('opens only the routes listed here to everybody, and protects each part of the API in its own way', () => {
    const parts = [
      ['/v1/', 'apiKey'],
      ['/integrations/keycloak/', 'realmToken'],
      ['/integrations/', 'integrationSecret'],
      ['/device/v1/', 'deviceProof'],
      ['/portal/v1/', 'portalSession'],
      ['/me', 'portalSession'],
    ] as const
    for (const operation of operations) {
      const [, scheme] = parts.find(([prefix]) => operation.path.startsWith(prefix)) ?? []
      const isOpen = factsOf(operation).everybody !== undefined
      expect([operation.name, operation.scheme]).toEqual([operation.name, isOpen ? null : scheme])
    }
  })

  test('lets no key change anything by a read scope', () => {
    const changing = operations.filter(
      ({ scheme, method }) => scheme === 'apiKey' && method !== 'GET',
    )
    for (const { name, needs } of changing) {
      expect(
        scopes.filter((one) => !one.endsWith(':read')),
        name,
      ).toContain(needs as Scope)
    }
    const anyKey = operations.filter(({ scheme, needs }) => scheme === 'apiKey' && !needs)
    expect(anyKey.map(({ name }) => name)).toEqual(['GET /v1/policy', 'GET /v1/tenant'])
  })
})

const changes = ({ operation }: Cell) => operation.method !== 'GET'
const ofOtherTenant = ({ caller }: Cell) => caller.endsWith('another tenant')

/** Calls all; returns the deviations. */
async function play(
  some: readonly Cell[],
  stageOf: (cell: Cell) => Partial<Stage>,
  check: (cell: Cell, reply: CallReply, stage: Partial<Stage>) => unknown = () => null,
): Promise<unknown[]> {
  const wrong = await inParallel(some, async (cell) => {
    const { operation, caller } = cell
    const stage = stageOf(cell)
    const reply = await call(operation, caller, stage)
    const actualOutcome = outcome(operation, reply)
    const faults = [
      actualOutcome === expectedRefusal(operation, caller) ? null : actualOutcome,
      await check(cell, reply, stage),
    ]
    return faults.filter((fault) => fault !== null).map((fault) => complaint(cell, fault))
  })
  return wrong.flat()
}

describe('the matrix', () => {
  const all = Map.groupBy(cells, kindOf)
  const {
    open = [],
    refused: refusedCells = [],
    apart = [],
    served: servedCells = [],
  } = Object.fromEntries(all)

  test('is whole', () => {
    expect(open.length + refusedCells.length + apart.length + servedCells.length).toBe(
      operations.length * callers.length,
    )
    // A realm signs each request: test/e2e/doors/keycloak.test.ts covers its success.
    const guardedOperations = operations.filter(
      ({ scheme }) => scheme !== null && scheme !== 'realmToken',
    )
    for (const { name, scheme } of guardedOperations) {
      const owners = servedCells.filter(({ operation }) => operation.name === name)
      expect(owners.length, `${name} serves nobody by its ${scheme}`).toBeGreaterThan(0)
    }
  })

  test('refuses callers without permission, who learn nothing about existing objects and change nothing', async () => {
    await Promise.all([browser(victim), browser(stranger)])
    const before = await rows()
    const wrong = await play(
      refusedCells,
      () => ({}),
      async ({ operation, caller }, first) => {
        const id = folders[folderOf(operation) ?? '']?.unknown
        if (id === undefined) return null
        const [foreignReply, unknown] = [first, await call(operation, caller, { id })].map((one) =>
          JSON.stringify(one),
        )
        return foreignReply === unknown ? null : `tells apart ${foreignReply} ${unknown}`
      },
    )
    expect(wrong).toEqual([])
    expect(difference(before, await rows())).toEqual([])
  })

  test('treats an unknown id like an id of others', async () => {
    const before = await rows()
    const ownedCells = servedCells.filter(({ operation }) => folderOf(operation) !== undefined)
    const wrong = await inParallel(ownedCells, async ({ operation, caller }) => {
      const id = folders[folderOf(operation) ?? '']?.unknown ?? ''
      const reply = await call(operation, caller, { id })
      const isDoor = operation.scheme === 'integrationSecret'
      return outcome(operation, reply) === (isDoor ? 'integration_invalid' : 'not_found')
        ? []
        : complaint({ operation, caller }, reply.text)
    })
    expect(wrong.flat()).toEqual([])
    expect(difference(before, await rows())).toEqual([])
  })

  test('serves open routes equally to all, and changes nothing by it', async () => {
    const before = await rows()
    const first = new Map<string, CallReply>()
    for (const operation of operations.filter(({ scheme }) => scheme === null)) {
      first.set(operation.name, await call(operation, 'nobody'))
    }
    const wrong = await play(
      open,
      () => ({}),
      ({ operation, operation: { name }, caller }, reply) =>
        name === 'GET /metrics' ||
        expectedRefusal(operation, caller) !== expectedRefusal(operation, 'nobody') ||
        JSON.stringify(reply) === JSON.stringify(first.get(name))
          ? null
          : reply.text,
    )
    expect(wrong).toEqual([])
    expect(difference(before, await rows())).toEqual([])
  })

  test('serves others with their own objects, and lets them see and change nothing of the user', async () => {
    const things = [
      await victim.user(),
      victim.name,
      (await victim.phone()).deviceId,
      (await victim.lost()).deviceId,
      await victim.challenge(),
      await victim.enrollment(),
      await victim.nextEnrollment(),
      await victim.portalEnrollment(),
      await victim.activity(),
    ]
    const ofTenant = [
      await victim.apiKey(),
      await victim.app(),
      await victim.integration(),
      await victim.party(),
    ]
    const forAdmins = ['admin', 'audit:read', 'integrations:write']
    const see = (cell: Cell, { text }: CallReply) => {
      const { operation, caller } = cell
      const isAdmin = caller.includes('relying party') && forAdmins.includes(operation.needs ?? '')
      const hiddenTexts = ofOtherTenant(cell) ? [...things, ...ofTenant, service.tenantId] : things
      return isAdmin ? null : (hiddenTexts.find((one) => text.includes(one)) ?? null)
    }
    const [far, near] = [apart.filter(ofOtherTenant), apart.filter((one) => !ofOtherTenant(one))]
    for (const [some, where, about] of [
      [far, otherTenant, service.tenantId],
      [near, service, await victim.user()],
    ] as const) {
      const before = await rows(about)
      const outsider = (cell: Cell) => (changes(cell) ? { outsider: createScene(where) } : {})
      expect(await play(some, outsider, see)).toEqual([])
      expect(difference(before, await rows(about))).toEqual([])
    }
  })

  test('serves permitted callers with the object of the route', async () => {
    const own = (cell: Cell) => (changes(cell) ? { scene: createScene(service) } : {})
    expect(await play(servedCells, own)).toEqual([])
  })
})

describe('a body with an unknown member', () => {
  const changing = operations.filter(
    (operation) => operation.method !== 'GET' && !factsOf(operation).openBody,
  )
  const callerOf = ({ scheme }: Operation) => (scheme === null ? 'nobody' : owners[scheme])
  /** A valid body, and one for a route that takes none. */
  const rightBody = async (operation: Operation): Promise<object> => {
    const body = await factsOf(operation).body?.(victim, victim.phone)
    return (body ?? {}) as object
  }

  /** So few names in each that the message of the response, of 200 characters, names them all. */
  function batchesOf(names: readonly string[]): string[][] {
    const lengthMax = 175
    const batches: string[][] = []
    let length = lengthMax
    for (const name of names) {
      length += JSON.stringify(name).length + ', '.length
      if (length > lengthMax) {
        batches.push([])
        length = JSON.stringify(name).length
      }
      batches.at(-1)?.push(name)
    }
    return batches
  }

  test('is refused for any column name of the database, and changes nothing', async () => {
    const { rows: columns } = await onServer(service.database.url, (client) =>
      client.query<{ name: string }>(
        `select distinct column_name as name from information_schema.columns where table_schema = 'public'`,
      ),
    )
    const snake = columns.map(({ name }) => name)
    const camel = snake.map((name) => name.replace(/_(\w)/g, (_, one) => one.toUpperCase()))
    const before = await rows()
    const calls = await Promise.all(
      changing.map(async (operation) => {
        const knownMembers = new Set(membersOf(operation.body))
        const names = [...new Set([...snake, ...camel])].filter((name) => !knownMembers.has(name))
        return batchesOf(names).map((batch) => ({ operation, batch }))
      }),
    )
    const wrong = await inParallel(calls.flat(), async ({ operation, batch }) => {
      const right = await rightBody(operation)
      const body = JSON.stringify({
        ...right,
        ...Object.fromEntries(batch.map((one) => [one, 'x'])),
      })
      const { status, text } = await call(operation, callerOf(operation), { body })
      const unnamedMembers = operation.body
        ? batch.filter((one) => !text.includes(`\\"${one}\\"`))
        : []
      const isRefused =
        status === 400 && text.includes('"invalid_request"') && unnamedMembers.length === 0
      return isRefused ? [] : [`${operation.name} ${batch}: ${status} ${text}`]
    })
    expect(wrong.flat()).toEqual([])
    expect(difference(before, await rows())).toEqual([])
  })

  test('is refused for names with special meaning in programs, at every depth', async () => {
    const before = await rows()
    const wrong = await inParallel(changing, async (operation) => {
      const knownMembers = membersOf(operation.body)
      const names = ['status', 'tenantId', '__proto__', 'constructor']
      const right = await rightBody(operation)
      const bodies = names
        .filter((name) => !knownMembers.includes(name))
        .flatMap((name) => withMember(right, name))
      const faults: string[] = []
      for (const body of bodies) {
        const { status, text } = await call(operation, callerOf(operation), { body })
        if (status !== 400) faults.push(`${operation.name} ${body}: ${status} ${text}`)
      }
      return faults
    })
    expect(wrong.flat()).toEqual([])
    expect(difference(before, await rows())).toEqual([])
  })
})
