import { expect, test } from 'vitest'
import { issuerOf, oidcIssuerOf } from '../../src/domain/issuer.ts'
import { tenantId } from './examples.ts'

test('every tenant of an installation signs under an issuer of its own', () => {
  expect(issuerOf('https://push.example.com', tenantId)).toBe(
    `https://push.example.com/t/${tenantId}`,
  )
  expect(oidcIssuerOf('https://push.example.com', tenantId)).toBe(
    `https://push.example.com/t/${tenantId}/oidc`,
  )
})
