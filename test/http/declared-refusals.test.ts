// Checks openapi.yaml against the refusals of the use cases.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type RouteRefusals, routeRefusals } from '../support/route-refusals.ts'

type Response = { readonly description?: string }
type Operation = { readonly operationId: string; readonly responses: Record<string, Response> }
const text = readFileSync(path.resolve(import.meta.dirname, '../../openapi.yaml'), 'utf8')
const { paths } = parse(text) as { paths: Record<string, Record<string, Operation>> }
const operations = Object.entries(paths).flatMap(([url, item]) =>
  Object.values(item).map((operation) => ({ url, ...operation })),
)

/** Codes that a route declares. */
function declaredBy(operationId: string): Set<string> {
  const match = operations.find((operation) => operation.operationId === operationId)
  const descriptions = Object.values(match?.responses ?? {}).map(
    ({ description = '' }) => description,
  )
  return new Set(
    descriptions.flatMap((one) => [...one.matchAll(/^- `(\w+)`:/gm)].map(([, code]) => `${code}`)),
  )
}

/** A route that names a user by id names no namespace. */
const namesById = ({ operationId }: RouteRefusals) =>
  operations.some(
    ({ operationId: id, url }) =>
      id === operationId && /\{userId\}|\/(devices|reports)\//.test(url),
  )
/** The possession key is the least that there is: the guard requires no more. */
const takesAnyKey = ({ operationId }: RouteRefusals) =>
  operations.some(({ operationId: id, url }) => id === operationId && url.startsWith('/device/v1/'))

/** Refusals of a use case that its route never returns, and why. */
const neverSaid: Readonly<Record<string, readonly string[]>> = {
  // Part of the answer, as facts: why nobody can be asked, or why the device may not answer.
  readUserReadiness: [
    'number_too_short',
    'platform_retired',
    'app_too_old',
    'user_suspended',
    'push_locked',
    'initiator_blocked',
    'too_many_pending',
    'no_capable_device',
  ],
  readSelf: ['not_found', 'user_suspended', 'push_locked'],
  // Of one device, which is then not asked; and of the challenge that was just created.
  createChallenge: ['platform_retired', 'app_too_old', 'not_found'],
  // The use case serves devices and the portal; each route has its own way in.
  reportFromPortal: ['proof_replayed', 'device_unregistered'],
  reportActivity: ['portal_session_invalid'],
  // An empty list.
  listUsers: ['not_found'],
  // The user is named by the id of an existing user.
  openEnrollmentOfUser: ['user_not_found'],
  // The tenant of an authenticated key exists, and so does what every user has.
  readPolicy: ['not_found'],
  replacePolicy: ['not_found'],
  changePolicy: ['not_found'],
  changeTenant: ['not_found'],
  readPushPause: ['not_found'],
  pausePushes: ['not_found'],
}
/** Doors report the outcome of a challenge in the format of their clients. */
const doors = ['askForRealm', 'askForRealmBySecret', 'askAndWait']

const apiRouteRefusals = routeRefusals().filter(({ operationId }) => !doors.includes(operationId))

/** Refusals that the route does not declare, except those that it can never return. */
function undeclaredCodes(route: RouteRefusals): string[] {
  const declaredCodes = declaredBy(route.operationId)
  return [...route.codes].filter(
    (code) =>
      !declaredCodes.has(code) &&
      !(code === 'namespace_not_granted' && namesById(route)) &&
      !(code === 'proof_key_not_allowed' && takesAnyKey(route)),
  )
}

describe('every refusal that a use case can make', () => {
  test('is found for nearly all routes, or this test proves nothing', () => {
    expect(apiRouteRefusals.length).toBeGreaterThan(100)
    const silent = apiRouteRefusals
      .filter(({ codes }) => codes.size === 0)
      .map(({ operationId }) => operationId)
    expect(silent.length, silent.join()).toBeLessThan(40)
    const codes = new Set(apiRouteRefusals.flatMap((route) => [...route.codes]))
    for (const expectedCode of [
      'conflict',
      'proof_replayed',
      'identifiers_collide',
      'passcode_wrong',
    ]) {
      expect(codes).toContain(expectedCode)
    }
  })

  test.each(apiRouteRefusals)('is declared by $operationId', (route) => {
    const reasons = neverSaid[route.operationId] ?? []
    expect(undeclaredCodes(route).filter((code) => !reasons.includes(code))).toEqual([])
  })

  test('has no exception that is obsolete', () => {
    const stale = Object.entries(neverSaid).flatMap(([operationId, codes]) => {
      const route = apiRouteRefusals.find((one) => one.operationId === operationId)
      const missing = route ? undeclaredCodes(route) : []
      return codes
        .filter((code) => !missing.includes(code))
        .map((code) => `${operationId}: ${code}`)
    })
    expect(stale).toEqual([])
  })
})
