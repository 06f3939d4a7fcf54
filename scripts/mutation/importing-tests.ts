import { globSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

/** The modules of the project that a file loads; types are erased and load nothing. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const names: string[] = []
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node) && node.importClause?.phaseModifier !== typeOnly) {
      names.push((node.moduleSpecifier as ts.StringLiteral).text)
    }
    if (ts.isExportDeclaration(node) && !node.isTypeOnly && node.moduleSpecifier) {
      names.push((node.moduleSpecifier as ts.StringLiteral).text)
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [name] = node.arguments
      if (name && ts.isStringLiteralLike(name)) names.push(name.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
    .filter((name) => name.startsWith('.'))
    .map((name) => path.join(path.dirname(file), name))
}

const typeOnly = ts.SyntaxKind.TypeKeyword

/** For each module of the project, who loads it. */
function importersOf(root: string): ReadonlyMap<string, readonly string[]> {
  const folders = '{src,test,simulator,demo,bench,clients,examples,scripts}'
  const files = globSync(`${folders}/**/*.ts`, { cwd: root })
  const importers = new Map<string, string[]>()
  for (const file of files.filter((one) => !one.startsWith('src/generated/'))) {
    for (const target of importsOf(path.join(root, file))) {
      const name = path.relative(root, target)
      importers.set(name, [...(importers.get(name) ?? []), file])
    }
  }
  return importers
}

type Distance = ReadonlyMap<string, number>

function distancesFrom(file: string, importers: ReadonlyMap<string, readonly string[]>): Distance {
  const distances = new Map([[file, 0]])
  for (const [name, distance] of distances) {
    for (const importer of importers.get(name) ?? []) {
      if (!distances.has(importer)) distances.set(importer, distance + 1)
    }
  }
  return distances
}

const nounOf = (file: string) => file.split('/')[1] ?? ''
const wordsOf = (file: string) =>
  (path.basename(file).split('.')[0] ?? '').split('-').map((word) => word.replace(/s$/, ''))

/** How many words of the name of one are in that of the other. */
function commonWords(one: string, other: string): number {
  const words = wordsOf(other)
  return wordsOf(one).filter((word) => words.includes(word)).length
}

/**
 * Finds the test files that load a file, nearest first: those named like it, those of its
 * noun, then by the number of imports between, then the shorter one.
 */
export function findImportingTests(root: string): (file: string) => string[] {
  const importers = importersOf(root)
  const sizeOf = (test: string) => statSync(path.join(root, test)).size
  return (file) => {
    const distances = distancesFrom(file, importers)
    const tests = [...distances.keys()].filter((name) => /^test\/.*\.test\.ts$/.test(name))
    const rank = (test: string) => [
      -2 * commonWords(file, test) - Number(nounOf(test) === nounOf(file)),
      distances.get(test) ?? 0,
      sizeOf(test),
    ]
    const ranks = new Map(tests.map((test) => [test, rank(test)]))
    return tests.toSorted((a, b) => compare(ranks.get(a) ?? [], ranks.get(b) ?? []))
  }
}

function compare(one: readonly number[], other: readonly number[]): number {
  const index = one.findIndex((value, at) => value !== other[at])
  return index === -1 ? 0 : (one[index] ?? 0) - (other[index] ?? 0)
}
