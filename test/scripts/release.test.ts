import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { carryOut, planRelease, releaseChangelog } from '../../scripts/release.ts'

const project = path.resolve(import.meta.dirname, '../..')
const version = '0.9.0'
const date = '2030-01-31'
let home: string
let clone: string
const git = (...words: string[]) =>
  execFileSync('git', words, { cwd: clone, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const read = (file: string) => readFileSync(path.join(clone, file), 'utf8')

beforeAll(() => {
  home = mkdtempSync(path.join(tmpdir(), 'countersign-release-'))
  clone = path.join(home, 'clone')
  execFileSync('git', ['clone', '--quiet', project, clone], { stdio: 'ignore' })
  git('checkout', '--quiet', '-B', 'main')
  git('config', 'user.name', 'Release')
  git('config', 'user.email', 'release@example.com')
  symlinkSync(path.join(project, 'node_modules'), path.join(clone, 'node_modules'))
  appendFileSync(path.join(clone, '.git/info/exclude'), '\nnode_modules\nrelease/\n')
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

test('a tree with changes, another branch, no version or a released one is refused', () => {
  expect(() => planRelease(clone, 'v1', date)).toThrow('is no version')
  git('switch', '--quiet', '--create', 'other')
  expect(() => planRelease(clone, version, date)).toThrow('git switch main first')
  git('switch', '--quiet', 'main')
  appendFileSync(path.join(clone, 'README.md'), '\n')
  expect(() => planRelease(clone, version, date)).toThrow('The tree is not clean')
  git('checkout', '--quiet', '--', 'README.md')
  git('tag', 'v0.0.9')
  expect(() => planRelease(clone, '0.0.9', date)).toThrow('There is a tag v0.0.9 already')
})

test('a plan writes nothing', () => {
  planRelease(clone, version, date)
  expect(git('status', '--porcelain')).toBe('')
  expect(git('tag', '--list', `v${version}`)).toBe('')
})

test('a step that fails leaves files, commits and tags as they were', () => {
  const head = git('rev-parse', 'HEAD')
  const plan = { ...planRelease(clone, version, date), clients: ['clients/missing'] }
  expect(() => carryOut(clone, plan)).toThrow()
  expect(git('status', '--porcelain')).toBe('')
  expect([git('rev-parse', 'HEAD'), git('tag', '--list', plan.tag)]).toEqual([head, ''])
})

test('a release has one version everywhere, its notes in the tag, and packed clients', () => {
  const { notes } = releaseChangelog(read('CHANGELOG.md'), version, date)
  const lockBefore = read('package-lock.json')
  const artifacts = carryOut(clone, planRelease(clone, version, date))

  expect(git('status', '--porcelain')).toBe('')
  expect(git('cat-file', '-t', `v${version}`).trim()).toBe('tag')
  expect(git('tag', '--list', '--format=%(contents)', `v${version}`).trim()).toBe(notes)
  const clients = ['clients/device/package.json', 'clients/typescript/package.json']
  const manifests = ['package.json', 'package-lock.json', ...clients]
  const versions = manifests.map((file) => (JSON.parse(read(file)) as { version: string }).version)
  expect(versions).toEqual(manifests.map(() => version))
  const changedLines = (one: string, other: string) => {
    const lines = new Set(other.split('\n'))
    return one.split('\n').filter((line) => !lines.has(line))
  }
  expect(changedLines(read('package-lock.json'), lockBefore).length).toBeLessThanOrEqual(2)

  expect(readdirSync(path.join(clone, 'release')).sort()).toEqual([...artifacts].sort())
  for (const name of ['client', 'device']) {
    expect(artifacts.some((file) => file.endsWith(`${name}-${version}.tgz`))).toBe(true)
  }
  const sbom = JSON.parse(read(`release/countersign-${version}.cdx.json`)) as {
    readonly bomFormat: string
    readonly metadata: { readonly component: { readonly version: string } }
    readonly components: readonly { readonly name: string }[]
  }
  expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', metadata: { component: { version } } })
  const names = sbom.components.map(({ name }) => name)
  expect(names).toContain('fastify')
  expect(names).not.toContain('vitest')
})

test('what is unreleased moves under the version, once', () => {
  const text =
    '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- One.\n\n## [0.1.0] - 2029-01-01\n\n- Zero.\n'
  const first = releaseChangelog(text, '0.2.0', date)
  expect(first.text).toBe(
    '# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2030-01-31\n\n### Added\n\n- One.\n\n' +
      '## [0.1.0] - 2029-01-01\n\n- Zero.\n',
  )
  expect(() => releaseChangelog(first.text, '0.3.0', date)).toThrow('nothing under Unreleased')
  expect(() => releaseChangelog(text, '0.1.0', date)).toThrow('has 0.1.0 already')
})
