import { describe, expect, test } from 'vitest'
import { hasSecret, promptSettingsOf } from '../../src/domain/integration.ts'
import {
  type PromptSettings,
  promptSettingsFault,
  redirectUrisOf,
} from '../../src/domain/prompt-settings.ts'

const page = { asksAtOnce: true, codesAsOtp: false, enrollmentAllowed: false }
const code = {
  ...page,
  kind: 'oidc_code',
  redirectUris: ['https://id.example/callback?of=us', 'http://localhost:8080/', 'http://[::1]/'],
  clientAuthentication: 'client_secret_basic',
  jwks: [{ kid: 'a' }, { kid: 'b' }],
  bareLoginHintAllowed: false,
  idTokenAlgorithm: 'RS256',
} as const satisfies PromptSettings
const entra = {
  ...page,
  kind: 'entra_external_mfa',
  cloud: 'global',
  entraTenantId: '11111111-2222-3333-4444-555555555555',
  applicationId: '99999999-8888-7777-6666-555555555555',
} as const satisfies PromptSettings

test('settings that a browser and every parser read alike can be used', () => {
  expect(promptSettingsFault(code)).toBeUndefined()
  expect(promptSettingsFault(entra)).toBeUndefined()
  const byKey = { ...code, clientAuthentication: 'private_key_jwt' } as const
  expect(promptSettingsFault(byKey)).toBeUndefined()
})

test('answers go to the addresses on the list, those of Entra to the one of its cloud', () => {
  expect(redirectUrisOf(code)).toBe(code.redirectUris)
  expect(redirectUrisOf({ ...entra, cloud: 'china' })).toEqual([
    'https://login.partner.microsoftonline.cn/common/federation/externalauthprovider',
  ])
})

describe('no answer goes to a redirect URI', () => {
  test.each([
    'http://id.example/callback',
    'https://id.example',
    'HTTPS://id.example/callback',
    'https://id.example/a/../callback',
    'https://ada@id.example/callback',
    'https://:secret@id.example/callback',
    'https://id.example/callback#part',
    'https://id.example/callback#',
    'http://localhost.example/callback',
    'http://127.0.0.2/callback',
    'javascript:alert(1)',
    'app.example:/callback',
    '/callback',
    'https://*.id.example/callback',
    'https://id.example/*',
  ])('%s', (uri) => {
    expect(promptSettingsFault({ ...code, redirectUris: [uri] })).toMatch(/^A redirect URI is/)
  })
})

test('a redirect URI that is spelled otherwise is answered with its plain spelling', () => {
  const redirectUris = ['https://id.example']
  expect(promptSettingsFault({ ...code, redirectUris })).toMatch(/: https:\/\/id\.example\/$/)
})

test('the ids of an organisation in Entra and of its application are two', () => {
  const { entraTenantId } = entra
  expect(promptSettingsFault({ ...entra, applicationId: entraTenantId })).toMatch(/are equal/)
  const personal = '9188040d-6c67-4c5b-b112-36a304b66dad'
  expect(promptSettingsFault({ ...entra, entraTenantId: personal })).toMatch(/personal accounts/)
})

test('nothing is there twice, and a client that signs has keys', () => {
  const [uri] = code.redirectUris
  expect(promptSettingsFault({ ...code, redirectUris: [uri, uri] })).toMatch(/repeated/)
  expect(promptSettingsFault({ ...code, jwks: [{ kid: 'a' }, { kid: 'a' }] })).toMatch(/kid/)
  const byKey = { ...code, clientAuthentication: 'private_key_jwt', jwks: [] } as const
  expect(promptSettingsFault(byKey)).toMatch(/public keys/)
})

test('a client has a secret of ours unless it signs, or is Entra', () => {
  expect(hasSecret(code)).toBe(true)
  expect(hasSecret({ ...code, clientAuthentication: 'private_key_jwt' })).toBe(false)
  expect(hasSecret(entra)).toBe(false)
})

test('two kinds of doors send the browser to a page of ours', () => {
  expect(promptSettingsOf(code)).toBe(code)
  expect(promptSettingsOf(entra)).toBe(entra)
  expect(promptSettingsOf({ kind: 'wait' })).toBeUndefined()
})
