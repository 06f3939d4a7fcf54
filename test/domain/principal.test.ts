import { expect, test } from 'vitest'
import {
  actorOf,
  credentialOf,
  type Door,
  type PortalEntrance,
  type Principal,
  permittedAs,
} from '../../src/domain/principal.ts'
import { rpId, tenantId } from './examples.ts'

const party = { tenantId, rpId, rpName: 'Example Bank', namespaces: ['default'] }
const keyId = 'key_01h455vb4pex5vsknk084sn02q'
const integrationId = 'int_01h455vb4pex5vsknk084sn02q'
const byKey: Principal = { ...party, keyId, scopes: ['admin'] }
const atPortal: PortalEntrance = { ...party, entrance: 'portal' }
const byDoor: Door = { ...party, integrationId, policy: {} }

test('a caller with an API key is recorded by the key, ends with it, and has its relying party’s rights', () => {
  expect(actorOf(byKey)).toBe(`api_key:${keyId}`)
  expect(credentialOf(byKey)).toBe(keyId)
  expect(permittedAs(byKey)).toBe(rpId)
})

test('a door’s caller is recorded by its integration, ends with it, without its relying party’s rights', () => {
  expect(actorOf(byDoor)).toBe(`integration:${integrationId}`)
  expect(credentialOf(byDoor)).toBe(integrationId)
  expect(permittedAs(byDoor)).toBe(integrationId)
})

test('a question of the portal is recorded as the service’s, because anybody may ask it', () => {
  expect(actorOf(atPortal)).toBe('service')
  expect(permittedAs(atPortal)).toBe(rpId)
})
