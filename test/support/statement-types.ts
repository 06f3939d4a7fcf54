// The types of the statements in the code, as the compiler sees them.

import path from 'node:path'
import ts from 'typescript'

/**
 * The possible kinds of a member: `string`, `number`, `boolean`, `Date`, `bytes`, `array`, `json`,
 * `null`, `any`.
 */
export type Kinds = ReadonlySet<string>
export type Members = ReadonlyMap<string, Kinds>

/** One call of `statement<Params, Row>(name, text)`. */
export type TypedStatement = {
  /** File and line. */
  readonly place: string
  /** Matches the names of the statements that the call defines. */
  readonly names: RegExp
  readonly params: Members
  readonly row: Members
}

/** Reads every definition of a statement under these folders of `src`. */
export function typedStatements(folder: string): TypedStatement[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    'tsconfig.json',
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
        throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'))
      },
    },
  )
  if (!config) throw new Error('tsconfig.json cannot be read')
  const root = path.resolve(folder)
  const files = config.fileNames.filter((file) => path.resolve(file).startsWith(`${root}/`))
  const program = ts.createProgram(files, config.options)
  const checker = program.getTypeChecker()
  const statements: TypedStatement[] = []
  for (const file of program.getSourceFiles()) {
    if (!file.fileName.startsWith(`${root}/`)) continue
    const visit = (node: ts.Node): void => {
      const statement = definitionOf(checker, file, node)
      if (statement) statements.push(statement)
      ts.forEachChild(node, visit)
    }
    visit(file)
  }
  return statements
}

function definitionOf(
  checker: ts.TypeChecker,
  file: ts.SourceFile,
  node: ts.Node,
): TypedStatement | undefined {
  if (!ts.isCallExpression(node) || node.expression.getText(file) !== 'statement') return undefined
  const [params, row] = node.typeArguments ?? []
  const [name] = node.arguments
  const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1
  const place = `${path.relative('.', file.fileName)}:${line}`
  if (!params || !name) throw new Error(`${place}: a statement without types`)
  return {
    place,
    names: namePattern(name, place),
    params: membersOf(checker, params),
    row: row ? membersOf(checker, row) : new Map(),
  }
}

/** A name that is composed at run time matches any inserted text. */
function namePattern(name: ts.Expression, place: string): RegExp {
  if (ts.isStringLiteralLike(name)) return new RegExp(`^${name.text}$`)
  if (ts.isTemplateExpression(name)) {
    const texts = [name.head, ...name.templateSpans.map(({ literal }) => literal)]
    return new RegExp(`^${texts.map(({ text }) => text).join('.+')}$`)
  }
  throw new Error(`${place}: the name of a statement must be a text or a template`)
}

function membersOf(checker: ts.TypeChecker, node: ts.TypeNode): Members {
  const type = checker.getTypeFromTypeNode(node)
  return new Map(
    type
      .getProperties()
      .map((member) => [
        member.name,
        kindsOf(checker, checker.getTypeOfSymbolAtLocation(member, node)),
      ]),
  )
}

const primitives = [
  [ts.TypeFlags.Any | ts.TypeFlags.Unknown, 'any'],
  [ts.TypeFlags.Null, 'null'],
  [ts.TypeFlags.BooleanLike, 'boolean'],
  [ts.TypeFlags.NumberLike, 'number'],
  [ts.TypeFlags.StringLike | ts.TypeFlags.TemplateLiteral, 'string'],
] as const

function kindsOf(checker: ts.TypeChecker, type: ts.Type): Kinds {
  const kinds = new Set<string>()
  const add = (one: ts.Type): void => {
    const parts = one.isUnion() ? one.types : []
    parts.forEach(add)
    if (one.isUnion()) return
    const primitive = primitives.find(([flags]) => (one.flags & flags) !== 0)
    const name = checker.typeToString(one)
    if (primitive) kinds.add(primitive[1])
    else if (name === 'Date') kinds.add('Date')
    else if (/^(Buffer|Uint8Array)/.test(name)) kinds.add('bytes')
    else if (checker.isArrayType(one) || checker.isTupleType(one)) kinds.add('array')
    // A branded text: `string & { ... }`.
    else if (one.isIntersection()) one.types.slice(0, 1).forEach(add)
    else kinds.add('json')
  }
  add(type)
  return kinds
}
