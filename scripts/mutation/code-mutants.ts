import ts from 'typescript'
import type { Mutant } from './mutant.ts'
import { isSql, sqlMutants } from './sql-mutants.ts'

type Rule = (node: ts.Node) => readonly Mutant[]

const otherOperator = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
  [ts.SyntaxKind.MinusToken, '+'],
  [ts.SyntaxKind.PlusToken, '-'],
  [ts.SyntaxKind.AsteriskToken, '/'],
  [ts.SyntaxKind.SlashToken, '*'],
  [ts.SyntaxKind.PercentToken, '*'],
  [ts.SyntaxKind.PlusEqualsToken, '-='],
  [ts.SyntaxKind.MinusEqualsToken, '+='],
])

const otherMethod: Record<string, string> = {
  some: 'every',
  every: 'some',
  min: 'max',
  max: 'min',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
}

/** Methods whose result may stand for what they were called on. */
const omissible = new Set(
  'filter sort toSorted reverse toReversed trim normalize toLowerCase toUpperCase'.split(' '),
)

const replace = (change: string, node: ts.Node, replacement: string): Mutant => ({
  change,
  start: node.getStart(),
  end: node.getEnd(),
  replacement,
})

const isText = (node: ts.Node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)

const operators: Rule = (node) => {
  if (!ts.isBinaryExpression(node)) return []
  const { left, operatorToken, right } = node
  if (operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) {
    return [replace('default removed', node, `(${left.getText()})`)]
  }
  const other = otherOperator.get(operatorToken.kind)
  if (other === undefined || isText(left) || isText(right)) return []
  return [replace('operator', operatorToken, other)]
}

const negations: Rule = (node) =>
  ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken
    ? [replace('negation removed', node, node.operand.getText())]
    : []

const choices: Rule = (node) =>
  ts.isConditionalExpression(node)
    ? [node.whenTrue, node.whenFalse].map((one) => replace('choice', node, `(${one.getText()})`))
    : []

function leaves(statement: ts.Statement): boolean {
  const last = ts.isBlock(statement) ? statement.statements.at(-1) : statement
  if (last === undefined) return false
  return (
    ts.isReturnStatement(last) ||
    ts.isThrowStatement(last) ||
    ts.isContinueStatement(last) ||
    ts.isBreakStatement(last)
  )
}

const guards: Rule = (node) => {
  if (!ts.isIfStatement(node)) return []
  const { expression, thenStatement, elseStatement } = node
  if (leaves(thenStatement)) {
    return [replace('guard removed', node, elseStatement?.getText() ?? '{}')]
  }
  return ['true', 'false'].map((constant) => replace('condition', expression, constant))
}

const constants: Rule = (node) => {
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [replace('constant', node, 'false')]
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [replace('constant', node, 'true')]
  if (!ts.isNumericLiteral(node)) return []
  return [replace('constant', node, `${Number(node.text) + 1}`)]
}

const statements: Rule = (node) =>
  ts.isExpressionStatement(node) && !ts.isStringLiteral(node.expression)
    ? [replace('statement removed', node, '{}')]
    : []

const methods: Rule = (node) => {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return []
  const { name, expression } = node.expression
  const other = Object.hasOwn(otherMethod, name.text) ? otherMethod[name.text] : undefined
  if (other !== undefined) return [replace('method', name, other)]
  return omissible.has(name.text) ? [replace('call removed', node, expression.getText())] : []
}

/** The text between the quotes of a template, with its holes masked, so that positions stay. */
function withoutHoles(node: ts.TemplateLiteral): string {
  let text = node.getText().slice(1, -1)
  if (ts.isNoSubstitutionTemplateLiteral(node)) return text
  const origin = node.getStart() + 1
  for (const { expression } of node.templateSpans) {
    const start = expression.getFullStart() - origin - '${'.length
    const end = expression.getEnd() - origin + '}'.length
    text = text.slice(0, start) + 'x'.repeat(end - start) + text.slice(end)
  }
  return text
}

const sql: Rule = (node) => {
  if (!ts.isTemplateLiteral(node)) return []
  const text = withoutHoles(node)
  if (!isSql(text)) return []
  const origin = node.getStart() + 1
  return sqlMutants(text).map(({ start, end, ...rest }) => ({
    ...rest,
    start: start + origin,
    end: end + origin,
  }))
}

const code = [operators, negations, choices, guards, constants, statements, methods]

/**
 * All mutants of a file, in their order. Types and imports have none. Only a file of SQL has
 * templates that are mutated.
 */
export function mutantsOf(file: string, text: string): Mutant[] {
  const rules = file.endsWith('.sql.ts') ? [...code, sql] : code
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const mutants: Mutant[] = []
  const visit = (node: ts.Node) => {
    if (ts.isTypeNode(node) || ts.isTypeAliasDeclaration(node) || ts.isImportDeclaration(node)) {
      return
    }
    mutants.push(...rules.flatMap((rule) => rule(node)))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return mutants.toSorted((a, b) => a.start - b.start)
}
