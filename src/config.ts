// The only reader of the environment.

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { variables } from './config-variables.ts'
import { StartFault } from './start-fault.ts'

const schema = z.object(variables)

export type PushEndpoint = {
  readonly address?: { readonly host: string; readonly port: number }
  readonly ca?: readonly string[]
}

export type ServiceAccount = {
  readonly project_id: string
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id: string
}

/** The configuration of one process, complete and consistent. */
export type Config = {
  readonly publicOrigin: string | null
  readonly host: string
  readonly port: number
  readonly role: 'all' | 'api' | 'worker'
  readonly trustProxy: string | null
  readonly logLevel: string
  readonly metricsToken: string | null
  readonly database: { readonly url: string | null; readonly connections: number }
  readonly dataFolder: string
  readonly masterKeys: { readonly current: Buffer | null; readonly previous: readonly Buffer[] }
  readonly redisUrl: string | null
  readonly apns:
    | (PushEndpoint & {
        readonly key: { readonly pem: string; readonly keyId: string; readonly teamId: string }
        readonly bundleId: string
      })
    | null
  readonly fcm:
    | (PushEndpoint & { readonly serviceAccount: ServiceAccount; readonly appId: string })
    | null
}

/** What is wrong with the configuration, one line for each fault, each naming its variable. */
export class ConfigError extends StartFault {
  constructor(faults: readonly string[]) {
    super(`The configuration is wrong:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
  }
}

type Values = z.output<typeof schema>

const serviceAccount = z.looseObject({
  project_id: z.string().min(1),
  client_email: z.email(),
  private_key: z.string().includes('PRIVATE KEY'),
  private_key_id: z.string().min(1),
})

/**
 * Reads and checks the whole environment. Empty variables count as unset. Throws `ConfigError` with every fault at once,
 * never with a value in it.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(variables).flatMap((name) =>
      environment[name] ? [[name, environment[name]]] : [],
    ),
  )
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    throw new ConfigError(
      parsed.error.issues.map(({ path, message }) => `${String(path[0])}: ${message}`),
    )
  }
  const faults: string[] = []
  const config = assemble(parsed.data, faults)
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(config)
}

function assemble(values: Values, faults: string[]): Config {
  checkOrigin(values, faults)
  if (values.DATABASE_URL !== undefined && values.MASTER_KEY === undefined) {
    faults.push(
      'MASTER_KEY: is required with DATABASE_URL; make one with: openssl rand 32 | basenc --base64url',
    )
  }
  return {
    publicOrigin: values.PUBLIC_ORIGIN ?? null,
    host: values.HOST,
    port: values.PORT,
    role: values.ROLE,
    trustProxy: values.TRUST_PROXY ?? null,
    logLevel: values.LOG_LEVEL,
    metricsToken: values.METRICS_TOKEN ?? null,
    database: { url: values.DATABASE_URL ?? null, connections: values.DATABASE_CONNECTIONS },
    dataFolder: values.DATA_FOLDER,
    masterKeys: { current: values.MASTER_KEY ?? null, previous: values.MASTER_KEY_PREVIOUS ?? [] },
    redisUrl: values.REDIS_URL ?? null,
    apns: apnsOf(values, faults),
    fcm: fcmOf(values, faults),
  }
}

function checkOrigin({ PUBLIC_ORIGIN: origin }: Values, faults: string[]): void {
  if (origin === undefined) return
  const { protocol, hostname } = new URL(origin)
  const local =
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '127.0.0.1' ||
    hostname === '[::1]'
  if (protocol === 'http:' && !local) {
    faults.push('PUBLIC_ORIGIN: must be https; phones send their proofs there')
  }
}

function readText(
  values: Values,
  inline: 'APNS_KEY' | 'FCM_SERVICE_ACCOUNT' | null,
  file: 'APNS_KEY_FILE' | 'FCM_SERVICE_ACCOUNT_FILE' | 'APNS_CA_FILE' | 'FCM_CA_FILE',
  faults: string[],
): string | undefined {
  const text = inline === null ? undefined : values[inline]
  const path = values[file]
  if (text !== undefined && path !== undefined)
    faults.push(`${inline}: set it or ${file}, not both`)
  if (path === undefined) return text
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Without the path: somebody may have put the key itself there.
    faults.push(`${file}: names no file that can be read`)
    return undefined
  }
}

function endpointOf(values: Values, provider: 'APNS' | 'FCM', faults: string[]): PushEndpoint {
  const address = values[`${provider}_ADDRESS`]
  const ca = readText(values, null, `${provider}_CA_FILE`, faults)
  return { ...(address && { address }), ...(ca !== undefined && { ca: [ca] }) }
}

/** All or nothing: a half-configured provider would fail at the first sign-in instead of at start. */
function demand(values: Values, names: readonly (keyof Values)[], faults: string[]): void {
  for (const name of names) {
    if (values[name] === undefined)
      faults.push(`${name}: is missing; ${names.join(', ')} go together`)
  }
}

function apnsOf(values: Values, faults: string[]): Config['apns'] {
  const pem = readText(values, 'APNS_KEY', 'APNS_KEY_FILE', faults)
  const { APNS_KEY_ID: keyId, APNS_TEAM_ID: teamId, APNS_BUNDLE_ID: bundleId } = values
  if ([pem, keyId, teamId, bundleId].every((value) => value === undefined)) return null
  demand(values, ['APNS_KEY_ID', 'APNS_TEAM_ID', 'APNS_BUNDLE_ID'], faults)
  if (pem === undefined) faults.push('APNS_KEY or APNS_KEY_FILE: is missing')
  if (pem === undefined || !keyId || !teamId || !bundleId) return null
  if (!pem.includes('PRIVATE KEY')) faults.push('APNS_KEY: is not a PEM private key')
  return { key: { pem, keyId, teamId }, bundleId, ...endpointOf(values, 'APNS', faults) }
}

function fcmOf(values: Values, faults: string[]): Config['fcm'] {
  const text = readText(values, 'FCM_SERVICE_ACCOUNT', 'FCM_SERVICE_ACCOUNT_FILE', faults)
  const { FCM_APP_ID: appId } = values
  if (text === undefined && appId === undefined) return null
  demand(values, ['FCM_APP_ID'], faults)
  if (text === undefined) {
    faults.push('FCM_SERVICE_ACCOUNT or FCM_SERVICE_ACCOUNT_FILE: is missing')
    return null
  }
  const account = serviceAccount.safeParse(parseJson(text))
  if (!account.success) faults.push('FCM_SERVICE_ACCOUNT: is not the JSON of a service account')
  if (!account.success || !appId) return null
  return { serviceAccount: account.data, appId, ...endpointOf(values, 'FCM', faults) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
