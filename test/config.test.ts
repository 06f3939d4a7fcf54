import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { configurationPage } from '../scripts/configuration.ts'
import { ConfigError, readConfig } from '../src/service/config.ts'
import { variables } from '../src/service/config-variables.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'cs-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function fileWith(name: string, text: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, text)
  return file
}

const masterKey = Buffer.alloc(32, 7).toString('base64url')
const pem = '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n'
const account = {
  project_id: 'p',
  client_email: 'push@p.example',
  private_key: pem,
  private_key_id: 'id',
}
const apns = {
  APNS_KEY: pem,
  APNS_KEY_ID: 'ABCDE12345',
  APNS_TEAM_ID: 'TEAM123456',
  APNS_BUNDLE_ID: 'com.example.app',
}
const fcm = { FCM_SERVICE_ACCOUNT: JSON.stringify(account), FCM_APP_ID: 'com.example.app' }

/** The faults of this environment, one per line; fails if there are none. */
function faultsOf(environment: Record<string, string>): string[] {
  try {
    readConfig(environment)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message.split('\n').slice(1)
  }
  throw new Error('the configuration was accepted')
}

describe('an empty environment', () => {
  test('is a complete configuration: loopback, own database, no push', () => {
    expect(readConfig({})).toMatchObject({
      publicOrigin: null,
      host: '127.0.0.1',
      port: 8080,
      role: 'all',
      database: { url: null },
      masterKeys: { current: null, previous: [] },
      apns: null,
      fcm: null,
    })
  })

  test('equals one whose variables are set to nothing', () => {
    const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, '']))
    expect(readConfig(empty)).toEqual(readConfig({}))
  })

  test('gives a configuration that nobody can change afterwards', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true)
  })
})

describe('the proxy for pushes', () => {
  test('serves both providers, with the credentials in its address', () => {
    const { pushEndpoints } = readConfig({ PUSH_PROXY: 'http://us%40er:p%C3%A4ss@[::1]:3128' })
    const proxy = { host: '::1', port: 3128, credentials: { user: 'us@er', password: 'päss' } }
    expect(pushEndpoints).toMatchObject({ apns: { proxy }, fcm: { proxy } })
    expect(readConfig({ PUSH_PROXY: 'http://proxy' }).pushEndpoints.apns.proxy).toEqual({
      host: 'proxy',
      port: 80,
      credentials: null,
    })
    expect(readConfig({}).pushEndpoints.apns).not.toHaveProperty('proxy')
  })

  test.each(['https://proxy:3128', 'http://proxy/path', 'proxy:3128', 'http://canary%ff@proxy'])(
    'the proxy for pushes is not %s, and the fault does not repeat it',
    (value) => {
      const faults = faultsOf({ PUSH_PROXY: value }).join('\n')
      expect(faults).toContain('- PUSH_PROXY: must be an address')
      expect(faults).not.toContain('canary')
    },
  )
})

describe('configuration faults', () => {
  test('are all reported together, each with its variable', () => {
    const faults = faultsOf({
      PORT: '70000',
      ROLE: 'boss',
      LOG_LEVEL: 'loud',
      MASTER_KEY: 'short',
      METRICS_TOKEN: 'short',
      DATABASE_URL: 'mysql://localhost/x',
      DATABASE_CONNECTIONS: '1',
      REDIS_URL: 'http://localhost',
      APNS_ADDRESS: 'nowhere',
    })
    expect(faults.map((line) => /- ([A-Z_]+): /.exec(line)?.[1]).sort()).toEqual([
      'APNS_ADDRESS',
      'DATABASE_CONNECTIONS',
      'DATABASE_URL',
      'LOG_LEVEL',
      'MASTER_KEY',
      'METRICS_TOKEN',
      'PORT',
      'REDIS_URL',
      'ROLE',
    ])
  })

  test('of several variables together are reported together, too', () => {
    const faults = faultsOf({
      PUBLIC_ORIGIN: 'http://approve.example.com',
      DATABASE_URL: 'postgresql://localhost/x',
      APNS_KEY_ID: 'ABCDE12345',
      FCM_APP_ID: 'com.example.app',
    }).join('\n')
    for (const name of ['PUBLIC_ORIGIN', 'MASTER_KEY', 'APNS_TEAM_ID', 'APNS_BUNDLE_ID']) {
      expect(faults).toContain(`- ${name}: `)
    }
    expect(faults).toContain('APNS_KEY or APNS_KEY_FILE: is missing')
    expect(faults).toContain('FCM_SERVICE_ACCOUNT or FCM_SERVICE_ACCOUNT_FILE: is missing')
  })

  test('of one variable hide none of several, and do not count it as missing as well', () => {
    const faults = faultsOf({
      PORT: 'abc',
      PUBLIC_ORIGIN: 'http://example.com',
      DATABASE_URL: 'postgresql://x/y',
      APNS_KEY_ID: 'short',
      APNS_KEY_FILE: path.join(folder, 'none'),
      APNS_CA_FILE: path.join(folder, 'none'),
      FCM_SERVICE_ACCOUNT: '{}',
    })
    expect(faults.map((line) => line.trim()).sort()).toEqual([
      '- APNS_BUNDLE_ID: is missing; APNS_KEY or APNS_KEY_FILE, APNS_KEY_ID, APNS_TEAM_ID need it',
      '- APNS_CA_FILE: names no file that can be read',
      '- APNS_KEY_FILE: names no file that can be read',
      '- APNS_KEY_ID: must be ten characters',
      '- APNS_TEAM_ID: is missing; APNS_KEY or APNS_KEY_FILE, APNS_KEY_ID, APNS_BUNDLE_ID need it',
      '- FCM_APP_ID: is missing; FCM_SERVICE_ACCOUNT or FCM_SERVICE_ACCOUNT_FILE needs it',
      '- FCM_SERVICE_ACCOUNT: is not the JSON of a service account',
      '- MASTER_KEY: is required with DATABASE_URL; make one with: openssl rand 32 | basenc --base64url',
      '- PORT: must be a whole number from 0 to 65535',
      '- PUBLIC_ORIGIN: must be https; phones send their proofs there',
    ])
  })

  test.each([
    [{ MASTER_KEY: 'short', DATABASE_URL: 'postgresql://x/y' }, /^MASTER_KEY: must be 32 bytes/],
    [{ PORT: '0x50' }, /^PORT: must be a whole number from 0 to 65535$/],
    [{ PORT: '-1' }, /^PORT: must be a whole number from 0 to 65535$/],
    [
      { DATABASE_CONNECTIONS: '1.5' },
      /^DATABASE_CONNECTIONS: must be a whole number from 2 to 200$/,
    ],
    [{ ROLE: 'boss' }, /^ROLE: must be one of all, api, worker$/],
    [{ PUBLIC_ORIGIN: 'here' }, /^PUBLIC_ORIGIN: must be an address such as https:/],
    [{ REDIS_URL: 'here' }, /^REDIS_URL: must be an address such as redis:/],
    [{ METRICS_TOKEN: 'x' }, /^METRICS_TOKEN: must have at least 16 characters$/],
  ])('%j is reported with what is allowed there, once', (environment, message) => {
    const [fault = '', ...more] = faultsOf(environment)
    expect(more).toEqual([])
    expect(fault.replace('  - ', '')).toMatch(message)
  })

  test('never show a value', () => {
    const canary = 'canary-5f2c'
    const secrets = [
      { MASTER_KEY: canary },
      { MASTER_KEY_PREVIOUS: `${masterKey},${canary}` },
      { DATABASE_URL: `mysql://user:${canary}@localhost/x` },
      { REDIS_URL: `http://user:${canary}@localhost` },
      { METRICS_TOKEN: canary },
      { ...apns, APNS_KEY: canary },
      { ...apns, APNS_KEY: `${canary} PRIVATE KEY`, APNS_KEY_ID: canary },
      { ...fcm, FCM_SERVICE_ACCOUNT: `{"private_key":"${canary}"}` },
      { ...fcm, FCM_SERVICE_ACCOUNT: canary },
    ]
    for (const environment of secrets) {
      expect(faultsOf(environment).join('\n')).not.toContain(canary)
    }
  })
})

describe('the public origin', () => {
  test.each(['http://approve.example.com', 'http://10.0.0.1:8080', 'http://localhost.example.com'])(
    '%s is refused: phones send their proofs there',
    (origin) => {
      expect(faultsOf({ PUBLIC_ORIGIN: origin }).join()).toContain('must be https')
    },
  )

  test.each([
    'http://localhost:8080',
    'http://demo.localhost',
    'http://127.0.0.1:1',
    'http://[::1]:1',
    'https://approve.example.com',
  ])('%s is accepted', (origin) => {
    expect(readConfig({ PUBLIC_ORIGIN: origin }).publicOrigin).toBe(origin)
  })

  test.each(['https://approve.example.com/', 'HTTPS://Approve.Example.com:443'])(
    '%s is accepted in its one spelling: part of every issuer',
    (text) => {
      expect(readConfig({ PUBLIC_ORIGIN: text }).publicOrigin).toBe('https://approve.example.com')
    },
  )

  test.each([
    'https://approve.example.com/countersign',
    'https://approve.example.com//',
    'https://approve.example.com/?y',
    'https://approve.example.com/#y',
    'https://user:password@approve.example.com',
  ])('%s is refused in one line: anything after the host would be lost', (text) => {
    expect(faultsOf({ PUBLIC_ORIGIN: text })).toEqual([
      '  - PUBLIC_ORIGIN: must be scheme and host alone, without path, query or credentials, such as https://approve.example.com',
    ])
  })

  test.each(['approve.example.com', 'ftp://example.com', 'https://'])(
    '%s is not an origin',
    (text) => {
      expect(faultsOf({ PUBLIC_ORIGIN: text })).toHaveLength(1)
    },
  )
})

describe('the master key', () => {
  test('is required with a database of your own: a generated one could be lost', () => {
    const url = 'postgresql://localhost/x'
    expect(faultsOf({ DATABASE_URL: url }).join()).toContain('MASTER_KEY: is required')
    expect(readConfig({ DATABASE_URL: url, MASTER_KEY: masterKey }).database.url).toBe(url)
  })

  test('is 32 bytes; previous ones are a list of the same', () => {
    const previous = [1, 2].map((byte) => Buffer.alloc(32, byte))
    const { masterKeys } = readConfig({
      MASTER_KEY: masterKey,
      MASTER_KEY_PREVIOUS: previous.map((key) => key.toString('base64url')).join(', '),
    })
    expect(masterKeys).toEqual({ current: Buffer.alloc(32, 7), previous })
    expect(faultsOf({ MASTER_KEY: Buffer.alloc(31).toString('base64url') })).toHaveLength(1)
    expect(faultsOf({ MASTER_KEY: Buffer.alloc(33).toString('base64url') })).toHaveLength(1)
  })
})

describe('a push provider', () => {
  test.each(Object.keys(apns))('APNs without %s is refused at start', (missing) => {
    const half = Object.fromEntries(Object.entries(apns).filter(([name]) => name !== missing))
    expect(faultsOf(half).join()).toContain(missing)
  })

  test.each(Object.keys(fcm))('FCM without %s is refused at start', (missing) => {
    const half = Object.fromEntries(Object.entries(fcm).filter(([name]) => name !== missing))
    expect(faultsOf(half).join()).toContain(missing)
  })

  test('takes its credentials inline or from a file, not both', () => {
    const APNS_KEY_FILE = fileWith('key.p8', pem)
    const FCM_SERVICE_ACCOUNT_FILE = fileWith('account.json', JSON.stringify(account))
    const { APNS_KEY: _key, ...names } = apns
    const inline = readConfig({ ...apns, ...fcm })
    const files = readConfig({
      ...names,
      APNS_KEY_FILE,
      FCM_SERVICE_ACCOUNT_FILE,
      FCM_APP_ID: fcm.FCM_APP_ID,
    })
    expect(files).toEqual(inline)
    expect(inline.apns?.key.pem).toBe(pem)
    const both = faultsOf({ ...apns, ...fcm, APNS_KEY_FILE, FCM_SERVICE_ACCOUNT_FILE }).join('\n')
    expect(both).toContain('APNS_KEY: set it or APNS_KEY_FILE')
    expect(both).toContain('FCM_SERVICE_ACCOUNT: set it or FCM_SERVICE_ACCOUNT_FILE')
  })

  const escapedKey = pem.replaceAll('\n', '\\n')

  test.each([
    ['\\n', escapedKey],
    ['\\r\\n', pem.replaceAll('\n', '\\r\\n')],
  ])('takes a key whose lines an env file has joined by %s', (_, joinedKey) => {
    expect(readConfig({ ...apns, APNS_KEY: joinedKey }).apns?.key.pem).toBe(pem)
    const FCM_SERVICE_ACCOUNT = JSON.stringify({ ...account, private_key: joinedKey })
    expect(readConfig({ ...fcm, FCM_SERVICE_ACCOUNT }).fcm?.serviceAccount.private_key).toBe(pem)
  })

  test('takes a service account whose key has real line ends', () => {
    const FCM_SERVICE_ACCOUNT = JSON.stringify(account, null, 2).replaceAll('\\n', '\n')
    expect(() => JSON.parse(FCM_SERVICE_ACCOUNT)).toThrow()
    expect(readConfig({ ...fcm, FCM_SERVICE_ACCOUNT }).fcm?.serviceAccount).toEqual(account)
  })

  test('with a file that cannot be read is refused', () => {
    const { APNS_KEY: _key, ...names } = apns
    const faults = faultsOf({ ...names, APNS_KEY_FILE: path.join(folder, 'none') }).join('\n')
    expect(faults).toContain('APNS_KEY_FILE: names no file that can be read')
    expect(faults).not.toContain(folder)
  })

  test('with something that is no key or no service account is refused', () => {
    expect(faultsOf({ ...apns, APNS_KEY: 'certificate' }).join()).toContain('APNS_KEY: ')
    for (const text of ['{', '[]', '{}', JSON.stringify({ ...account, private_key: 'x' })]) {
      expect(faultsOf({ ...fcm, FCM_SERVICE_ACCOUNT: text }).join()).toContain(
        'FCM_SERVICE_ACCOUNT: is not the JSON of a service account',
      )
    }
  })

  test('may be reached at another address, under a certificate authority of its own', () => {
    const ca = fileWith('ca.pem', 'certificate')
    const config = readConfig({
      ...apns,
      APNS_ADDRESS: 'localhost:2197',
      APNS_CA_FILE: ca,
      ...fcm,
      FCM_ADDRESS: 'localhost:2198',
      FCM_CA_FILE: ca,
    })
    expect(config.apns).toMatchObject({ address: { host: 'localhost', port: 2197 } })
    expect(config.fcm).toMatchObject({ address: { host: 'localhost', port: 2198 } })
    expect([config.apns?.ca, config.fcm?.ca]).toEqual([['certificate'], ['certificate']])
  })
})

describe('apps whose attestations count', () => {
  const [one, two] = ['aB'.repeat(32), '0c'.repeat(32)]

  test('are none unless they are listed', () => {
    const none = { androidApps: [], appleApps: [], revocationsFile: null }
    expect(readConfig({}).attestation).toEqual(none)
  })

  test('are listed with their signers; an Android app may have several', () => {
    const file = fileWith('status.json', '{"entries":{}}')
    const { attestation } = readConfig({
      ATTESTATION_ANDROID_APPS: `com.example.app:${one}, com.example.beta:${two},com.example.app:${two}`,
      ATTESTATION_APPLE_APPS: 'ABCDE12345.com.example.app,ABCDE12345.com.example.beta:development',
      ATTESTATION_REVOCATIONS_FILE: file,
    })
    const teamId = 'ABCDE12345'
    expect(attestation).toEqual({
      androidApps: [
        { packageName: 'com.example.app', signers: [one.toLowerCase(), two] },
        { packageName: 'com.example.beta', signers: [two] },
      ],
      appleApps: [
        { teamId, bundleId: 'com.example.app', development: false },
        { teamId, bundleId: 'com.example.beta', development: true },
      ],
      revocationsFile: file,
    })
  })

  test('are reported at start when misspelt, as is a missing revocation list', () => {
    const faults = faultsOf({
      ATTESTATION_ANDROID_APPS: `com.example.app:${one},com.example.beta`,
      ATTESTATION_APPLE_APPS: 'com.example.app',
    }).join()
    expect(faults).toContain('ATTESTATION_ANDROID_APPS')
    expect(faults).toContain('ATTESTATION_APPLE_APPS')
    const missingFile = path.join(folder, 'gone.json')
    expect(faultsOf({ ATTESTATION_REVOCATIONS_FILE: missingFile }).join()).toContain(
      'ATTESTATION_REVOCATIONS_FILE',
    )
  })
})

test('docs/configuration.md matches src/service/config.ts', () => {
  const document = readFileSync(path.resolve('docs/configuration.md'), 'utf8')
  expect(document).toBe(configurationPage())
})

test('proxies that are not addresses are refused before anything starts', () => {
  expect(faultsOf({ TRUST_PROXY: 'nonsense' }).join()).toContain('TRUST_PROXY: ')
  const trustProxy = '10.0.0.0/8, ::1, 192.0.2.1'
  expect(readConfig({ TRUST_PROXY: trustProxy })).toMatchObject({ trustProxy })
})
