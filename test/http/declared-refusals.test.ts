// Holds openapi.yaml to what the use cases can refuse.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type GivenRefusals, givenRefusals } from '../support/given-refusals.ts'

type Response = { readonly description?: string }
type Described = { readonly operationId: string; readonly responses: Record<string, Response> }
const text = readFileSync(path.resolve(import.meta.dirname, '../../openapi.yaml'), 'utf8')
const { paths } = parse(text) as { paths: Record<string, Record<string, Described>> }
const operations = Object.entries(paths).flatMap(([url, item]) =>
  Object.values(item).map((operation) => ({ url, ...operation })),
)

/** Codes that a route declares. */
function declaredBy(operationId: string): Set<string> {
  const found = operations.find((operation) => operation.operationId === operationId)
  const words = Object.values(found?.responses ?? {}).map(({ description = '' }) => description)
  return new Set(
    words.flatMap((one) => [...one.matchAll(/^- `(\w+)`:/gm)].map(([, code]) => `${code}`)),
  )
}

/** Who names a user by id names no namespace. */
const namesById = ({ operationId }: GivenRefusals) =>
  operations.some(
    ({ operationId: id, url }) =>
      id === operationId && /\{userId\}|\/(devices|reports)\//.test(url),
  )
/** The possession key is the least that there is: the guard asks for no more. */
const takesAnyKey = ({ operationId }: GivenRefusals) =>
  operations.some(({ operationId: id, url }) => id === operationId && url.startsWith('/device/v1/'))

/** What a use case can refuse and the route never says, and why. */
const neverSaid: Readonly<Record<string, readonly string[]>> = {
  // Told as facts, in the answer: why nobody can be asked, or why the device may not answer.
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
  // Of one device, which is then not asked; and of the challenge that was made a moment ago.
  createChallenge: ['platform_retired', 'app_too_old', 'not_found'],
  // The use case serves devices and the portal; each route has its own way in.
  reportFromPortal: ['proof_replayed', 'device_unregistered'],
  reportActivity: ['portal_session_invalid'],
  // An empty list.
  listUsers: ['not_found'],
  // The user is named by an id that was found.
  openEnrollmentOfUser: ['user_not_found'],
  // The tenant of a key that was let in is there, and so is what every user has.
  readPolicy: ['not_found'],
  replacePolicy: ['not_found'],
  changePolicy: ['not_found'],
  changeTenant: ['not_found'],
  readPushPause: ['not_found'],
  pausePushes: ['not_found'],
}
/** Doors say what became of a question in the words of their clients. */
const doors = ['askForRealm', 'askForRealmBySecret', 'askAndWait']

const given = givenRefusals().filter(({ operationId }) => !doors.includes(operationId))

/** Refusals that the route does not declare, save those that it can never say. */
function undeclared(route: GivenRefusals): string[] {
  const declared = declaredBy(route.operationId)
  return [...route.codes].filter(
    (code) =>
      !declared.has(code) &&
      !(code === 'namespace_not_granted' && namesById(route)) &&
      !(code === 'proof_key_not_allowed' && takesAnyKey(route)),
  )
}

describe('every refusal that a use case can make', () => {
  test('is found for nearly all routes, or this proves nothing', () => {
    expect(given.length).toBeGreaterThan(100)
    const silent = given
      .filter(({ codes }) => codes.size === 0)
      .map(({ operationId }) => operationId)
    expect(silent.length, silent.join()).toBeLessThan(40)
    const codes = new Set(given.flatMap((route) => [...route.codes]))
    for (const known of ['conflict', 'proof_replayed', 'identifiers_collide', 'passcode_wrong']) {
      expect(codes).toContain(known)
    }
  })

  test.each(given)('is declared by $operationId', (route) => {
    const reasons = neverSaid[route.operationId] ?? []
    expect(undeclared(route).filter((code) => !reasons.includes(code))).toEqual([])
  })

  test('has no exception that is not one any more', () => {
    const stale = Object.entries(neverSaid).flatMap(([operationId, codes]) => {
      const route = given.find((one) => one.operationId === operationId)
      const missing = route ? undeclared(route) : []
      return codes
        .filter((code) => !missing.includes(code))
        .map((code) => `${operationId}: ${code}`)
    })
    expect(stale).toEqual([])
  })
})
