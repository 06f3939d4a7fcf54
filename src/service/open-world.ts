// The parts that the service and the operator's commands share, apart from the stores.

import path from 'node:path'
import type { Logger } from 'pino'
import type { RealmOptions } from '../doors/keycloak/realms.adapter.ts'
import type { Realms } from '../doors/keycloak/realms.store.ts'
import { oneTimePasswords } from '../passcodes/one-time-passwords.adapter.ts'
import { buildHashing } from '../platform/crypto/hashing.ts'
import { buildMacs } from '../platform/crypto/macs.ts'
import { masterKeyIn } from '../platform/crypto/master-key.ts'
import { buildRandom } from '../platform/crypto/random.ts'
import { buildSealing } from '../platform/crypto/sealing.ts'
import { buildSignatures } from '../platform/crypto/signatures.ts'
import { builtLate, loadedLate } from '../platform/loaded-late.ts'
import { buildSecurityLog } from '../platform/logs/security-log.ts'
import { addresses } from '../platform/net/addresses.ts'
import {
  buildSignalHub,
  type OtherProcesses,
  type SignalCarrier,
} from '../platform/net/signal-hub.ts'
import {
  buildNotifySignals,
  channelOf,
  notifyStatement,
} from '../platform/postgres/notify-signals.ts'
import { acquirePresence, type Presence } from '../platform/postgres/presence.ts'
import type { Clock, Sealing } from '../platform/world.ts'
import type { ProbeOptions } from '../prompts/connection-test/connection-probes.adapter.ts'
import type { ConnectionProbing } from '../prompts/connection-test/connection-test.store.ts'
import type { ClientTokens } from '../prompts/oidc/client.store.ts'
import type { EntraHints } from '../prompts/oidc/entra-hint.store.ts'
import type { EntraHintOptions } from '../prompts/oidc/entra-hints.adapter.ts'
import type { OidcSigning } from '../prompts/oidc/oidc-key.store.ts'
import { findUnopenedKey } from '../tenants/check-master-key.ts'
import { resolveOrigin } from '../tenants/public-origin.ts'
import type { Config } from './config.ts'
import type { OpenedDatabase } from './open-database.ts'
import { operatorFault, StartFault } from './start-fault.ts'

function fail(error: unknown): never {
  throw operatorFault(error)
}

/** Everything that outlives a request, except the database; its clock is the authoritative one. */
export async function openWorld(config: Config, { clock }: OpenedDatabase, log: Logger) {
  const current = config.masterKeys.current ?? (await masterKeyIn(config.dataFolder).catch(fail))
  const masterKeys = { current, previous: config.masterKeys.previous }
  const sealing = buildSealing(masterKeys)
  return {
    sealing,
    hashing: buildHashing(current),
    macs: buildMacs(masterKeys),
    securityLog: buildSecurityLog(log),
    signatures: buildSignatures(sealing),
    oidcSigning: openOidcSigning(sealing, clock),
    clientTokens: openClientTokens(clock),
    oneTimePasswords,
    random: buildRandom(clock),
    clock,
    addresses,
  }
}

function openOidcSigning(sealing: Sealing, clock: Clock): OidcSigning {
  const load = () => import('../prompts/oidc/oidc-signing.adapter.ts')
  const open = builtLate(async () => (await load()).buildOidcSigning(sealing, clock))
  return {
    createKeys: async (tenantId, issuer) => (await open()).createKeys(tenantId, issuer),
    sign: async (tenantId, key, payload) => (await open()).sign(tenantId, key, payload),
  }
}

function openClientTokens(clock: Clock): ClientTokens {
  const load = () => import('../prompts/oidc/client-tokens.adapter.ts')
  return { verify: loadedLate(async () => (await load()).buildClientTokens(clock).verify) }
}

/** Most installations never get a hint: what verifies them is loaded, once, for the first. */
export function openEntraHints(options: EntraHintOptions): EntraHints {
  const load = () => import('../prompts/oidc/entra-hints.adapter.ts')
  const open = builtLate(async () => (await load()).buildEntraHints(options))
  return { verify: async (hint, binding) => (await open()).verify(hint, binding) }
}

/** Most installations have no realm: what calls one is loaded, once, for the first. */
export function openRealms(options: RealmOptions): Realms {
  const load = () => import('../doors/keycloak/realms.adapter.ts')
  const open = builtLate(async () => (await load()).buildRealms(options))
  return {
    fault: (issuer) => options.guard.fault(`${issuer}/`),
    verify: async (token, issuers) => (await open()).verify(token, issuers),
    callBack: async (issuer, token, status) => (await open()).callBack(issuer, token, status),
  }
}

/** Tests of connections are rare: what they need is loaded by the first. */
export function openConnectionProbing(options: ProbeOptions): ConnectionProbing {
  const load = () => import('../prompts/connection-test/connection-probes.adapter.ts')
  return { open: builtLate(async () => (await load()).buildConnectionProbes(options)) }
}

/**
 * The channel by which processes signal changes to each other. It may be unreachable, at the start
 * too: that is logged once. Without `others`, everything is sent.
 */
export async function openSignalCarrier(
  config: Pick<Config, 'redisUrl'>,
  { url, schema, database }: Pick<OpenedDatabase, 'url' | 'schema' | 'database'>,
  log: Logger,
  others?: OtherProcesses,
) {
  let isAway = false
  const onFailure = (error: unknown) => {
    if (!isAway) log.warn({ err: error }, 'signals interrupted; waits re-read')
    isAway = true
  }
  const onRecovery = () => {
    if (isAway) log.warn('signals flow again')
    isAway = false
  }
  const carrier: SignalCarrier =
    config.redisUrl === null
      ? buildNotifySignals(
          { url, schema },
          (payload) => database.query('notify', notifyStatement, [channelOf(schema), payload]),
          onFailure,
          onRecovery,
        )
      : await openRedisCarrier(config.redisUrl, schema, database, {
          onFailure,
          onReady: onRecovery,
        })
  return buildSignalHub(carrier, onFailure, others)
}

async function openRedisCarrier(
  url: string,
  schema: string,
  database: Pick<OpenedDatabase['database'], 'query'>,
  callbacks: { readonly onFailure: (error: unknown) => void; readonly onReady: () => void },
): Promise<SignalCarrier> {
  const { buildRedisSignals, redisChannelOf } = await import('../platform/net/redis-signals.ts')
  type Row = { readonly name: string }
  // As the server names it: connection addresses of one database may name it differently.
  const [row] = await database.query<Row>('database_name', 'select current_database() as name', [])
  return buildRedisSignals({ url, channel: redisChannelOf(row?.name ?? '', schema) }, callbacks)
}

/** The liveness of this process as the others see it, and the name of its leases. */
export function openPresence({ url, schema }: OpenedDatabase, log: Logger): Promise<Presence> {
  const onFailure = (error: unknown) =>
    log.warn({ reason: String(error) }, 'this process is not seen by the others for a while')
  return acquirePresence({ url, schema }, onFailure)
}

const reenrollNote = 'phones that enrolled under it must enroll again'

/**
 * The origin to work under, agreed with the database. Refuses one that differs from the one that
 * phones and relying parties use.
 */
export async function agreeOnOrigin(
  config: Config,
  own: string,
  dependencies: Parameters<typeof resolveOrigin>[0],
  log: Logger,
): Promise<string> {
  const resolution = await resolveOrigin(dependencies, {
    origin: own,
    isConfigured: config.publicOrigin !== null,
  })
  if ('contradicts' in resolution) throw originFault(own, resolution.contradicts)
  const { origin, formerOrigin } = resolution
  if (formerOrigin !== null)
    log.warn({ left: formerOrigin, origin }, `the public origin has changed: ${reenrollNote}`)
  return origin
}

/** The error for a PUBLIC_ORIGIN that the database contradicts. */
export function originFault(own: string, storedOrigin: string): StartFault {
  return new StartFault(
    `PUBLIC_ORIGIN: is ${own}, but this installation is known as ${storedOrigin} to phones ` +
      'and relying parties. ' +
      'Set that, or unset it; to change it permanently: countersign origin change --to ' +
      `${own} (${reenrollNote}).`,
  )
}

/**
 * Refuses a master key that cannot open the secrets in the database: the first sign-in would detect
 * it otherwise.
 */
export async function assertMasterKey(
  config: Config,
  parts: Parameters<typeof findUnopenedKey>[0],
) {
  const unopenedKey = await findUnopenedKey(parts)
  if (!unopenedKey) return
  const source = config.masterKeys.current
    ? 'MASTER_KEY'
    : `MASTER_KEY (read from ${path.join(config.dataFolder, 'master.key')})`
  throw new StartFault(
    `${source}: is not the key that sealed the secrets in this database, nor is any of ` +
      'MASTER_KEY_PREVIOUS ' +
      `(seen at a signing key of ${unopenedKey.tenantId}). Restore the right key from your ` +
      'backup; after a rotation put the old one into MASTER_KEY_PREVIOUS.',
  )
}
