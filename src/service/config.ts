// The only reader of the environment.

import path from 'node:path'
import type { LinkedApp } from '../domain/app-links.ts'
import { type AuthenticatorConfig, isPlain, readAuthenticator } from './config-authenticator.ts'
import { type PushConfig, readPush } from './config-push.ts'
import { Faults, readText, type Values } from './config-values.ts'
import { type Role, variables } from './config-variables.ts'
import { StartFault } from './start-fault.ts'

/**
 * What may be reached in addition to public addresses by https, and the authorities trusted there.
 */
type Reach = {
  readonly networks: readonly string[]
  readonly httpHosts: readonly string[]
  readonly ca: readonly string[]
}

type Parts = PushConfig & AuthenticatorConfig

/** The configuration of one process, complete and consistent. */
export type Config = Parts & {
  readonly publicOrigin: string | null
  readonly host: string
  readonly port: number
  readonly role: Role
  readonly stopDelaySeconds: number
  readonly trustProxy: string | null
  readonly logLevel: string
  readonly metricsToken: string | null
  /** Whether `/docs` and `/openapi.yaml` are served. */
  readonly apiDocs: boolean
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
  /** What webhooks may reach in addition to public addresses by https. */
  readonly webhooks: Reach
  /** The same for realms of identity providers. */
  readonly issuers: Reach
  /** Apps that may open links of this origin. */
  readonly linkedApps: readonly LinkedApp[]
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

/** The faults of the configuration, one line each, each naming its variable. */
export class ConfigError extends StartFault {
  constructor(faults: readonly string[]) {
    super(`The configuration is wrong:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
  }
}

/**
 * Reads and checks the whole environment. Empty variables count as unset. Throws `ConfigError` with
 * all faults together, never with a value in it.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const faults = new Faults()
  const entries = Object.entries(variables).map(([name, variable]) => {
    const result = variable.safeParse(environment[name] || undefined)
    for (const { message } of result.error?.issues ?? []) faults.add(name, message)
    // Deliberate: an invalid variable stops nothing, so that combinations are checked all the same.
    return [name, result.success ? result.data : variable.parse(undefined)]
  })
  const config = assemble(Object.fromEntries(entries), faults)
  if (faults.lines.length > 0) throw new ConfigError(faults.lines)
  return Object.freeze(config)
}

function assemble(values: Values, faults: Faults): Config {
  checkOrigin(values, faults)
  const authenticator = readAuthenticator(values, faults)
  checkSchema(values, faults)
  const isKeyGiven = values.MASTER_KEY !== undefined || faults.has('MASTER_KEY')
  if ((values.DATABASE_URL !== undefined || faults.has('DATABASE_URL')) && !isKeyGiven) {
    faults.add(
      'MASTER_KEY',
      'is required with DATABASE_URL; make one with: openssl rand 32 | basenc --base64url',
    )
  }
  return {
    publicOrigin: values.PUBLIC_ORIGIN ?? null,
    ...authenticator,
    host: values.HOST,
    port: values.PORT,
    role: values.ROLE,
    stopDelaySeconds: values.STOP_DELAY_SECONDS,
    trustProxy: values.TRUST_PROXY ?? null,
    logLevel: values.LOG_LEVEL,
    metricsToken: values.METRICS_TOKEN ?? null,
    apiDocs: values.API_DOCS === 'on',
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
    linkedApps: values.APP_LINKS ?? [],
    attestation: attestationOf(values, faults),
    ...readPush(values, faults),
  }
}

function checkOrigin({ PUBLIC_ORIGIN: origin }: Values, faults: Faults): void {
  if (origin === undefined) return
  if (isPlain(origin)) {
    faults.add('PUBLIC_ORIGIN', 'must be https; phones send their proofs there')
  }
}

/**
 * Prisma's spelling, which nothing else reads: the tables would be in another schema than the
 * operator expects.
 */
function checkSchema({ DATABASE_URL: url, DATABASE_SCHEMA: schema }: Values, faults: Faults): void {
  const urlSchema = url === undefined ? null : new URL(url).searchParams.get('schema')
  if (urlSchema === null || urlSchema === schema) return
  faults.add('DATABASE_URL', 'names a schema; name it with DATABASE_SCHEMA instead')
}

function reachOf(values: Values, prefix: 'WEBHOOK' | 'ISSUER', faults: Faults): Reach {
  const ca = readText(values, null, `${prefix}_CA_FILE`, faults)
  return {
    networks: (values[`${prefix}_NETWORKS`] ?? '').split(',').flatMap((one) => one.trim() || []),
    httpHosts: values[`${prefix}_HTTP_HOSTS`] ?? [],
    ca: ca === undefined ? [] : [ca],
  }
}

function attestationOf(values: Values, faults: Faults): Config['attestation'] {
  const signers = new Map<string, string[]>()
  for (const { packageName, signer } of values.ATTESTATION_ANDROID_APPS ?? []) {
    signers.set(packageName, [...(signers.get(packageName) ?? []), signer])
  }
  // A list that cannot be read refuses every attestation: better to report it at start.
  readText(values, null, 'ATTESTATION_REVOCATIONS_FILE', faults)
  return {
    androidApps: [...signers].map(([packageName, own]) => ({ packageName, signers: own })),
    appleApps: values.ATTESTATION_APPLE_APPS ?? [],
    revocationsFile: values.ATTESTATION_REVOCATIONS_FILE ?? null,
  }
}
