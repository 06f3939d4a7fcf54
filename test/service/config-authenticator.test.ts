import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../src/service/config.ts'
import { authenticatorSite } from '../../src/service/config-authenticator.ts'

const PUBLIC_ORIGIN = 'https://push.example.com'

function faultsOf(environment: Record<string, string>): readonly string[] {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n').slice(1)
  }
}

const siteOf = (environment: Record<string, string>, publicOrigin = PUBLIC_ORIGIN) =>
  authenticatorSite(readConfig(environment), publicOrigin)
const hashOf = (rpId: string) => createHash('sha256').update(rpId).digest('base64url')

describe('passkeys count that belong to', () => {
  test.each<[string, Record<string, string>, string, string]>([
    ['the public origin', { PUBLIC_ORIGIN }, PUBLIC_ORIGIN, 'push.example.com'],
    ['the stored one, where none is configured', {}, PUBLIC_ORIGIN, 'push.example.com'],
    [
      'the origin of the authenticator',
      { PUBLIC_ORIGIN, AUTHENTICATOR_ORIGIN: 'https://me.example.com:8443' },
      ...(['https://me.example.com:8443', 'me.example.com'] as const),
    ],
    [
      'a parent domain of its host',
      { PUBLIC_ORIGIN, WEBAUTHN_RP_ID: 'example.com' },
      ...([PUBLIC_ORIGIN, 'example.com'] as const),
    ],
    [
      'its host, named',
      { AUTHENTICATOR_ORIGIN: 'http://localhost:8080', WEBAUTHN_RP_ID: 'localhost' },
      ...(['http://localhost:8080', 'localhost'] as const),
    ],
  ])('%s', (_, environment, origin, rpId) => {
    expect(siteOf(environment)).toEqual({ origin, rpId, rpIdHash: hashOf(rpId) })
  })
})

describe('a configuration is refused', () => {
  const notIts = 'must be the host of the authenticator or a parent domain of it'
  test.each<[string, Record<string, string>, string]>([
    [
      'whose authenticator is not encrypted',
      { AUTHENTICATOR_ORIGIN: 'http://me.example.com' },
      'AUTHENTICATOR_ORIGIN: must be https; browsers have passkeys nowhere else',
    ],
    [
      'whose authenticator has a path',
      { AUTHENTICATOR_ORIGIN: 'https://me.example.com/app' },
      'AUTHENTICATOR_ORIGIN: must be scheme and host alone, without path, query or credentials, ' +
        'such as https://authenticator.example.com',
    ],
    ...['other.example.com', 'a.push.example.com', 'ush.example.com', 'com', 'example.org'].map(
      (rpId): [string, Record<string, string>, string] => [
        `whose RP ID is ${rpId}`,
        { PUBLIC_ORIGIN, WEBAUTHN_RP_ID: rpId },
        `WEBAUTHN_RP_ID: ${notIts}`,
      ],
    ),
    [
      'whose RP ID is that of the public origin beside another authenticator',
      {
        ...{ PUBLIC_ORIGIN, AUTHENTICATOR_ORIGIN: 'https://me.example.org' },
        WEBAUTHN_RP_ID: 'push.example.com',
      },
      `WEBAUTHN_RP_ID: ${notIts}`,
    ],
    [
      'whose RP ID stands alone',
      { WEBAUTHN_RP_ID: 'example.com' },
      'WEBAUTHN_RP_ID: requires PUBLIC_ORIGIN or AUTHENTICATOR_ORIGIN',
    ],
    [
      'whose RP ID is no host name',
      { PUBLIC_ORIGIN, WEBAUTHN_RP_ID: 'https://example.com' },
      'WEBAUTHN_RP_ID: must be a host name in lower case',
    ],
  ])('%s', (_, environment, fault) => {
    expect(faultsOf(environment)).toEqual([`  - ${fault}`])
  })
})
