// Entry of `npm run release`: everything of a release up to the tag; pushing is left to a person.

import { execFileSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

const usage = `npm run release -- <version> [--dry-run]

Checks that the tree is clean and on main, moves what is Unreleased in CHANGELOG.md under the
version, sets the version of the packages, writes release/ (a list of the dependencies in CycloneDX,
the packed clients), commits, tags, and prints how to push. --dry-run only checks, and prints.`

const branch = 'main'
const versionPattern = /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?$/

/** What a release changes and creates; nothing is written yet. */
export type ReleasePlan = {
  readonly tag: string
  /** The section of the changelog. */
  readonly notes: string
  /** The new text of each file, by its path in the project. */
  readonly texts: ReadonlyMap<string, string>
  readonly clients: readonly string[]
}

function git(folder: string, ...words: string[]): string {
  return execFileSync('git', words, { cwd: folder, encoding: 'utf8' }).trim()
}

/** With the npm that runs this script, or else the one of the machine. */
function npm(folder: string, ...words: string[]): string {
  const script = process.env.npm_execpath
  const [program, first] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []]
  const options = { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 } as const
  return execFileSync(program, [...first, ...words], options)
}

/** The changelog with its Unreleased part under the version. Throws when there is nothing in it. */
export function releaseChangelog(
  text: string,
  version: string,
  date: string,
): { readonly text: string; readonly notes: string } {
  const heading = '## [Unreleased]\n'
  const at = text.indexOf(heading)
  if (at === -1) throw new Error('CHANGELOG.md has no heading "## [Unreleased]"')
  if (text.includes(`\n## [${version}]`)) throw new Error(`CHANGELOG.md has ${version} already`)
  const [section = ''] = text.slice(at + heading.length).split(/^## /m, 1)
  const notes = section.trim()
  if (!/^- /m.test(notes)) throw new Error('CHANGELOG.md has nothing under Unreleased')
  const before = text.slice(0, at + heading.length)
  const after = text.slice(at + heading.length + section.length)
  return {
    text: `${before}\n## [${version}] - ${date}\n\n${notes}\n${after === '' ? '' : `\n${after}`}`,
    notes,
  }
}

/** The manifest with another version; nothing else of its text changes. */
function withVersion(text: string, version: string): string {
  const { version: current } = JSON.parse(text) as { readonly version: string }
  return text.replace(`"version": "${current}"`, `"version": "${version}"`)
}

/** The same for the lock file, in the form in which npm writes it. */
function withLockVersion(text: string, version: string): string {
  const lock = JSON.parse(text) as { readonly packages: Readonly<Record<string, object>> }
  const root = { ...lock.packages[''], version }
  const packages = { ...lock.packages, '': root }
  return `${JSON.stringify({ ...lock, version, packages }, null, 2)}\n`
}

/** Checks everything that a release needs, and says what it changes. Throws what is in the way. */
export function planRelease(folder: string, version: string, date: string): ReleasePlan {
  if (!versionPattern.test(version)) throw new Error(`${version} is no version such as 0.1.0`)
  const tag = `v${version}`
  const current = git(folder, 'branch', '--show-current')
  if (current !== branch)
    throw new Error(`On ${current || 'no branch'}: git switch ${branch} first`)
  const changes = git(folder, 'status', '--porcelain')
  if (changes !== '') throw new Error(`The tree is not clean:\n${changes}`)
  if (git(folder, 'tag', '--list', tag) !== '') throw new Error(`There is a tag ${tag} already`)
  const read = (file: string) => readFileSync(path.join(folder, file), 'utf8')
  const changelog = releaseChangelog(read('CHANGELOG.md'), version, date)
  const manifests = globSync('clients/*/package.json', { cwd: folder }).sort()
  const texts = new Map([
    ['CHANGELOG.md', changelog.text],
    ['package-lock.json', withLockVersion(read('package-lock.json'), version)],
    ...['package.json', ...manifests].map(
      (file) => [file, withVersion(read(file), version)] as const,
    ),
  ])
  return {
    tag,
    notes: changelog.notes,
    texts,
    clients: manifests.map((file) => path.dirname(file)),
  }
}

/** Writes `release/`: the dependencies of the service as CycloneDX, and the packed clients. */
function buildArtifacts(folder: string, { tag, clients }: ReleasePlan): string[] {
  const target = path.join(folder, 'release')
  mkdirSync(target, { recursive: true })
  const places = clients.map((client) => `./${client}`)
  const output = npm(folder, 'pack', ...places, '--json', '--pack-destination', target)
  const archives = JSON.parse(output.slice(output.indexOf('['))) as { readonly filename: string }[]
  const tarballs = archives.map(({ filename }) => filename)
  for (const tarball of tarballs) {
    if (!existsSync(path.join(target, tarball))) throw new Error(`npm pack left no ${tarball}`)
  }
  const sbom = `countersign-${tag.slice(1)}.cdx.json`
  const words = ['--sbom-format', 'cyclonedx', '--omit', 'dev', '--package-lock-only']
  writeFileSync(path.join(target, sbom), npm(folder, 'sbom', ...words))
  return [sbom, ...tarballs]
}

/**
 * Carries out the plan: files, artifacts, commit and annotated tag. When a step fails the files are
 * as before, and there is neither commit nor tag. Returns the names of the artifacts.
 */
export function carryOut(folder: string, plan: ReleasePlan): string[] {
  const files = [...plan.texts.keys()]
  try {
    for (const [file, text] of plan.texts) writeFileSync(path.join(folder, file), text)
    const artifacts = buildArtifacts(folder, plan)
    git(folder, 'commit', '--quiet', '--message', `chore(release): ${plan.tag}`, '--', ...files)
    git(folder, 'tag', '--annotate', plan.tag, '--cleanup=verbatim', '--message', plan.notes)
    return artifacts
  } catch (error) {
    git(folder, 'checkout', '--quiet', 'HEAD', '--', ...files)
    throw error
  }
}

function main(words: readonly string[]): void {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean', default: false }, help: { type: 'boolean' } },
  })
  const [version] = positionals
  if (values.help || version === undefined) {
    console.log(usage)
    return
  }
  const folder = path.resolve(import.meta.dirname, '..')
  const plan = planRelease(folder, version, new Date().toISOString().slice(0, 10))
  const files = [...plan.texts.keys()].join(', ')
  console.log(`${plan.tag}\n\n${plan.notes}\n`)
  if (values['dry-run']) {
    console.log(`Nothing was written. Would change ${files} and pack ${plan.clients.join(', ')}.`)
    return
  }
  const artifacts = carryOut(folder, plan)
  console.log(`Committed and tagged. In release/: ${artifacts.join(', ')}

Nothing was pushed. Run .ci/run on this commit, then:
  git push origin ${branch}
  git push origin ${plan.tag}
and attach what is in release/ to the release. To take it back: git tag -d ${plan.tag} && git reset --hard HEAD~1`)
}

if (import.meta.main) {
  try {
    main(process.argv.slice(2))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
