// What deploy/ says about the service is what the service does. Nothing of it is started here.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'

const project = path.resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(path.join(project, file), 'utf8')
const variables = new Set(
  [...read('docs/configuration.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name = '']) => name),
)
const unknownNames = (names: readonly string[]) => names.filter((name) => !variables.has(name))
/** What the runbook wants before a process is killed, beyond the delay. */
const drainSeconds = 35

describe('the systemd unit', () => {
  const unit = read('deploy/systemd/countersign.service')
  const settings = (name: string) =>
    [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)

  test('sets only variables that exist', () => {
    const names = settings('Environment').map((pair) => pair.split('=')[0] ?? '')
    expect(unknownNames(names.filter((name) => name !== 'NODE_ENV'))).toEqual([])
  })

  test('gives a stop the time that it takes', () => {
    const [, delay] =
      /^\| `STOP_DELAY_SECONDS` \| `(\d+)`/m.exec(read('docs/configuration.md')) ?? []
    expect(settings('TimeoutStopSec')).toEqual([String(Number(delay) + drainSeconds)])
    expect(settings('KillMode')).toEqual(['mixed'])
  })

  test('starts Node itself, as an account without rights', () => {
    expect(settings('ExecStart')[0]).toMatch(/\/node_modules\/\.bin\/node src\/main\.ts$/)
    expect(settings('User')).toEqual(['countersign'])
    expect(settings('CapabilityBoundingSet')).toEqual([''])
  })
})

const probe = z.looseObject({ httpGet: z.strictObject({ path: z.string(), port: z.string() }) })
const container = z.looseObject({
  name: z.string(),
  image: z.literal('countersign'),
  command: z.array(z.string()).optional(),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })).default([]),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
})
const workload = z.looseObject({
  kind: z.enum(['Deployment', 'Job']),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    selector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }).optional(),
    template: z.strictObject({
      metadata: z.strictObject({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        securityContext: z.looseObject({ runAsNonRoot: z.literal(true) }),
        terminationGracePeriodSeconds: z.number().optional(),
        containers: z.tuple([container]),
      }),
    }),
  }),
})

describe('the kustomize base', () => {
  const folder = 'deploy/kubernetes'
  const kustomization = z
    .looseObject({ resources: z.array(z.string()) })
    .parse(parse(read(`${folder}/kustomization.yaml`)))
  const documents = kustomization.resources.flatMap((file) =>
    parseAllDocuments(read(`${folder}/${file}`)).map((one) => one.toJS() as { kind: string }),
  )
  const workloads = documents
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
    .map((one) => workload.parse(one))
  const environment = new Map(
    read(`${folder}/countersign.env`)
      .trim()
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  )

  test('has an api, a worker and a migration, none of them as root or on a writable disk', () => {
    expect(workloads.map(({ metadata }) => metadata.name).sort()).toEqual([
      'countersign-api',
      'countersign-migration',
      'countersign-worker',
    ])
  })

  test('sets only variables that exist, and no value of a secret', () => {
    const secret = z
      .looseObject({ stringData: z.record(z.string(), z.literal('')) })
      .parse(parse(read(`${folder}/secret.example.yaml`)))
    const ofContainers = workloads.flatMap(({ spec }) =>
      spec.template.spec.containers.flatMap(({ env }) => env.map(({ name }) => name)),
    )
    const names = [...environment.keys(), ...Object.keys(secret.stringData), ...ofContainers]
    expect(unknownNames(names)).toEqual([])
    expect(kustomization.resources).not.toContain('secret.example.yaml')
  })

  test('a pod may take as long to stop as the service does', () => {
    const seconds = Number(environment.get('STOP_DELAY_SECONDS')) + drainSeconds
    const deployments = workloads.filter(({ kind }) => kind === 'Deployment')
    expect(deployments.map(({ spec }) => spec.template.spec.terminationGracePeriodSeconds)).toEqual(
      [seconds, seconds],
    )
  })

  test('probes ask the routes of health, which exist', () => {
    const [api] = workloads.filter(({ metadata }) => metadata.name === 'countersign-api')
    const [only] = api?.spec.template.spec.containers ?? []
    const paths = [only?.livenessProbe?.httpGet.path, only?.readinessProbe?.httpGet.path]
    expect(paths).toEqual(['/health/live', '/health/ready'])
    const routes = read('src/platform/http/health.routes.ts')
    expect(paths.filter((one) => !routes.includes(`'${one}'`))).toEqual([])
  })

  test('what selects pods selects those of the template', () => {
    for (const { spec } of workloads) {
      const { matchLabels = {} } = spec.selector ?? {}
      expect(spec.template.metadata.labels).toMatchObject(matchLabels)
    }
  })
})
