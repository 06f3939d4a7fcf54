import type { HttpConnection } from './http-connection.ts'

/** What the service has used and done since its start. */
export type ServiceTotals = {
  readonly cpuSeconds: number
  readonly roundTrips: number
  /** Statements sent to the database, by name. */
  readonly statements: ReadonlyMap<string, number>
}

/** What happened between two readings. */
export type ServiceUse = {
  readonly cpuMs: number
  readonly roundTrips: number
  readonly statements: ReadonlyMap<string, number>
}

const timeoutMs = 10_000
const statementLine = /^countersign_database_statements_total\{statement="([^"]+)"\} (\d+)$/gm

/** Reads the totals; null when the service does not publish them. */
export async function readTotals(connection: HttpConnection): Promise<ServiceTotals | null> {
  const reply = await connection.call({ method: 'GET', target: '/metrics', headers: {}, timeoutMs })
  if (reply.status !== 200) return null
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(reply.body)?.[1])
  const statements = [...reply.body.matchAll(statementLine)]
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    roundTrips: value('countersign_database_round_trips_total'),
    statements: new Map(statements.map(([, name = '', count]) => [name, Number(count)])),
  }
}

/** The usage between two readings. */
export function useBetween(before: ServiceTotals, after: ServiceTotals): ServiceUse {
  const counts = [...after.statements].map(
    ([name, count]) => [name, count - (before.statements.get(name) ?? 0)] as const,
  )
  return {
    cpuMs: (after.cpuSeconds - before.cpuSeconds) * 1000,
    roundTrips: after.roundTrips - before.roundTrips,
    statements: new Map(counts.filter(([, count]) => count > 0)),
  }
}
