// The installation that the environment names, opened for the use cases that seed people and phones
// go through.

import type { Logger } from 'pino'
import { openAttestationVerifier } from '../../src/enrollments/attestation/attestation.ts'
import { pinnedAttestationRoots } from '../../src/enrollments/attestation/attestation-roots.ts'
import { buildRevocationLog } from '../../src/platform/logs/revocation-log.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import { buildSharedReads } from '../../src/platform/shared-reads.ts'
import { buildVapidKeys } from '../../src/push/web-push/vapid-keys.ts'
import type { Config } from '../../src/service/config.ts'
import { authenticatorSite } from '../../src/service/config-authenticator.ts'
import { openMigratedDatabase } from '../../src/service/open-database.ts'
import { buildQueues } from '../../src/service/open-fair-queues.ts'
import { buildStores } from '../../src/service/open-stores.ts'
import {
  agreeOnOrigin,
  assertMasterKey,
  openSignalCarrier,
  openWorld,
} from '../../src/service/open-world.ts'
import { buildSigningKeys } from '../../src/tenants/signing-keys.ts'
import { buildPastRandom } from './past.ts'

const statementMs = 60_000

/** All dependencies of the use cases; nothing is pushed, since no seeded phone has a push token. */
export async function openInstallation(config: Config, log: Logger) {
  await using undo = new AsyncDisposableStack()
  const openedDatabase = await openMigratedDatabase(config, log)
  undo.defer(() => openedDatabase.close())
  const { url, schema } = openedDatabase
  const database = openDatabase({ url, schema, maxConnections: 4, timeoutMs: statementMs })
  undo.defer(() => database.close())
  const { random, setMoment } = buildPastRandom()
  const world = { ...(await openWorld(config, openedDatabase, log)), random }
  const stores = buildStores({ database, schema }, random)
  await assertMasterKey(config, { ...world, ...stores })
  const ownOrigin = config.publicOrigin ?? `http://localhost:${config.port}`
  const publicOrigin = await agreeOnOrigin(config, ownOrigin, stores, log)
  const signals = await openSignalCarrier(config, openedDatabase, log)
  undo.defer(() => signals.close())
  const running = undo.move()
  return {
    ...world,
    ...stores,
    url,
    schema,
    database,
    publicOrigin,
    authenticator: authenticatorSite(config, publicOrigin),
    signals,
    setMoment,
    signingKeys: buildSigningKeys({ ...stores, ...world }, () => performance.now()),
    revocationLog: buildRevocationLog({ file: config.revocationLog, log }),
    attestations: openAttestationVerifier(config.attestation, pinnedAttestationRoots()),
    dispatcher: { leaseHolder: 'seed', dispatch: () => undefined },
    userQueue: buildQueues(4).userQueue,
    sharedReads: buildSharedReads(),
    webPushKeys: buildVapidKeys({ ...stores, ...world }),
    webPushHosts: config.webPush.hosts,
    close: () => running.disposeAsync(),
  }
}

export type Installation = Awaited<ReturnType<typeof openInstallation>>
