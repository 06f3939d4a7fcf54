import { describe, expect, test } from 'vitest'
import {
  hasSecret,
  type IntegrationPlan,
  integrationPolicyFields,
  numberIn,
  planChanges,
  planFault,
  planOf,
} from '../../src/domain/integration.ts'
import { policyOf } from '../../src/domain/policy.ts'
import { plainMapping } from '../../src/domain/user-name.ts'

const id = 'int_01jv9z3k8we2tvn4qh6yrx7b5c' as const
const plan: IntegrationPlan = {
  name: 'VPN',
  settings: { kind: 'wait' },
  numberMode: 'caller',
  namespace: 'staff',
  userNames: plainMapping,
  allowedAddresses: [],
  policy: {},
  ttlSeconds: null,
  status: 'active',
}
const relyingParty = { id, namespaces: ['staff'], policy: policyOf({}) }
const permitting = policyOf({ profile: 'compat', numberNoneAllowedFor: [id] })

describe('an integration plan', () => {
  test('that is within its limits is accepted', () => {
    expect(planFault(plan, relyingParty)).toBeUndefined()
    expect(
      planFault({ ...plan, policy: { userVerification: 'required' } }, relyingParty),
    ).toBeUndefined()
  })

  test('cannot reach users of a namespace that its relying party was not granted', () => {
    expect(planFault({ ...plan, namespace: 'others' }, relyingParty)?.refused).toBe(
      'namespace_not_granted',
    )
  })

  test('cannot be laxer than its relying party', () => {
    const fault = planFault({ ...plan, policy: { numberDigits: 2 } }, relyingParty)
    expect(fault).toMatchObject({ refused: 'policy_laxer', facts: { field: 'numberDigits' } })
  })

  test('with a page of ours has sound settings, and always shows a number', () => {
    const settings = {
      kind: 'oidc_code',
      redirectUris: ['https://id.example.com/callback'],
      clientAuthentication: 'client_secret_basic',
      jwks: [],
      bareLoginHintAllowed: false,
      idTokenAlgorithm: 'RS256',
      asksAtOnce: true,
      codesAsOtp: false,
      enrollmentAllowed: false,
    } as const
    expect(planFault({ ...plan, settings }, relyingParty)).toBeUndefined()
    const unsound = { ...settings, redirectUris: ['http://id.example.com/callback'] }
    expect(planFault({ ...plan, settings: unsound }, relyingParty)?.refused).toBe('invalid_request')
    const withoutNumber = { ...plan, settings, numberMode: 'none' } as const
    expect(planFault(withoutNumber, relyingParty)?.refused).toBe('invalid_request')
  })

  test('that allows version 1 of the Auth API names the addresses of its clients', () => {
    const settings = {
      kind: 'duo_auth_api',
      sha1Allowed: false,
      failOpenAllowed: false,
      enrollmentAllowed: false,
      legacyV1Allowed: true,
    } as const
    const from = (...allowedAddresses: string[]) =>
      planFault({ ...plan, settings, allowedAddresses }, relyingParty)
    expect(from()).toMatchObject({
      refused: 'invalid_request',
      hint: expect.stringContaining('`allowedAddresses`'),
    })
    expect(from('192.0.2.7')).toBeUndefined()
    const newer = { ...settings, legacyV1Allowed: false }
    expect(planFault({ ...plan, settings: newer }, relyingParty)).toBeUndefined()
  })

  test('cannot map names in an unsound way', () => {
    const userNames = { ...plainMapping, template: 'root' }
    expect(planFault({ ...plan, userNames }, relyingParty)?.refused).toBe('invalid_request')
  })

  test('omits the number only while the policy names this very integration', () => {
    const none = { ...plan, numberMode: 'none' } as const
    expect(planFault(none, { ...relyingParty, policy: permitting })).toBeUndefined()
    for (const facts of [
      relyingParty,
      { ...relyingParty, policy: permitting, id: null },
      { ...relyingParty, policy: permitting, id: 'int_01jv9z3k8we2tvn4qh6yrx7b5d' as const },
    ]) {
      expect(planFault(none, facts)?.refused).toBe('number_none_not_allowed')
    }
  })
})

test('only fields that are decided when a challenge is created can be set: others would have no effect', () => {
  expect([...integrationPolicyFields].sort()).toEqual([
    'appVersionsMin',
    'companionsMayAnswer',
    'numberDigits',
    'protocolVersionMin',
    'pushSignIn',
    'retiredPlatforms',
    'userVerification',
    'wrongNumbersMax',
  ])
})

test('clients authenticate by a secret, except realms that sign what they send', () => {
  const realm = { kind: 'keycloak_ciba', issuers: [], clientIds: [] } as const
  expect(hasSecret({ kind: 'wait' })).toBe(true)
  expect(
    hasSecret({
      kind: 'duo_auth_api',
      sha1Allowed: false,
      failOpenAllowed: false,
      enrollmentAllowed: false,
      legacyV1Allowed: false,
    }),
  ).toBe(true)
  expect(hasSecret({ ...realm, secretInPath: true })).toBe(true)
  expect(hasSecret({ ...realm, secretInPath: false })).toBe(false)
})

test('changes name the differing fields, in any order of members', () => {
  const storedPlan = { ...plan, userNames: { ...plainMapping } }
  const reorderedMapping = Object.fromEntries(Object.entries(plainMapping).reverse())
  const next = { ...storedPlan, name: 'SSH', userNames: reorderedMapping as typeof plainMapping }
  expect(planChanges(storedPlan, next)).toEqual({ name: { before: 'VPN', after: 'SSH' } })
  expect(planChanges(storedPlan, { ...storedPlan, allowedAddresses: ['192.0.2.1'] })).toEqual({
    allowedAddresses: { before: [], after: ['192.0.2.1'] },
  })
})

test('a plan contains the decided fields and nothing else', () => {
  expect(planOf({ ...plan, secret: 'x' } as IntegrationPlan)).toEqual(plan)
})

describe('the number in a message', () => {
  test.each([
    ['483920', '483920'],
    ['Login-483920', '483920'],
    ['at 14:05 with 00483920!', '00483920'],
  ])('of %j is %s', (text, number) => expect(numberIn(text)).toBe(number))

  test.each(['', 'W4SCT', '48392', '483920483', '483920 and 112233', '٤٨٣٩٢٠', '48392٠'])(
    'of %j is not guessed',
    (text) => expect(numberIn(text)).toBeUndefined(),
  )
})
