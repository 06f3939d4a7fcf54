// The only reader of the environment.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { variables } from './config-variables.ts'
import { withPemLines } from './domain/pem.ts'
import { StartFault } from './start-fault.ts'

export type PushEndpoint = {
  readonly address?: { readonly host: string; readonly port: number }
  readonly ca?: readonly string[]
  readonly proxy?: {
    readonly host: string
    readonly port: number
    readonly credentials: { readonly user: string; readonly password: string } | null
  }
}

export type ServiceAccount = {
  readonly project_id: string
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id: string
}

/** What may be reached beside public addresses by https, and whom to trust there. */
type Reach = {
  readonly networks: readonly string[]
  readonly httpHosts: readonly string[]
  readonly ca: readonly string[]
}

/** The configuration of one process, complete and consistent. */
export type Config = {
  readonly publicOrigin: string | null
  readonly host: string
  readonly port: number
  readonly role: 'all' | 'api' | 'worker'
  readonly stopDelaySeconds: number
  readonly trustProxy: string | null
  readonly logLevel: string
  readonly metricsToken: string | null
  readonly database: {
    readonly url: string | null
    readonly schema: string
    readonly connections: number
  }
  readonly dataFolder: string
  /** File of the revocation log, or `-`. */
  readonly revocationLog: string
  readonly masterKeys: { readonly current: Buffer | null; readonly previous: readonly Buffer[] }
  readonly redisUrl: string | null
  /** What webhooks may reach beside public addresses by https. */
  readonly webhooks: Reach
  /** The same for realms of identity providers. */
  readonly issuers: Reach
  /** Where the push services are reached, for apps of tenants too. */
  readonly pushEndpoints: { readonly apns: PushEndpoint; readonly fcm: PushEndpoint }
  readonly apns:
    | (PushEndpoint & {
        readonly key: { readonly pem: string; readonly keyId: string; readonly teamId: string }
        readonly bundleId: string
      })
    | null
  readonly fcm:
    | (PushEndpoint & { readonly serviceAccount: ServiceAccount; readonly appId: string })
    | null
  readonly attestation: {
    readonly androidApps: readonly { readonly packageName: string; readonly signers: string[] }[]
    readonly appleApps: readonly {
      readonly teamId: string
      readonly bundleId: string
      readonly development: boolean
    }[]
    readonly revocationsFile: string | null
  }
}

/** What is wrong with the configuration, one line for each fault, each naming its variable. */
export class ConfigError extends StartFault {
  constructor(faults: readonly string[]) {
    super(`The configuration is wrong:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
  }
}

type Values = { readonly [Name in keyof typeof variables]: z.output<(typeof variables)[Name]> }

const serviceAccount = z.looseObject({
  project_id: z.string().min(1),
  client_email: z.email(),
  private_key: z.string().includes('PRIVATE KEY').transform(withPemLines),
  private_key_id: z.string().min(1),
})

/**
 * Reads and checks the whole environment. Empty variables count as unset. Throws `ConfigError` with every fault at once,
 * never with a value in it.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const faults = new Faults()
  const given = Object.entries(variables).map(([name, variable]) => {
    const parsed = variable.safeParse(environment[name] || undefined)
    for (const { message } of parsed.error?.issues ?? []) faults.add(name, message)
    // Deliberate: one that is wrong stops nothing, so that what goes together is judged all the same.
    return [name, parsed.success ? parsed.data : variable.parse(undefined)]
  })
  const config = assemble(Object.fromEntries(given), faults)
  if (faults.lines.length > 0) throw new ConfigError(faults.lines)
  return Object.freeze(config)
}

/** What is wrong so far; who looks for what is missing asks first whether it was merely wrong. */
class Faults {
  readonly lines: string[] = []
  readonly #names = new Set<string>()

  add(name: string, words: string): void {
    this.#names.add(name)
    this.lines.push(`${name}: ${words}`)
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }
}

function assemble(values: Values, faults: Faults): Config {
  checkOrigin(values, faults)
  checkSchema(values, faults)
  const isKeyGiven = values.MASTER_KEY !== undefined || faults.has('MASTER_KEY')
  if ((values.DATABASE_URL !== undefined || faults.has('DATABASE_URL')) && !isKeyGiven) {
    faults.add(
      'MASTER_KEY',
      'is required with DATABASE_URL; make one with: openssl rand 32 | basenc --base64url',
    )
  }
  const pushEndpoints = {
    apns: endpointOf(values, 'APNS', faults),
    fcm: endpointOf(values, 'FCM', faults),
  }
  return {
    publicOrigin: values.PUBLIC_ORIGIN ?? null,
    host: values.HOST,
    port: values.PORT,
    role: values.ROLE,
    stopDelaySeconds: values.STOP_DELAY_SECONDS,
    trustProxy: values.TRUST_PROXY ?? null,
    logLevel: values.LOG_LEVEL,
    metricsToken: values.METRICS_TOKEN ?? null,
    database: {
      url: values.DATABASE_URL ?? null,
      schema: values.DATABASE_SCHEMA,
      connections: values.DATABASE_CONNECTIONS,
    },
    dataFolder: values.DATA_FOLDER,
    revocationLog: values.REVOCATION_LOG ?? path.join(values.DATA_FOLDER, 'revocations.jsonl'),
    masterKeys: { current: values.MASTER_KEY ?? null, previous: values.MASTER_KEY_PREVIOUS ?? [] },
    redisUrl: values.REDIS_URL ?? null,
    webhooks: reachOf(values, 'WEBHOOK', faults),
    issuers: reachOf(values, 'ISSUER', faults),
    attestation: attestationOf(values, faults),
    pushEndpoints,
    apns: apnsOf(values, pushEndpoints.apns, faults),
    fcm: fcmOf(values, pushEndpoints.fcm, faults),
  }
}

function checkOrigin({ PUBLIC_ORIGIN: origin }: Values, faults: Faults): void {
  if (origin === undefined) return
  const { protocol, hostname } = new URL(origin)
  const local =
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '127.0.0.1' ||
    hostname === '[::1]'
  if (protocol === 'http:' && !local) {
    faults.add('PUBLIC_ORIGIN', 'must be https; phones send their proofs there')
  }
}

/** Prisma's spelling, which nothing else reads: tables would lie elsewhere than its author believes. */
function checkSchema({ DATABASE_URL: url, DATABASE_SCHEMA: schema }: Values, faults: Faults): void {
  const named = url === undefined ? null : new URL(url).searchParams.get('schema')
  if (named === null || named === schema) return
  faults.add('DATABASE_URL', 'names a schema; name it with DATABASE_SCHEMA instead')
}

function readText(
  values: Values,
  inline: 'APNS_KEY' | 'FCM_SERVICE_ACCOUNT' | null,
  file: Extract<keyof Values, `${string}_FILE`>,
  faults: Faults,
): string | undefined {
  const text = inline === null ? undefined : values[inline]
  const path = values[file]
  if (text !== undefined && path !== undefined)
    faults.add(`${inline}`, `set it or ${file}, not both`)
  if (path === undefined) return text
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Without the path: somebody may have put the key itself there.
    faults.add(file, 'names no file that can be read')
    return undefined
  }
}

function endpointOf(values: Values, provider: 'APNS' | 'FCM', faults: Faults): PushEndpoint {
  const address = values[`${provider}_ADDRESS`]
  const ca = readText(values, null, `${provider}_CA_FILE`, faults)
  const proxy = values.PUSH_PROXY
  return {
    ...(address && { address }),
    ...(ca !== undefined && { ca: [ca] }),
    ...(proxy && { proxy }),
  }
}

/**
 * All or nothing: a half-configured provider would fail at the first sign-in instead of at start. False when nothing is
 * set; otherwise the variables that are not set are faults. One name of each group is enough.
 */
function isWanted(values: Values, groups: readonly Group[], faults: Faults): boolean {
  const isGiven = (name: Name) => values[name] !== undefined || faults.has(name)
  if (!groups.flat().some(isGiven)) return false
  for (const group of groups.filter((names) => !names.some(isGiven))) {
    const others = groups.filter((one) => one !== group).map((one) => one.join(' or '))
    const verb = others.length === 1 ? 'needs' : 'need'
    faults.add(group.join(' or '), `is missing; ${others.join(', ')} ${verb} it`)
  }
  return true
}

type Name = keyof Values
type Group = readonly Name[]

const apnsGroups: readonly Group[] = [
  ['APNS_KEY', 'APNS_KEY_FILE'],
  ['APNS_KEY_ID'],
  ['APNS_TEAM_ID'],
  ['APNS_BUNDLE_ID'],
]

function apnsOf(values: Values, endpoint: PushEndpoint, faults: Faults): Config['apns'] {
  if (!isWanted(values, apnsGroups, faults)) return null
  const text = readText(values, 'APNS_KEY', 'APNS_KEY_FILE', faults)
  const pem = text === undefined ? undefined : withPemLines(text)
  if (pem && !pem.includes('PRIVATE KEY')) faults.add('APNS_KEY', 'is not a PEM private key')
  const { APNS_KEY_ID: keyId, APNS_TEAM_ID: teamId, APNS_BUNDLE_ID: bundleId } = values
  if (!pem || !keyId || !teamId || !bundleId) return null
  return { key: { pem, keyId, teamId }, bundleId, ...endpoint }
}

const fcmGroups: readonly Group[] = [
  ['FCM_SERVICE_ACCOUNT', 'FCM_SERVICE_ACCOUNT_FILE'],
  ['FCM_APP_ID'],
]

function fcmOf(values: Values, endpoint: PushEndpoint, faults: Faults): Config['fcm'] {
  if (!isWanted(values, fcmGroups, faults)) return null
  const text = readText(values, 'FCM_SERVICE_ACCOUNT', 'FCM_SERVICE_ACCOUNT_FILE', faults)
  const { FCM_APP_ID: appId } = values
  if (text === undefined) return null
  const account = serviceAccount.safeParse(parseJson(withLinesEscaped(text)))
  if (!account.success) {
    faults.add('FCM_SERVICE_ACCOUNT', 'is not the JSON of a service account')
  }
  if (!account.success || !appId) return null
  return { serviceAccount: account.data, appId, ...endpoint }
}

function reachOf(values: Values, whose: 'WEBHOOK' | 'ISSUER', faults: Faults): Reach {
  const ca = readText(values, null, `${whose}_CA_FILE`, faults)
  return {
    networks: (values[`${whose}_NETWORKS`] ?? '').split(',').flatMap((one) => one.trim() || []),
    httpHosts: values[`${whose}_HTTP_HOSTS`] ?? [],
    ca: ca === undefined ? [] : [ca],
  }
}

function attestationOf(values: Values, faults: Faults): Config['attestation'] {
  const signers = new Map<string, string[]>()
  for (const { packageName, signer } of values.ATTESTATION_ANDROID_APPS ?? []) {
    signers.set(packageName, [...(signers.get(packageName) ?? []), signer])
  }
  // A list that cannot be read refuses every attestation: better to say so at start.
  readText(values, null, 'ATTESTATION_REVOCATIONS_FILE', faults)
  return {
    androidApps: [...signers].map(([packageName, own]) => ({ packageName, signers: own })),
    appleApps: values.ATTESTATION_APPLE_APPS ?? [],
    revocationsFile: values.ATTESTATION_REVOCATIONS_FILE ?? null,
  }
}

/** Some tools make line feeds of the `\\n` in a JSON text, which may not stand in its strings (RFC 8259, 7). */
function withLinesEscaped(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\[\s\S])*"/g, (text) => text.replaceAll(/\r?\n/g, '\\n'))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
