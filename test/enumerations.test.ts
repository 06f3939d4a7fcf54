// A set of words has one list, in src/domain; types and schemas are derived from it.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '..')
const sources = execFileSync('git', ['ls-files', 'src/*.ts'], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n')
/** Two words may meet twice by chance. */
const wordsMin = 3
const picks = ['Pick', 'Omit', 'Exclude', 'Extract']
const refusals = ['Refusal', 'QuestionRefusal', 'Guarded']

/** The words of a union of literals, or of a list of them; undefined for anything else. */
function wordsOf(node: ts.Node): string[] | undefined {
  const parts = ts.isUnionTypeNode(node)
    ? node.types.map((type) => (ts.isLiteralTypeNode(type) ? type.literal : type))
    : ts.isArrayLiteralExpression(node)
      ? [...node.elements]
      : []
  const words = parts.flatMap((part) => (ts.isStringLiteral(part) ? part.text : []))
  return words.length >= wordsMin && words.length === parts.length ? words : undefined
}

/**
 * Members picked from a type are chosen anew each time, and so are refusals: the compiler compares
 * those of a use case with those of its route.
 */
const isSelection = (node: ts.Node) =>
  (ts.isTypeReferenceNode(node) && [...picks, ...refusals].includes(node.typeName.getText())) ||
  (ts.isPropertyAssignment(node) && node.name.getText() === 'refusals') ||
  (ts.isVariableDeclaration(node) && /refusals$/i.test(node.name.getText()))

/** Where each set of words is written. */
function listsIn(files: readonly string[]): Map<string, string[]> {
  const places = new Map<string, string[]>()
  for (const file of files) {
    const source = ts.createSourceFile(
      file,
      readFileSync(path.join(root, file), 'utf8'),
      ts.ScriptTarget.Latest,
      true,
    )
    const visit = (node: ts.Node): void => {
      if (isSelection(node)) return
      const words = wordsOf(node)
      if (words) {
        const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1
        const name = words.toSorted().join()
        places.set(name, [...(places.get(name) ?? []), `${file}:${line}`])
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return places
}

test('no set of words is written twice', () => {
  const lists = listsIn(sources)
  expect(lists.size).toBeGreaterThan(20)
  expect([...lists].filter(([, places]) => places.length > 1)).toEqual([])
})
