// A service whose database this process starts: it reads the statistics of PostgreSQL, and fills
// tables.

import { chmod, mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { startCountersign } from '../../demo/countersign-process.ts'
import { anyPort } from '../../demo/free-port.ts'
import { forget, startStack } from '../../demo/stack.ts'
import type { PushService } from '../../simulator/push-service.ts'
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded/embedded-postgres.ts'
import { enrollPhone } from '../bench-phone.ts'
import type { ServiceProcesses } from '../process-time.ts'
import { RelyingParty } from '../relying-party.ts'
import type { SideWorker } from '../side.ts'
import { type SignInTimes, signIn } from '../sign-in.ts'

/** Settings of PostgreSQL without which statements cannot be told apart; no others are changed. */
export const serverSettings = { shared_preload_libraries: 'pg_stat_statements' } as const

/** A service that answers requests; its worker is started apart from it, when it is wanted. */
export type StoredService = AsyncDisposable & {
  readonly databaseUrl: string
  readonly origin: string
  readonly key: string
  readonly tenantId: string
  readonly pushes: PushService | null
  /** Those that run now. */
  processes(): ServiceProcesses
  startWorker(): Promise<void>
  stopWorker(): Promise<void>
}

/** A user who signs in while it is measured. */
export type StoredPerson = Omit<SideWorker, 'signIn'> & {
  readonly userId: string
  readonly signIn: () => Promise<SignInTimes>
}

/** Starts one with a folder that goes with it. */
export async function openStored(): Promise<StoredService> {
  await using undo = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-bench-'))
  undo.defer(() => forget(folder))
  const dataFolder = path.join(folder, 'data')
  await mkdir(dataFolder)
  // Where root runs this, the database runs as another user, which must be able to enter them.
  for (const each of [folder, dataFolder]) await chmod(each, 0o711)
  const database = await startEmbeddedPostgres({
    folder: path.join(dataFolder, 'postgresql'),
    settings: serverSettings,
  })
  undo.defer(database.stop)
  const stack = await startStack(folder, await anyPort(), {
    relyingParty: 'first',
    environment: { ROLE: 'api' },
  })
  undo.defer(stack.stop)
  const { account, environment, pushes, service } = stack
  let worker: Awaited<ReturnType<typeof startCountersign>> | undefined
  const stopWorker = async () => {
    await worker?.stop()
    worker = undefined
  }
  undo.defer(stopWorker)
  const parts = undo.move()
  return {
    databaseUrl: database.url,
    origin: account.origin,
    key: account.apiKey,
    tenantId: account.tenantId,
    pushes,
    processes: () => ({
      service: service.pid ?? 0,
      database: database.pid(),
      further: worker?.pid === undefined ? [] : [worker.pid],
    }),
    async startWorker() {
      const role = { ROLE: 'worker', PUBLIC_ORIGIN: account.origin, STOP_DELAY_SECONDS: '0' }
      const log = path.join(folder, 'worker.log')
      worker = await startCountersign({ ...environment, ...role }, account.origin, log)
    },
    stopWorker,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** Enrolls so many users, each with a phone. */
export async function enrollPeople(
  { origin, key, pushes }: StoredService,
  count: number,
  name = 'bench',
): Promise<StoredPerson[]> {
  const people: StoredPerson[] = []
  while (people.length < count) {
    const party = new RelyingParty(origin, key)
    const phone = await enrollPhone(party, `${name}-${people.length}`, 'apns', pushes)
    people.push({
      userId: phone.userId,
      signIn: () => signIn(party, phone),
      close: () => {
        party.close()
        phone.close()
      },
    })
  }
  return people
}

/** Works on a connection of its own, without a limit of time. */
export async function onDatabase<T>(
  { databaseUrl }: Pick<StoredService, 'databaseUrl'>,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl })
  // A lost connection fails the query under way; without one it is no fault of this process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
