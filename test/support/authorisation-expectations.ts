// Who may call what: every route of openapi.yaml, every kind of caller, and what each is answered.

import type { ProblemCode } from '../../src/platform/http/problem-table.ts'
import { routeFacts, tenantWide } from './authorisation-routes.ts'
import { openApiFile } from './openapi-file.ts'

export type Scheme = 'realmToken' | 'integrationSecret' | 'apiKey' | 'deviceProof' | 'portalSession'
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Operation = {
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

// The routes of the Auth API, with their own wire format, are tested in
// test/e2e/doors/auth-api-callers.test.ts, those of OAuth in
// test/prompts/client-authentication.test.ts.
export const ownFormats = [
  '/auth/v2/',
  '/rest/v1/',
  '/t/{tenantId}/oidc/token',
  '/t/{tenantId}/oidc/par',
]
const paths = Object.entries<Record<string, never>>(openApiFile.paths).filter(
  ([path]) => !ownFormats.some((one) => path.startsWith(one)),
)
export const operations: Operation[] = paths.flatMap(([path, methods]) =>
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
      body: requestBody?.content['application/json']?.schema,
    }
  }),
)

export const callers = [
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
export type Caller = (typeof callers)[number]

/** The folder of the path's id; undefined where the path names nothing. */
export const folderOf = ({ path }: Operation) => /([a-z0-9-]+)\/\{/.exec(path)?.[1]

export function factsOf({ name }: Operation) {
  const facts = routeFacts[name]
  if (!facts) throw new Error(`${name} has no row in test/support/authorisation-routes.ts`)
  return facts
}

export const schemes: Readonly<Record<Caller, Scheme | null>> = Object.fromEntries(
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
export function expectedRefusal(operation: Operation, caller: Caller): ProblemCode | null {
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

export type Cell = { readonly operation: Operation; readonly caller: Caller }
export const cells: Cell[] = operations.flatMap((operation) =>
  callers.map((caller) => ({ operation, caller })),
)
/**
 * Each cell has one of these: open to all, refused, served to an outsider without access to the
 * object, or served with the object.
 */
export function kindOf({ operation, caller }: Cell): 'open' | 'refused' | 'apart' | 'served' {
  if (operation.scheme === null) return 'open'
  if (expectedRefusal(operation, caller) !== (factsOf(operation).granted ?? null)) return 'refused'
  return outsiders.has(caller) && !isShared(operation, caller) ? 'apart' : 'served'
}
