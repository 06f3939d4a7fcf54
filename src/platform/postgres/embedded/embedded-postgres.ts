import { setTimeout as delay } from 'node:timers/promises'
import { clearPostgresEnvironment } from './embedded-postgres-account.ts'
import { type Cluster, prepareCluster, superuser } from './embedded-postgres-cluster.ts'
import { type RunningServer, type ServerSettings, serve } from './embedded-postgres-process.ts'

export type EmbeddedPostgres = {
  /**
   * Connection string with the password; over a Unix socket that only this user can enter (Windows:
   * loopback).
   */
  readonly url: string
  /** Process id of the server as it runs now. */
  readonly pid: () => number
  /**
   * Shuts the server down and waits for it, if this process started it; otherwise leaves it
   * running.
   */
  readonly stop: () => Promise<void>
}

export type EmbeddedPostgresOptions = {
  /**
   * Where the database is stored; created when absent. Any process that starts it gets the same
   * data for the same folder.
   */
  readonly folder: string
  /** Receives what the server itself logs, line by line. */
  readonly log?: (message: string) => void
  /**
   * Receives what an operator should know: data stored elsewhere, a server that has ended. Default:
   * as `log`.
   */
  readonly warn?: (message: string) => void
  /** False gives up safety against power loss for speed; for tests only. Default true. */
  readonly durable?: boolean
  /** Further server settings, for example `max_connections`. */
  readonly settings?: ServerSettings
}

const settleMs = 100
const longestPauseMs = 1_000

/**
 * Starts the PostgreSQL that npm installed, or finds the one that another process runs in this
 * folder (the operator's CLI next to the service). It ends with the process that started it,
 * however that dies. Until `stop` it is kept running: when the server crashes, or the process that
 * owned it ends, this one starts it again under the same address, so a connection pool recovers by
 * itself. From then on this process has no `PG*` variables any more.
 * Throws, with what to do, when no PostgreSQL is installed or the folder cannot be used.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { folder, log = () => undefined, warn = log, durable = true } = options
  clearPostgresEnvironment()
  const cluster = await prepareCluster(folder, durable, warn)
  const settings = durable ? options.settings : { ...hasty, ...options.settings }
  let server = await serve(cluster, settings ?? {}, log)
  let shouldRun = true

  const supervise = async () => {
    for (let pauseMs = settleMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      await server.termination
      if (!shouldRun) return
      warn(`The database server in ${cluster.data} has ended; it will be restarted`)
      await delay(pauseMs)
      try {
        server = await serve(cluster, settings ?? {}, log)
        pauseMs = settleMs
      } catch (error) {
        warn(`The database server could not be restarted yet: ${String(error)}`)
      }
      if (!shouldRun) await server.end()
    }
  }
  const supervision = supervise()

  return {
    url: urlOf(cluster, server),
    pid: () => server.pid,
    stop: async () => {
      shouldRun = false
      await server.end()
      await supervision
    },
  }
}

const hasty = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  // Folders that are thrown away must leave nothing in /dev/shm either.
  dynamic_shared_memory_type: 'mmap',
}

function urlOf(cluster: Cluster, server: RunningServer): string {
  const url = new URL(`postgresql://localhost:${server.port}/postgres`)
  url.username = superuser
  url.password = cluster.password
  if (server.host.startsWith('/')) url.searchParams.set('host', server.host)
  else url.hostname = server.host
  return url.href
}
