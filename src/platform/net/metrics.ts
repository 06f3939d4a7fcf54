import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { BatchReport } from '../postgres/lane-statements.ts'

/** The values that the metrics read when they are scraped. */
export type MetricSources = {
  readonly roundTrips: () => number
  readonly statements: () => ReadonlyMap<string, number>
  readonly connections: () => {
    readonly total: number
    readonly idle: number
    readonly waiting: number
  }
  /** Requests that wait for a statement, by lane. */
  readonly lanes: () => ReadonlyMap<string, number>
  /** Requests that were dropped while they waited, because their callers were gone. */
  readonly laneDrops: () => ReadonlyMap<string, number>
  /** By how much the machine's wall clock is ahead of the database's. */
  readonly clockOffsetMs: () => number
  readonly pushesInFlight: () => number
}

export type Metrics = {
  readonly contentType: string
  read(): Promise<string>
  request(sample: { method: string; route: string; status: number; ms: number }): void
  revocationLogFailed(): void
  sweep(name: string, failures: number): void
  webhook(sample: { type: string; result: string; ms: number }): void
  push(sample: { provider: string; kind: string; result: string; ms: number }): void
  batch(sample: BatchReport): void
}

const secondsBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]

/**
 * Prometheus metrics of one process: requests by route pattern, pushes by result, the database, and
 * Node itself.
 */
export function buildMetrics(sources: MetricSources): Metrics {
  const register = new Registry()
  // The usual 10 ms wake an idle process a hundred times a second.
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 50 })
  const registers = [register]
  const requests = new Histogram({
    name: 'countersign_http_request_duration_seconds',
    help: 'Requests by method, route pattern and status; long polls count their waiting.',
    labelNames: ['method', 'route', 'status'],
    buckets: secondsBuckets,
    registers,
  })
  const pushes = new Histogram({
    name: 'countersign_push_duration_seconds',
    help: 'Pushes by provider, kind and result, from claiming one to the answer of the provider.',
    labelNames: ['provider', 'kind', 'result'],
    buckets: secondsBuckets,
    registers,
  })
  const webhooks = new Histogram({
    name: 'countersign_webhook_duration_seconds',
    help: 'Attempts to deliver webhooks by type and result, from DNS to the end of the answer.',
    labelNames: ['type', 'result'],
    buckets: secondsBuckets,
    registers,
  })
  const batch = laneMetrics(registers, sources)
  const sweepFailures = new Gauge({
    name: 'countersign_sweep_failures',
    help: 'Consecutive failed runs of a sweep of the worker; 0 when it works.',
    labelNames: ['sweep'],
    registers,
  })
  const revocationLogFailures = new Counter({
    name: 'countersign_revocation_log_failures_total',
    help: 'Writes to the revocation log that failed; the lines are in the log of the process.',
    registers,
  })
  new Counter({
    name: 'countersign_database_round_trips_total',
    help: 'Statements sent to the database.',
    registers,
    collect() {
      this.reset()
      this.inc(sources.roundTrips())
    },
  })
  new Counter({
    name: 'countersign_database_statements_total',
    help: 'Statements sent to the database, by name.',
    labelNames: ['statement'],
    registers,
    collect() {
      this.reset()
      for (const [statement, count] of sources.statements()) this.inc({ statement }, count)
    },
  })
  new Gauge({
    name: 'countersign_database_connections',
    help: 'Connections of the pool by state; waiting counts requests for one.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(sources.connections())) this.set({ state }, count)
    },
  })
  new Gauge({
    name: 'countersign_clock_offset_seconds',
    help: "Time by which this machine's clock is ahead of the database's, which counts.",
    registers,
    collect() {
      this.set(sources.clockOffsetMs() / 1000)
    },
  })
  new Gauge({
    name: 'countersign_pushes_in_flight',
    help: 'Pushes claimed whose outcome is not yet stored.',
    registers,
    collect() {
      this.set(sources.pushesInFlight())
    },
  })
  return {
    contentType: register.contentType,
    read: () => register.metrics(),
    request({ method, route, status, ms }) {
      requests.observe({ method, route, status: String(status) }, ms / 1000)
    },
    revocationLogFailed: () => revocationLogFailures.inc(),
    sweep: (sweep, failures) => sweepFailures.set({ sweep }, failures),
    webhook({ type, result, ms }) {
      webhooks.observe({ type, result }, ms / 1000)
    },
    push({ provider, kind, result, ms }) {
      pushes.observe({ provider, kind, result }, ms / 1000)
    },
    batch,
  }
}

/** The metrics of the lanes, in which requests wait for the statement that serves them together. */
function laneMetrics(
  registers: Registry[],
  { lanes: depths, laneDrops }: Pick<MetricSources, 'lanes' | 'laneDrops'>,
): Metrics['batch'] {
  const labelNames = ['lane']
  const sizes = new Histogram({
    name: 'countersign_lane_batch_size',
    help: 'Items that one statement served, by lane.',
    labelNames,
    buckets: [1, 2, 4, 8, 16, 32],
    registers,
  })
  const waits = new Histogram({
    name: 'countersign_lane_wait_seconds',
    help: 'How long the first item of a batch waited for its statement to begin, by lane.',
    labelNames,
    buckets: secondsBuckets,
    registers,
  })
  const durations = new Histogram({
    name: 'countersign_lane_duration_seconds',
    help: 'How long the statement of a batch took, by lane.',
    labelNames,
    buckets: secondsBuckets,
    registers,
  })
  const singles = new Counter({
    name: 'countersign_lane_singles_total',
    help: 'Items that went singly: a row was locked (skipped), or their batch was undone.',
    labelNames: ['lane', 'reason'],
    registers,
  })
  new Counter({
    name: 'countersign_lane_dropped_total',
    help: 'Items that were dropped while they waited, because their callers were gone, by lane.',
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const [lane, count] of laneDrops()) this.inc({ lane }, count)
    },
  })
  new Gauge({
    name: 'countersign_lane_waiting',
    help: 'Items that wait for a statement, by lane.',
    labelNames,
    registers,
    collect() {
      for (const [lane, count] of depths()) this.set({ lane }, count)
    },
  })
  return ({ lane, items, singles: count, isUndone, ms, waitedMs }) => {
    sizes.observe({ lane }, items)
    waits.observe({ lane }, waitedMs / 1000)
    durations.observe({ lane }, ms / 1000)
    if (count > 0) singles.inc({ lane, reason: isUndone ? 'undone' : 'skipped' }, count)
  }
}
