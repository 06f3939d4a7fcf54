import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { expect, test } from 'vitest'
import {
  bannedIdentifiers,
  bannedTerms,
  irregularParticiples,
  nounsInEd,
} from './words/banned-terms.ts'

const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).trim().split('\n')
const isGenerated = (file: string) =>
  /(?:^|\/)generated\/|^openapi\.yaml$|^docs\/configuration\.md$/.test(file)
/** The list itself, and the places that know former spellings. */
const exempt = new Set([
  'test/words/banned-terms.ts',
  'test/words.test.ts',
  'src/domain/stored-activity-type.ts',
  'test/audit/stored-spellings.test.ts',
  'CHANGELOG.md',
  'clients/device/src/enrollment.ts',
  'src/enrollments/enrollment-page.routes.ts',
  'docs/protocol.md',
  'test/support/authorisation-routes.ts',
])
const sources = tracked.filter(
  (file) => /\.tsx?$/.test(file) && !isGenerated(file) && !exempt.has(file),
)
const documents = tracked.filter((file) => file.endsWith('.md') && !isGenerated(file))

type Line = { readonly place: string; readonly text: string }

function linesOf(file: string): Line[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.map((text, index) => ({ place: `${file}:${index + 1}`, text }))
}

/** Comments and texts of a source: everything that people read and a compiler does not. */
function proseOf(file: string): Line[] {
  return linesOf(file).filter(({ text }) => /^\s*(?:\/\/|\/?\*)|['"`].*\s.*['"`]/.test(text))
}

function faultsIn(lines: readonly Line[]): string[] {
  return lines.flatMap(({ place, text }) =>
    bannedTerms.flatMap(([term, plain]) => {
      const found = term.exec(text)
      return found ? [`${place}: "${found[0]}", say: ${plain}`] : []
    }),
  )
}

test('comments and texts use the words of the field', () => {
  expect(sources.flatMap((file) => faultsIn(proseOf(file)))).toEqual([])
})

test('documents use the words of the field', () => {
  const lines = documents.filter((file) => !exempt.has(file)).flatMap(linesOf)
  expect(faultsIn(lines)).toEqual([])
})

/** Names that the wire, a table, Fastify or a standard gives. */
const givenNames = new Set(['done', 'suppressed', 'posted', 'refused', 'unanswered', 'hidden'])

function isParticiple(name: string): boolean {
  if (givenNames.has(name) || nounsInEd.includes(name)) return false
  return irregularParticiples.includes(name) || /^[a-z]{3,}ed$/.test(name)
}

function* declarationsIn(file: string): Generator<Line> {
  const text = readFileSync(file, 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const nodes: ts.Node[] = [source]
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    node.forEachChild((child) => void nodes.push(child))
    const name = nameOf(node)
    if (name === undefined) continue
    const line = source.getLineAndCharacterOfPosition(name.getStart()).line + 1
    yield { place: `${file}:${line}`, text: name.text }
  }
}

function nameOf(node: ts.Node): ts.Identifier | undefined {
  const isLocal =
    ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node)
  const isNamed =
    isLocal ||
    ts.isFunctionDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isClassDeclaration(node)
  // A binding without a name of its own has the name of the member that it takes.
  if (ts.isBindingElement(node) && !node.propertyName) return undefined
  return isNamed && node.name && ts.isIdentifier(node.name) ? node.name : undefined
}

test('no declaration is named by a bare participle or a private word', () => {
  const faults = sources.flatMap((file) =>
    [...declarationsIn(file)].flatMap(({ place, text }) => {
      if (isParticiple(text)) return [`${place}: ${text} is a participle without its noun`]
      const banned = bannedIdentifiers.find(([name]) => name.test(text))
      return banned ? [`${place}: ${text}, say: ${banned[1]}`] : []
    }),
  )
  expect(faults).toEqual([])
})

/** Tables, JSON, addresses, generated lists and titles of tests have no place to break. */
const unbreakable =
  /biome-ignore|^\s*\||^`\{|^\*challenge\*|https?:\/\/\S{60,}|[A-Za-z0-9+/=_-]{90,}|^ *(?:test|it|describe)\b.*=> \{$/
const isUnbreakable = ({ text }: Line) => unbreakable.test(text)

test('no line of src, clients, a comment or a document is longer than 100 characters', () => {
  const inCode = new Set<string>()
  for (const file of documents) {
    let isCode = false
    for (const { place, text } of linesOf(file)) {
      if (/^\s*```/.test(text)) isCode = !isCode
      if (isCode) inCode.add(place)
    }
  }
  const isOurs = (file: string) => /^(?:src|clients)\//.test(file)
  const comments = sources.filter((file) => !isOurs(file)).flatMap(linesOf)
  const long = [...sources.filter(isOurs), ...documents]
    .flatMap(linesOf)
    .concat(comments.filter(({ text }) => /^\s*(?:\/\/|\/?\*)/.test(text)))
    .filter((line) => line.text.length > 100 && !isUnbreakable(line) && !inCode.has(line.place))
  expect(long.map(({ place }) => place)).toEqual([])
})
