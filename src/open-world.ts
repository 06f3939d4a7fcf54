// What the service and the operator's commands share beside the stores.

import path from 'node:path'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { OpenedDatabase } from './open-database.ts'
import { addresses } from './outbound/addresses.ts'
import { createHashing } from './outbound/hashing.ts'
import { createMacs } from './outbound/macs.ts'
import { masterKeyIn } from './outbound/master-key.ts'
import { oneTimePasswords } from './outbound/one-time-passwords.ts'
import { createRandom } from './outbound/random.ts'
import { createSealing } from './outbound/sealing.ts'
import { createSecurityLog } from './outbound/security-log.ts'
import { createSignalHub, type SignalCarrier } from './outbound/signal-hub.ts'
import { createSignatures } from './outbound/signatures.ts'
import { channelOf, createNotifySignals, notifyStatement } from './persistence/notify-signals.ts'
import { createPresence, type Presence } from './persistence/presence.ts'
import { StartFault, toldFault } from './start-fault.ts'
import { findUnopenedKey } from './usecases/check-master-key.ts'
import { settleOrigin } from './usecases/public-origin.ts'

function fail(error: unknown): never {
  throw toldFault(error)
}

/** Everything that outlives a request, save the database; its clock is the one that counts. */
export async function openWorld(config: Config, { clock }: OpenedDatabase, log: Logger) {
  const current = config.masterKeys.current ?? (await masterKeyIn(config.dataFolder).catch(fail))
  const masterKeys = { current, previous: config.masterKeys.previous }
  const sealing = createSealing(masterKeys)
  return {
    sealing,
    hashing: createHashing(current),
    macs: createMacs(masterKeys),
    securityLog: createSecurityLog(log),
    signatures: createSignatures(sealing),
    oneTimePasswords,
    random: createRandom(clock),
    clock,
    addresses,
  }
}

/** How processes tell each other what has changed. What carries it may be away, at the start too: that is said once. */
export async function openSignalCarrier(
  config: Pick<Config, 'redisUrl'>,
  { url, schema, database }: Pick<OpenedDatabase, 'url' | 'schema' | 'database'>,
  log: Logger,
) {
  let isAway = false
  const failed = (error: unknown) => {
    if (!isAway) log.warn({ err: error }, 'signals interrupted; waits re-read')
    isAway = true
  }
  const works = () => {
    if (isAway) log.warn('signals flow again')
    isAway = false
  }
  const carrier: SignalCarrier =
    config.redisUrl === null
      ? createNotifySignals(
          { url, schema },
          (payload) => database.query('notify', notifyStatement, [channelOf(schema), payload]),
          failed,
          works,
        )
      : await openRedisCarrier(config.redisUrl, schema, database, { failed, works })
  return createSignalHub(carrier, failed)
}

async function openRedisCarrier(
  url: string,
  schema: string,
  database: OpenedDatabase['database'],
  told: { readonly failed: (error: unknown) => void; readonly works: () => void },
): Promise<SignalCarrier> {
  const { createRedisSignals, redisChannelOf } = await import('./outbound/redis-signals.ts')
  type Row = { readonly name: string }
  // As the server knows it: addresses of one database may name it differently.
  const [row] = await database.query<Row>('database_name', 'select current_database() as name', [])
  return createRedisSignals({ url, channel: redisChannelOf(row?.name ?? '', schema) }, told)
}

/** How the others see that this process lives, and what it leases under. */
export function openPresence({ url, schema }: OpenedDatabase, log: Logger): Promise<Presence> {
  const failed = (error: unknown) =>
    log.warn({ reason: String(error) }, 'this process is not seen by the others for a while')
  return createPresence({ url, schema }, failed)
}

const phonesLeft = 'phones that enrolled under it must enroll anew'

/**
 * The origin to work under, agreed with the database. Refuses one that is not what phones and relying parties know.
 */
export async function agreeOnOrigin(
  config: Config,
  own: string,
  needs: Parameters<typeof settleOrigin>[0],
  log: Logger,
): Promise<string> {
  const settled = await settleOrigin(needs, { origin: own, given: config.publicOrigin !== null })
  if ('contradicts' in settled) throw originFault(own, settled.contradicts)
  const { origin, left } = settled
  if (left !== null) log.warn({ left, origin }, `the public origin has changed: ${phonesLeft}`)
  return origin
}

/** What to say of a PUBLIC_ORIGIN that the database contradicts. */
export function originFault(own: string, known: string): StartFault {
  return new StartFault(
    `PUBLIC_ORIGIN: is ${own}, but this installation is known as ${known} to phones and relying parties. ` +
      `Set that, or unset it; to change it for good: countersign origin change --to ${own} (${phonesLeft}).`,
  )
}

/** Refuses a master key that cannot open what the database holds: the first sign-in would find out otherwise. */
export async function assertMasterKey(
  config: Config,
  parts: Parameters<typeof findUnopenedKey>[0],
) {
  const unopened = await findUnopenedKey(parts)
  if (!unopened) return
  const given = config.masterKeys.current
    ? 'MASTER_KEY'
    : `MASTER_KEY (read from ${path.join(config.dataFolder, 'master.key')})`
  throw new StartFault(
    `${given}: is not the key that sealed what this database holds, nor is any of MASTER_KEY_PREVIOUS ` +
      `(seen at a signing key of ${unopened.tenantId}). Restore the right key from your backup; after a rotation put the old one into MASTER_KEY_PREVIOUS.`,
  )
}
