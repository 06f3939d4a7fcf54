import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { buildMetrics } from '../src/platform/net/metrics.ts'

type Dashboard = { readonly panels: readonly { readonly targets: readonly { expr: string }[] }[] }

const dashboard = JSON.parse(readFileSync('docs/grafana-dashboard.json', 'utf8')) as Dashboard
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
const shownNames = expressions.flatMap(
  (expression) => expression.match(/\b(?:countersign|process|nodejs)_\w+/g) ?? [],
)

async function metricNames(): Promise<ReadonlySet<string>> {
  const metrics = buildMetrics({
    roundTrips: () => 1,
    statements: () => new Map([['clock', 1]]),
    connections: () => ({ total: 1, idle: 1, waiting: 0 }),
    lanes: () => new Map([['create', 0]]),
    laneDrops: () => new Map([['create', 0]]),
    clockOffsetMs: () => 0,
    pushesInFlight: () => 0,
  })
  const text = await metrics.read()
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
}

test('the dashboard shows every metric of the service, and none that does not exist', async () => {
  const names = await metricNames()
  const baseOf = (name: string) =>
    names.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')
  const shownMetrics = new Set(shownNames.map(baseOf))
  expect([...shownMetrics].filter((name) => !names.has(name))).toEqual([])
  const ours = [...names].filter((name) => name.startsWith('countersign_'))
  expect(ours.length).toBeGreaterThan(10)
  expect(ours.filter((name) => !shownMetrics.has(name))).toEqual([])
})
