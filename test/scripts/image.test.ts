import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readDockerfile } from '../../scripts/image-plan.ts'

const project = path.resolve(import.meta.dirname, '..', '..')
const read = (name: string) => readFileSync(path.join(project, name), 'utf8')
const dockerfile = read('Dockerfile')
const steps = read('scripts/image-steps.sh')

test('the image is rehearsed in full: the rehearsal has every line of the Dockerfile', () => {
  expect(readDockerfile(dockerfile)).toEqual({
    environment: {
      NODE_ENV: 'production',
      HOST: '0.0.0.0',
      NODE_COMPILE_CACHE: '/app/node_modules/.cache/countersign',
    },
    healthcheck: ['node', '-e', expect.stringContaining('/health/live')],
    command: ['node', 'src/main.ts'],
  })
})

test.each([
  ['another base image', 'FROM node:24-bookworm-slim AS', 'FROM node:22-bookworm-slim AS'],
  ['another user', /USER node(?=\nEXPOSE)/, 'USER root'],
  ['another file', 'COPY src ./src', 'COPY src ./src\nCOPY demo ./demo'],
  ['a step of its own', /RUN .* install/, '$& && npm install left-pad'],
  ['an instruction that is unknown', 'USER node', 'USER node\nENTRYPOINT ["sh"]'],
  ['a second command', 'CMD ["node"', 'CMD ["sh"]\nCMD ["node"'],
  ['a command for a shell', /CMD \["node", "src.*/, 'CMD node src/main.ts'],
  ['a line less', 'EXPOSE 8080\n', ''],
])('a Dockerfile with %s is refused instead of rehearsed', (_, text, replacement) => {
  const otherDockerfile = dockerfile.replace(text, replacement)
  expect(otherDockerfile).not.toBe(dockerfile)
  expect(() => readDockerfile(otherDockerfile)).toThrow()
})

test('the image runs as an ordinary user, without development dependencies or scripts of others', () => {
  expect(new Set(dockerfile.match(/^USER .*/gm))).toEqual(new Set(['USER node']))
  expect(dockerfile.split(/^FROM /m).at(-1)).toMatch(/^USER node$/m)
  const installs = steps.match(/^ *npm (ci|install|i|add)\b.*/gm) ?? []
  expect(installs).toHaveLength(2)
  for (const command of installs) expect(command).toContain('--ignore-scripts')
  expect(installs.at(-1)).toContain('--omit=dev')
})

test('only named files enter the image: secrets and generated files stay outside', () => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  expect(lines[0]).toBe('*')
  expect(lines).toEqual(expect.arrayContaining(['src/generated', 'web/dist']))
  expect(lines.filter((line) => line.startsWith('!')).sort()).toEqual([
    '!clients/device/src',
    '!package-lock.json',
    '!package.json',
    '!prisma',
    '!prisma.config.ts',
    '!scripts/build-web.ts',
    '!scripts/image-steps.sh',
    '!src',
    '!tsconfig.json',
    '!web',
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
