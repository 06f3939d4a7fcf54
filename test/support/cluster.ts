import pg from 'pg'
import { inject } from 'vitest'

/** What test files need to create their own databases; they get it by `inject('cluster')`. */
export type TestCluster = {
  /** May create and drop databases. */
  readonly adminUrl: string
  /** A database with all migrations applied, to be cloned. */
  readonly template: string
  /** Prefix of the name of every database of this run. */
  readonly prefix: string
}

let clusterPromise: Promise<TestCluster> | undefined

/** The server of the run; it is started when the first test file asks for it. */
export function cluster(): Promise<TestCluster> {
  clusterPromise ??= fetch(inject('clusterUrl')).then(async (reply) => {
    if (!reply.ok) throw new Error(await reply.text())
    return (await reply.json()) as TestCluster
  })
  return clusterPromise
}

/** The same server, another database. */
export function databaseUrl(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.href
}

/** Runs the work on its own connection. */
export async function onServer<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
