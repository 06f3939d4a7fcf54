import { describe, expect, test } from 'vitest'
import {
  type EntraBinding,
  entraClouds,
  entraDiscoveryUrl,
  entraIssuer,
  entraRedirectUri,
  hintAgeMaxSeconds,
  hintToleranceSeconds,
  isEntraRedirectUri,
  mayKeySign,
  readHint,
} from '../../src/domain/entra.ts'

const entraTenantId = '11111111-2222-3333-4444-555555555555'
const binding: EntraBinding = {
  cloud: 'global',
  entraTenantId,
  applicationId: '99999999-8888-7777-6666-555555555555',
}
const objectId = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
const now = new Date('2026-11-30T12:00:00Z')
const iat = now.getTime() / 1000

const claims = {
  ver: '2.0',
  iss: `https://login.microsoftonline.com/${entraTenantId}/v2.0`,
  aud: binding.applicationId,
  tid: entraTenantId,
  oid: objectId,
  sub: 'pairwise',
  iat,
  nbf: iat,
  // As in the documentation: it has expired when it comes.
  exp: iat - 1,
  preferred_username: 'ada@example.com',
  name: 'Ada Lovelace',
}

test('a genuine hint, which has expired, names the person by object id and pairwise subject', () => {
  expect(readHint(claims, binding, now)).toEqual({
    subject: 'pairwise',
    objectId,
    displayName: 'ada@example.com',
  })
})

describe('a hint counts for nothing', () => {
  test.each([
    ['of another tenant', { iss: claims.iss.replace('1', '2') }, 'hint_issuer'],
    ['of another cloud', { iss: claims.iss.replace('.com', '.us') }, 'hint_issuer'],
    ['of version 1', { ver: '1.0' }, 'hint_issuer'],
    ['whose tid is another one', { tid: objectId }, 'hint_tenant'],
    ['for another application', { aud: objectId }, 'hint_audience'],
    ['for two applications', { aud: [binding.applicationId, objectId] }, 'hint_audience'],
    ['without iat', { iat: undefined }, 'hint_time'],
    ['without exp', { exp: undefined }, 'hint_time'],
    ['with an exp that is no number', { exp: '1' }, 'hint_time'],
    ['with an nbf that is no number', { nbf: 'now' }, 'hint_time'],
    ['that had expired long before', { exp: iat - hintToleranceSeconds - 1 }, 'hint_time'],
    ['of later', { nbf: iat + hintToleranceSeconds + 1 }, 'hint_time'],
    ['that is old', { iat: iat - hintAgeMaxSeconds - 1 }, 'hint_old'],
    ['of the future', { iat: iat + hintAgeMaxSeconds + 1 }, 'hint_old'],
    ['without a person', { oid: undefined }, 'hint_person'],
    ['with another kind of person', { oid: 'ada@example.com' }, 'hint_person'],
    ['without a subject', { sub: undefined }, 'hint_person'],
    ['with an empty subject', { sub: '' }, 'hint_person'],
    ['with an endless subject', { sub: 'a'.repeat(256) }, 'hint_person'],
    ['with a subject that no text holds', { sub: 'a\0' }, 'hint_person'],
  ])('%s', (_, changes, fault) => {
    expect(readHint({ ...claims, ...changes }, binding, now)).toBe(fault)
  })

  test('at a time that is none', () => {
    expect(readHint(claims, binding, new Date(Number.NaN))).toBe('hint_old')
  })
})

test('up to its bounds a hint counts', () => {
  const last = hintAgeMaxSeconds
  const edge = { iat: iat - last, exp: iat - last - hintToleranceSeconds, aud: [claims.aud] }
  expect(readHint({ ...claims, ...edge, nbf: undefined }, binding, now)).toMatchObject({ objectId })
})

test('a name is shown as it is or not at all', () => {
  const nameIn = (changes: object) => readHint({ ...claims, ...changes }, binding, now)
  expect(nameIn({ preferred_username: undefined })).toMatchObject({ displayName: 'Ada Lovelace' })
  expect(nameIn({ preferred_username: 'ada\u202Emoc' })).toMatchObject({
    displayName: 'Ada Lovelace',
  })
  expect(nameIn({ preferred_username: 7, name: '' })).toMatchObject({ displayName: null })
})

test('a key signs for a tenant by its name or by the template of all tenants', () => {
  expect(mayKeySign('https://login.microsoftonline.com/{tenantid}/v2.0', binding)).toBe(true)
  expect(mayKeySign(entraIssuer(binding), binding)).toBe(true)
  expect(mayKeySign(`https://login.microsoftonline.com/${objectId}/v2.0`, binding)).toBe(false)
  expect(mayKeySign('https://login.microsoftonline.us/{tenantid}/v2.0', binding)).toBe(false)
  expect(mayKeySign(undefined, binding)).toBe(false)
})

test('each cloud has addresses of its own, those of the documentation', () => {
  expect(entraClouds.map(entraRedirectUri).every(isEntraRedirectUri)).toBe(true)
  for (const other of [
    'https://evil.example/common/federation/externalauthprovider',
    '',
    undefined,
  ]) {
    expect(isEntraRedirectUri(other)).toBe(false)
  }
  expect(entraClouds.map(entraRedirectUri)).toEqual([
    'https://login.microsoftonline.com/common/federation/externalauthprovider',
    'https://login.microsoftonline.us/common/federation/externalauthprovider',
    'https://login.partner.microsoftonline.cn/common/federation/externalauthprovider',
  ])
  expect(entraClouds.map(entraDiscoveryUrl)).toEqual([
    'https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration',
    'https://login.microsoftonline.us/common/v2.0/.well-known/openid-configuration',
    'https://login.partner.microsoftonline.cn/common/v2.0/.well-known/openid-configuration',
  ])
})
