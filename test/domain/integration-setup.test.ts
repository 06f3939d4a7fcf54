import { expect, test } from 'vitest'
import type { Integration, IntegrationSettings } from '../../src/domain/integration.ts'
import { integrationSetup } from '../../src/domain/integration-setup.ts'

const issuer = 'https://push.example/t/tnt_1/oidc'
const page = { asksAtOnce: true, codesAsOtp: false, enrollmentAllowed: false }
const entra = {
  ...page,
  kind: 'entra_external_mfa',
  cloud: 'china',
  entraTenantId: '11111111-2222-3333-4444-555555555555',
  applicationId: '99999999-8888-7777-6666-555555555555',
} as const
const code = {
  ...page,
  kind: 'oidc_code',
  redirectUris: ['https://id.example/callback'],
  clientAuthentication: 'client_secret_post',
  jwks: [],
  bareLoginHintAllowed: false,
  idTokenAlgorithm: 'RS256',
} as const

const setupOf = (settings: IntegrationSettings) => {
  const facts = { id: 'int_1', name: 'Microsoft sign-in', namespace: 'entra', settings }
  return integrationSetup(facts as Integration, issuer)
}

test('everything that Entra asks for is there to be pasted, and what it is pasted into', () => {
  expect(setupOf(entra)).toEqual({
    kind: 'entra_external_mfa',
    name: 'Microsoft sign-in',
    clientId: 'int_1',
    issuer,
    discoveryEndpoint: `${issuer}/.well-known/openid-configuration`,
    applicationId: entra.applicationId,
    replyUrl: `${issuer}/authorize`,
    redirectUri: 'https://login.partner.microsoftonline.cn/common/federation/externalauthprovider',
    redirectUris: {
      global: 'https://login.microsoftonline.com/common/federation/externalauthprovider',
      us_government: 'https://login.microsoftonline.us/common/federation/externalauthprovider',
      china: 'https://login.partner.microsoftonline.cn/common/federation/externalauthprovider',
    },
    graphPermissions: ['openid', 'profile'],
    steps: expect.any(Array),
  })
  const text = setupOf(entra)?.steps.join('\n')
  expect(text).toContain(`redirect URI (web) ${issuer}/authorize`)
  expect(text).toContain('Object ID looks alike')
  expect(text).toContain('in the namespace entra')
})

test('a client of the code flow gets what it is configured with, and how its requests are bound', () => {
  expect(setupOf(code)).toMatchObject({
    ...{ kind: 'oidc_code', clientId: 'int_1', issuer, scope: 'openid', namespace: 'entra' },
    discoveryEndpoint: `${issuer}/.well-known/openid-configuration`,
    redirectUris: code.redirectUris,
    clientAuthentication: 'client_secret_post',
    personParameter: 'login_hint',
    requestBinding: 'pushed_or_signed',
  })
  const bare = setupOf({ ...code, bareLoginHintAllowed: true })
  expect(bare).toMatchObject({ requestBinding: 'none_required' })
  expect(bare?.steps.join('\n')).toContain('where the browser can change it')
})

test('other kinds send nobody to a page of ours, and have no setup', () => {
  expect(setupOf({ kind: 'wait' })).toBeNull()
})

test('where people may add a first device, the steps say how they are let in', () => {
  for (const settings of [entra, code]) {
    const hint = /temporary code/
    expect(setupOf(settings)?.steps.join()).not.toMatch(hint)
    expect(setupOf({ ...settings, enrollmentAllowed: true })?.steps.join()).toMatch(hint)
  }
})
