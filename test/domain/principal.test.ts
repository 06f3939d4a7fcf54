import { expect, test } from 'vitest'
import {
  actorOf,
  credentialOf,
  type Door,
  type Principal,
  permittedAs,
} from '../../src/domain/principal.ts'
import { rpId, tenantId } from './examples.ts'

const party = { tenantId, rpId, rpName: 'Example Bank', namespaces: ['default'] }
const keyId = 'key_01h455vb4pex5vsknk084sn02q'
const integrationId = 'int_01h455vb4pex5vsknk084sn02q'
const byKey: Principal = { ...party, keyId, scopes: ['admin'] }
const byDoor: Door = { ...party, integrationId, policy: {} }

test('who asks with an API key is recorded by the key, ends with it, and is permitted as its relying party', () => {
  expect(actorOf(byKey)).toBe(`api_key:${keyId}`)
  expect(credentialOf(byKey)).toBe(keyId)
  expect(permittedAs(byKey)).toBe(rpId)
})

test('who asks through an integration is recorded by it, ends with it, and has no permission of its relying party', () => {
  expect(actorOf(byDoor)).toBe(`integration:${integrationId}`)
  expect(credentialOf(byDoor)).toBe(integrationId)
  expect(permittedAs(byDoor)).toBe(integrationId)
})
