import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseDockerfile } from '../../scripts/dockerfile.ts'

const project = path.resolve(import.meta.dirname, '..', '..')
const read = (name: string) => readFileSync(path.join(project, name), 'utf8')
const stages = parseDockerfile(read('Dockerfile'))
const last = stages.at(-1)

test('the image is rehearsed in full: its Dockerfile contains nothing that the rehearsal does not know', () => {
  expect(stages.map(({ name }) => name)).toEqual(['build', '1'])
  expect(stages.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'run'))).toHaveLength(2)
})

test.each([
  'ARG X=1',
  'ADD a b',
  'SHELL ["/bin/bash"]',
  'ENTRYPOINT ["node"]',
  'RUN --mount=type=cache,target=/x npm ci',
  'RUN ["npm", "ci"]',
  'COPY --chown=node a b',
  'COPY src/*.ts ./',
  'CMD node src/main.ts',
  'ENV A="b c"',
])('%s is refused instead of skipped', (line) => {
  expect(() => parseDockerfile(`FROM node:24-x\n${line}\n`)).toThrow(line)
})

test('the image runs as an ordinary user, without development dependencies or scripts of others', () => {
  expect(last?.user).toBe('node')
  const installs = stages.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'run' ? [step.command] : [])),
  )
  for (const command of installs) expect(command).toMatch(/^npm ci .*--ignore-scripts/)
  expect(installs.at(-1)).toContain('--omit=dev')
})

test('only named files enter the image: secrets and generated files stay outside', () => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  expect(lines[0]).toBe('*')
  expect(lines).toContain('src/generated')
  expect(lines.filter((line) => line.startsWith('!')).sort()).toEqual([
    '!package-lock.json',
    '!package.json',
    '!prisma',
    '!prisma.config.ts',
    '!src',
  ])
})

test('compose waits for a healthy database, keeps its data, and names a missing secret', () => {
  const text = read('docker-compose.yml')
  const { services, volumes } = parse(text) as {
    services: Record<string, { depends_on?: unknown; volumes?: unknown; image: string }>
    volumes: Record<string, unknown>
  }
  expect(services.countersign?.depends_on).toEqual({ postgres: { condition: 'service_healthy' } })
  // From 18 on the image keeps its data in a folder below this one: a volume at .../data would keep
  // nothing.
  expect(services.postgres?.image).toBe('postgres:18')
  expect(services.postgres?.volumes).toEqual(['database:/var/lib/postgresql'])
  expect(Object.keys(volumes)).toEqual(['database'])
  for (const secret of ['MASTER_KEY', 'POSTGRES_PASSWORD']) expect(text).toContain(`\${${secret}:?`)
})
