// A whole service in its own process; the process, its database and the connection between them can
// be killed.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startSimulator } from '../../simulator/simulator.ts'
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded/embedded-postgres.ts'
import { freePort } from '../support/ports.ts'
import { type Api, createApi, enrollPhone, type Phone } from '../support/running-service.ts'
import { startProgram } from '../support/service-process.ts'
import { startDatabaseLine } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

/** A user with two phones, which may give conflicting answers. */
export type Person = { readonly name: string; readonly phones: readonly Phone[] }

export type Scene = Awaited<ReturnType<typeof openScene>>

const apiKey = /cs_[0-9a-z]{26}_[\w-]{43}/
const patienceMs = 60_000

/** Starts everything; `people` are enrolled. Disposing ends every process that was started here. */
export async function openScene(people: number) {
  await using undo = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-faults-'))
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o711)
  const postgres = await startEmbeddedPostgres({ folder: path.join(folder, 'postgresql') })
  undo.defer(postgres.stop)
  const line = await startDatabaseLine(postgres.url)
  undo.defer(() => line.close())
  const simulator = await startSimulator()
  undo.defer(() => simulator.close())
  const caFile = path.join(folder, 'ca.pem')
  await writeFile(caFile, simulator.caPem)
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const { keyPem, keyId, teamId, bundleIds } = simulator.credentials.apns
  const environment = {
    DATABASE_URL: line.url,
    DATA_FOLDER: folder,
    MASTER_KEY: 'k'.repeat(43),
    PORT: String(port),
    PUBLIC_ORIGIN: origin,
    LOG_LEVEL: 'fatal',
    APNS_KEY: keyPem,
    APNS_KEY_ID: keyId,
    APNS_TEAM_ID: teamId,
    APNS_BUNDLE_ID: `${bundleIds[0]}`,
    APNS_ADDRESS: `${simulator.apns.host}:${simulator.apns.port}`,
    APNS_CA_FILE: caFile,
  }
  let service = startProgram(['src/main.ts'], environment)
  undo.defer(async () => service[Symbol.asyncDispose]())
  const isReady = async () =>
    (
      await fetch(`${origin}/health/ready`, { signal: AbortSignal.timeout(5_000) }).catch(
        () => null,
      )
    )?.ok === true
  const ready = () => until('the service is ready', isReady, patienceMs)
  await ready()
  const key = apiKey.exec(service.stdout())?.[0]
  if (!key) throw new Error(`no first key was shown: ${service.stdout()}${service.stderr()}`)
  const api: Api = createApi(origin, key)
  const persons: Person[] = []
  for (let n = 0; n < people; n++) {
    const name = `person-${n}`
    const first = await enrollPhone({ api, simulator }, { user: name, name: 'first' })
    const second = await enrollPhone({ api, simulator }, { user: name, name: 'second' })
    persons.push({ name, phones: [first, second] })
  }
  const running = undo.move()
  return {
    api,
    origin,
    key,
    line,
    databaseUrl: postgres.url,
    people: persons as readonly Person[],
    ready,
    /** The service's output when it ended by itself; undefined while it runs. */
    fallen: () => (service.hasEnded() ? `${service.stdout()}${service.stderr()}` : undefined),
    /** kill -9, and a new process in its place. */
    async killService() {
      await service[Symbol.asyncDispose]()
      service = startProgram(['src/main.ts'], environment)
    },
    /** kill -9 of the postmaster; it restarts by itself. */
    killPostgres: () => void process.kill(postgres.pid(), 'SIGKILL'),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
