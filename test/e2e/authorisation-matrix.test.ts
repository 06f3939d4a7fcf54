// Every route of openapi.yaml, called by every kind of caller: who is served, and that no other
// caller learns or changes anything.

import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { isRefusal } from '../../src/domain/refusal.ts'
import { type Scope, scopes } from '../../src/domain/scope.ts'
import { type ProblemCode, problems } from '../../src/platform/http/problem-table.ts'
import { openOperations } from '../../src/service/open-operations.ts'
import { folders, madeUpSecret, routeFacts, tenantWide } from '../support/authorisation-routes.ts'
import { createScene, type Scene, successOf, type Tenancy } from '../support/authorisation-scene.ts'
import { onServer } from '../support/cluster.ts'
import { proofFor } from '../support/device-calls.ts'
import { expectGranted } from '../support/expect-granted.ts'
import {
  createApi,
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'

type Scheme = 'realmToken' | 'integrationSecret' | 'apiKey' | 'deviceProof' | 'portalSession'
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
type Operation = {
  readonly name: string
  readonly method: Method
  readonly path: string
  readonly scheme: Scheme | null
  /** Scope or key role from the description. */
  readonly needs: string | undefined
  readonly statuses: readonly number[]
  // biome-ignore lint/suspicious/noExplicitAny: JSON Schema, read where it is needed
  readonly body: any
}

const document = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'))
// The routes of the Auth API, with their own wire format, are tested in
// test/e2e/doors/auth-api-callers.test.ts.
const paths = Object.entries<Record<string, never>>(document.paths).filter(
  ([path]) => !path.startsWith('/auth/v2/'),
)
const operations: Operation[] = paths.flatMap(([path, methods]) =>
  // biome-ignore lint/suspicious/noExplicitAny: a parsed document
  Object.entries<any>(methods).map(([method, { security, responses, requestBody }]) => {
    const [[scheme, [needs]] = [null, []]] = Object.entries<string[]>(security[0] ?? {})
    return {
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase() as Method,
      path,
      scheme: scheme as Scheme | null,
      needs,
      statuses: Object.keys(responses).map(Number),
      body: requestBody?.content['application/json'].schema,
    }
  }),
)

const callers = [
  'nobody',
  'a key of every scope but the one',
  'an admin key of another relying party of the tenant',
  'an admin key of another tenant',
  'an admin key of the relying party',
  'a device of the user',
  'a device of the user, by its possession key',
  'a device of another user',
  'a device of another tenant',
  'an unregistered device of the user',
  'a suspended device of the user',
  'the portal session of the user',
  'the portal session of the user, from a page of another site',
  'the portal session of another user',
  'a client of the integration',
  'a client of another integration',
] as const
type Caller = (typeof callers)[number]

let service: RunningService
let otherTenant: Tenancy
/** The target of all calls. */
let victim: Scene
let stranger: Scene
let unregisteredPhone: Phone
let suspendedPhone: Phone
let elsewhere: Scene
const keys = new Map<string, string>()

beforeAll(async () => {
  // No worker: only calls change the tables.
  service = await startTestService({ role: 'api' })
  const log = pino({ level: 'silent' })
  const operator = await openOperations(service.config, service.origin, log)
  const tenant = await expectGranted(operator.createTenant('Other'))
  for (const [name, tenantId, namespaces] of [
    ['an admin key of another relying party of the tenant', service.tenantId, ['other']],
    ['an admin key of another tenant', tenant.id, ['default']],
  ] as const) {
    const party = await expectGranted(
      operator.createRelyingParty({
        tenantId: tenantId as typeof tenant.id,
        name,
        namespaces,
      }),
    )
    const input = { tenantId: party.tenantId, rpId: party.id, name, scopes, expiresAt: null }
    const key = await operator.createApiKey(input)
    if (isRefusal(key)) throw new Error(key.refused)
    keys.set(name, key.secret)
  }
  await operator.close()
  keys.set('an admin key of the relying party', service.key)
  const [{ id: relyingPartyId }] = (
    await successOf(service.api, 'GET', '/v1/relying-parties')
  ).items.filter(({ name }: { name: string }) => name === 'Default')
  for (const scope of scopes.filter((one) => one !== 'admin')) {
    const otherScopes = scopes.filter((one) => one !== 'admin' && one !== scope)
    const body = { relyingPartyId, name: scope, scopes: otherScopes }
    keys.set(
      `all but ${scope}`,
      (await successOf(service.api, 'POST', '/v1/api-keys', body)).secret,
    )
  }
  const all = { relyingPartyId, name: 'x', scopes: scopes.filter((one) => one !== 'admin') }
  keys.set('all but admin', (await successOf(service.api, 'POST', '/v1/api-keys', all)).secret)
  const api = createApi(service.origin, keys.get('an admin key of another tenant') ?? '')
  otherTenant = { ...service, tenantId: tenant.id, api }

  victim = createScene(service)
  stranger = createScene(service)
  elsewhere = createScene(otherTenant)
  await Promise.all([victim.phone(), stranger.phone(), elsewhere.phone(), stranger.integration()])
  unregisteredPhone = await enrollPhone(service, { user: victim.name })
  await unregisteredPhone.client.unregister()
  await unregisteredPhone.client.self().catch(() => 'the user is notified once')
  suspendedPhone = await enrollPhone(service, { user: victim.name })
  await successOf(service.api, 'PATCH', `/v1/devices/${suspendedPhone.deviceId}`, {
    status: 'suspended',
  })
  for (const thing of [
    victim.user,
    victim.party,
    victim.lost,
    victim.activity,
    victim.apiKey,
    victim.app,
    victim.integration,
    victim.enrollment,
    victim.nextEnrollment,
    victim.decided,
    victim.challenge,
    victim.temporaryCode,
    victim.testPushed,
    victim.endpoint,
  ]) {
    await thing()
  }
  // The first fetch of a phone is recorded.
  await (await victim.phone()).client.pending()
  // A report ends the pending challenge, so another user's is used.
  const reportingScene = createScene(service)
  await reportingScene.report()
  await victim.incident()
  victim = { ...victim, report: reportingScene.report }
})
afterAll(() => service[Symbol.asyncDispose]())

/** The folder of the path's id; undefined where the path names nothing. */
const folderOf = ({ path }: Operation) => /([a-z0-9-]+)\/\{/.exec(path)?.[1]

function factsOf({ name }: Operation) {
  const facts = routeFacts[name]
  if (!facts) throw new Error(`${name} has no row in test/support/authorisation-routes.ts`)
  return facts
}

const schemes: Readonly<Record<Caller, Scheme | null>> = Object.fromEntries(
  callers.map((caller) => {
    if (caller === 'nobody') return [caller, null]
    if (caller.startsWith('a client')) return [caller, 'integrationSecret']
    if (caller.includes('portal')) return [caller, 'portalSession']
    return [caller, caller.includes('key of') ? 'apiKey' : 'deviceProof']
  }),
) as Record<Caller, Scheme | null>

const codeWithoutCredential = {
  realmToken: 'integration_invalid',
  integrationSecret: 'integration_invalid',
  apiKey: 'unauthenticated',
  deviceProof: 'proof_missing',
  portalSession: 'portal_session_invalid',
} as const

/** Callers with access to the route who own nothing that it names. */
const outsiders: ReadonlySet<Caller> = new Set([
  'an admin key of another relying party of the tenant',
  'an admin key of another tenant',
  'a device of another user',
  'a device of another tenant',
  'the portal session of another user',
])

/** True for admin keys on objects of the whole tenant. */
function isShared(operation: Operation, caller: Caller): boolean {
  if (caller !== 'an admin key of another relying party of the tenant') return false
  const folder = folderOf(operation)
  return folder === undefined
    ? /^POST .v1.(api-keys|integrations)$/.test(operation.name)
    : tenantWide.has(folder)
}

/** The expected refusal of this caller; null is a success. */
function expectedRefusal(operation: Operation, caller: Caller): ProblemCode | null {
  const { scheme, needs, method } = operation
  const { everybody, ownPages, granted = null, foreign } = factsOf(operation)
  const isCross = caller.endsWith('another site')
  if (scheme === null) return ownPages && isCross ? 'origin_not_allowed' : (everybody ?? null)
  if (scheme === 'portalSession' && schemes[caller] !== scheme && method !== 'GET') {
    return 'origin_not_allowed'
  }
  // Both are bearer tokens.
  if (scheme === 'apiKey' && schemes[caller] === 'integrationSecret') return 'api_key_invalid'
  if (schemes[caller] !== scheme) return codeWithoutCredential[scheme]
  switch (caller) {
    case 'a key of every scope but the one':
      return needs === undefined ? granted : 'scope_missing'
    case 'a device of the user, by its possession key':
      return needs === 'verification' ? 'proof_key_not_allowed' : granted
    case 'an unregistered device of the user':
      return 'device_unregistered'
    case 'a suspended device of the user':
      // It may read why it is refused.
      return operation.name === 'GET /device/v1/self' ? granted : 'device_suspended'
    case 'the portal session of the user, from a page of another site':
      return 'origin_not_allowed'
    case 'a client of another integration':
      return 'integration_invalid'
  }
  if (!outsiders.has(caller)) return granted
  if (isShared(operation, caller)) return granted
  return folderOf(operation) === undefined ? (foreign ?? granted) : 'not_found'
}

/** The object of a call, and the user in whose name an outsider makes it. */
type Stage = { readonly scene: Scene; readonly outsider?: Scene }

function phoneOf(caller: Caller, { scene, outsider }: Stage): Promise<Phone> {
  if (caller === 'a device of another user') return (outsider ?? stranger).phone()
  if (caller === 'a device of another tenant') return (outsider ?? elsewhere).phone()
  if (caller === 'an unregistered device of the user') return Promise.resolve(unregisteredPhone)
  if (caller === 'a suspended device of the user') return Promise.resolve(suspendedPhone)
  return scene.phone()
}

type SentRequest = { readonly body: string | undefined; readonly path: string }

async function credentials(
  operation: Operation,
  caller: Caller,
  stage: Stage,
  { body, path }: SentRequest,
): Promise<Record<string, string>> {
  const scheme = schemes[caller]
  if (scheme === 'apiKey') {
    const needs = operation.scheme === 'apiKey' ? operation.needs : undefined
    const name =
      caller === 'a key of every scope but the one' ? `all but ${needs ?? 'admin'}` : caller
    const secret = keys.get(name)
    if (!secret) throw new Error(`no key: ${name}`)
    return { authorization: `Bearer ${secret}` }
  }
  if (scheme === 'integrationSecret') {
    const isOther = caller === 'a client of another integration'
    const secret = await (isOther ? stranger : stage.scene).integrationSecret()
    return { authorization: `Bearer ${secret}` }
  }
  if (scheme === 'portalSession') {
    const isOther = caller === 'the portal session of another user'
    const headers = await browser(isOther ? (stage.outsider ?? stranger) : stage.scene)
    const isCross = caller.endsWith('another site')
    return isCross ? { ...headers, 'sec-fetch-site': 'cross-site' } : headers
  }
  if (scheme === null) return {}
  const phone = await phoneOf(caller, stage)
  const tenancy = caller === 'a device of another tenant' ? otherTenant : service
  const { possession, verification } = phone.keys
  const isPossession = caller === 'a device of the user, by its possession key'
  const proof = await proofFor(tenancy, phone, {
    method: operation.method,
    path,
    key: isPossession ? possession : (verification ?? possession),
    ...(body !== undefined && { body: JSON.parse(body) }),
  })
  return { 'device-proof': proof }
}

const browsers = new Map<Scene, Promise<Record<string, string>>>()
function browser(of: Scene) {
  const browserHeaders = browsers.get(of) ?? of.browser()
  browsers.set(of, browserHeaders)
  return browserHeaders
}

type CallReply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** Headers that differ between any two answers. */
const perAnswer = new Set(['date', 'request-id', 'keep-alive', 'connection'])

async function call(
  operation: Operation,
  caller: Caller,
  { scene = victim, outsider, id, body }: Partial<Stage> & { id?: string; body?: string } = {},
): Promise<CallReply> {
  const facts = factsOf(operation)
  const stage = { scene, ...(outsider && { outsider }) }
  const folder = folders[folderOf(operation) ?? '']
  const phone = await phoneOf(caller, stage)
  const objectId = id ?? (await (facts.object ?? folder?.of)?.(scene))
  const plain = operation.path.replace('{secret}', madeUpSecret)
  const path = plain.replace(/\{\w+\}/, objectId ?? '') + ((await facts.query?.(scene)) ?? '')
  const defaultBody = await facts.body?.(scene, phone)
  const sentRequest = {
    path,
    body: body ?? (defaultBody === undefined ? undefined : JSON.stringify(defaultBody)),
  }
  const response = await fetch(service.origin + path, {
    method: operation.method,
    redirect: 'manual',
    headers: {
      ...(sentRequest.body !== undefined && { 'content-type': 'application/json' }),
      ...(facts.ownPages && { 'sec-fetch-site': 'same-origin' }),
      ...(await credentials(operation, caller, stage, sentRequest)),
    },
    ...(sentRequest.body !== undefined && { body: sentRequest.body }),
  })
  const headers = Object.fromEntries([...response.headers].filter(([one]) => !perAnswer.has(one)))
  const { status } = response
  const isStream = headers['content-type']?.startsWith('text/event-stream') ?? false
  // An event stream has no end to wait for.
  if (isStream) await response.body?.cancel()
  return { status, headers, text: isStream ? '' : await response.text() }
}

/**
 * The outcome of a response, comparable to `expectedRefusal`; undocumented responses contain more,
 * and so match nothing.
 */
function outcome(
  { statuses }: Operation,
  { status, text }: CallReply,
): ProblemCode | null | string {
  if (!statuses.includes(status)) return `undocumented: ${status} ${text}`
  // A page redirects to the next one after success.
  if (status < 400) return null
  const { code } = JSON.parse(text)
  return problems[code as ProblemCode]?.status === status ? code : `${status} ${text}`
}

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

/**
 * Every row of every table, without last-use times, and without the callers' own used proofs;
 * `about` keeps the rows that contain this text.
 */
async function rows(about?: string): Promise<string[]> {
  return onServer(service.database.url, async (client) => {
    const tables = await client.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public' and table_name <> 'device_proofs'`,
    )
    const all: string[] = []
    for (const { name } of tables.rows) {
      const result = await client.query<{ row: string }>(
        `select (to_jsonb(x) - array['last_used_at', 'last_seen_at', 'uses', 'last_error_code',
           'last_error_at', 'probed_at'])::text as row from "${name}" x`,
      )
      all.push(...result.rows.map(({ row }) => `${name} ${row}`))
    }
    return about === undefined ? all : all.filter((row) => row.includes(about))
  })
}

/** The rows added and removed between two reads of the tables. */
function difference(before: readonly string[], after: readonly string[]): string[] {
  const [had, has] = [new Set(before), new Set(after)]
  const removedRows = before.filter((row) => !has.has(row)).map((row) => `- ${row}`)
  return [...removedRows, ...after.filter((row) => !had.has(row)).map((row) => `+ ${row}`)]
}

type Cell = { readonly operation: Operation; readonly caller: Caller }
const cells: Cell[] = operations.flatMap((operation) =>
  callers.map((caller) => ({ operation, caller })),
)
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

/**
 * Each cell has one of these: open to all, refused, served to an outsider without access to the
 * object, or served with the object.
 */
function kindOf({ operation, caller }: Cell): 'open' | 'refused' | 'apart' | 'served' {
  if (operation.scheme === null) return 'open'
  if (expectedRefusal(operation, caller) !== (factsOf(operation).granted ?? null)) return 'refused'
  return outsiders.has(caller) && !isShared(operation, caller) ? 'apart' : 'served'
}

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

/** Top-level members of the schema of a body. */
function membersOf(schema: { $ref?: string; properties?: object } = {}): string[] {
  const name = schema.$ref?.split('/').at(-1)
  const resolvedSchema = name === undefined ? schema : document.components.schemas[name]
  return Object.keys(resolvedSchema.properties ?? {})
}

/** The text of a body with added members, at its top and in each object within it. */
function withMember(value: unknown, member: string): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      withMember(item, member).map(
        (text) => `[${value.map((one, at) => (at === index ? text : JSON.stringify(one))).join()}]`,
      ),
    )
  }
  if (typeof value !== 'object' || value === null) return []
  const entries = Object.entries(value)
  const plain = entries.map(([key, one]) => `${JSON.stringify(key)}:${JSON.stringify(one)}`)
  const within = entries.flatMap(([key, one], index) =>
    withMember(one, member).map(
      (text) => `{${plain.with(index, `${JSON.stringify(key)}:${text}`).join()}}`,
    ),
  )
  return [`{${[...plain, `"${member}":"x"`].join()}}`, ...within]
}

const owners = {
  realmToken: 'nobody',
  integrationSecret: 'a client of the integration',
  apiKey: 'an admin key of the relying party',
  deviceProof: 'a device of the user',
  portalSession: 'the portal session of the user',
} as const

describe('a body with an unknown member', () => {
  const changing = operations.filter(
    (operation) => operation.method !== 'GET' && !factsOf(operation).openBody,
  )
  const callerOf = ({ scheme }: Operation) => (scheme === null ? 'nobody' : owners[scheme])
  /** A valid body, and one for a route that takes none. */
  const rightBody = async (operation: Operation): Promise<object> => {
    const body = await factsOf(operation).body?.(victim, await victim.phone())
    return (body ?? {}) as object
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
        // So few that the response names all of them.
        const size = 5
        const batches = Array.from({ length: Math.ceil(names.length / size) }, (_, index) =>
          names.slice(index * size, (index + 1) * size),
        )
        return batches.map((batch) => ({ operation, batch }))
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
