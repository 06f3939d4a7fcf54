// The refusals of the routes, read from the source: the codes of every `refuse` that a handler can
// reach.

import path from 'node:path'
import ts from 'typescript'

const project = path.resolve(import.meta.dirname, '../..')
const inner = /\/src\/(usecases|domain)\//
const routes = /\/src\/http\/routes\//
/** A code of this type is not a literal: a refusal that is passed on, not created. */
const anyCode = 40

export type RouteRefusals = {
  readonly operationId: string
  readonly codes: ReadonlySet<string>
}

/**
 * Every route with the refusals that its use cases and their rules create, anywhere in them.
 * Refusals of stores are not included.
 */
export function routeRefusals(): RouteRefusals[] {
  const { config } = ts.readConfigFile(path.join(project, 'tsconfig.json'), ts.sys.readFile)
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, project)
  const sources = fileNames.filter((file) => inner.test(file) || routes.test(file))
  const program = ts.createProgram(sources, options)
  const reader = createReader(program.getTypeChecker(), program.getSourceFiles())
  return program
    .getSourceFiles()
    .filter(({ fileName }) => routes.test(fileName))
    .flatMap((file) => descendants(file).flatMap((node) => reader.routeAt(node)))
}

function descendants(node: ts.Node): ts.Node[] {
  const nodes: ts.Node[] = []
  const visit = (one: ts.Node): void => {
    nodes.push(one)
    ts.forEachChild(one, visit)
  }
  ts.forEachChild(node, visit)
  return nodes
}

function createReader(checker: ts.TypeChecker, files: readonly ts.SourceFile[]) {
  const useCases = new Map(
    files
      .filter(({ fileName }) => /\/src\/usecases\//.test(fileName))
      .flatMap((file) => file.statements.filter(ts.isFunctionDeclaration))
      .map((one) => [one.name?.text ?? '', one] as const),
  )

  function declarationOf(node: ts.Node): ts.Declaration | undefined {
    const symbol = checker.getSymbolAtLocation(node)
    const isAlias = symbol && (symbol.flags & ts.SymbolFlags.Alias) !== 0
    return (isAlias ? checker.getAliasedSymbol(symbol) : symbol)?.valueDeclaration
  }

  /** The function that a name refers to. */
  function functionOf(node: ts.Node): ts.FunctionLikeDeclaration | undefined {
    const declaration = ts.isIdentifier(node) ? declarationOf(node) : undefined
    if (!declaration) return undefined
    if (ts.isFunctionDeclaration(declaration)) return declaration
    const value = ts.isVariableDeclaration(declaration) ? declaration.initializer : undefined
    return value && ts.isArrowFunction(value) ? value : undefined
  }

  function codesAt(node: ts.Node): string[] {
    if (!ts.isCallExpression(node) || node.expression.getText() !== 'refuse') return []
    const [code] = node.arguments
    if (!code) return []
    const type = checker.getTypeAtLocation(code)
    const types = type.isUnion() ? type.types : [type]
    return types.length > anyCode
      ? []
      : types.flatMap((one) => (one.isStringLiteral() ? one.value : []))
  }

  function collect(
    body: ts.Node,
    seenNodes: Set<ts.Node>,
    enters: (declaration: ts.Node) => boolean,
    take: (node: ts.Node) => void,
  ): void {
    for (const node of descendants(body)) {
      take(node)
      const next = functionOf(node)
      if (!next || seenNodes.has(next) || !enters(next)) continue
      seenNodes.add(next)
      collect(next, seenNodes, enters, take)
    }
  }

  function routeAt(node: ts.Node): RouteRefusals[] {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return []
    const isRoute = /^(get|post|put|patch|delete)$/.test(node.expression.name.text)
    const [, schemaNode, handler] = node.arguments
    if (!isRoute || !schemaNode || !handler) return []
    const operationId = operationIdIn(schemaNode)
    if (operationId === undefined) return []
    const file = node.getSourceFile()
    const codes = new Set<string>()
    const begin = (one: ts.Node) => {
      const isUse = ts.isPropertyAccessExpression(one) && one.expression.getText() === 'useCases'
      const useCase = isUse ? useCases.get(one.name.text) : undefined
      const add = (inside: ts.Node) => {
        for (const code of codesAt(inside)) codes.add(code)
      }
      const isInner = (declaration: ts.Node) => inner.test(declaration.getSourceFile().fileName)
      if (useCase) collect(useCase, new Set([useCase]), isInner, add)
    }
    collect(handler, new Set(), (declaration) => declaration.getSourceFile() === file, begin)
    return [{ operationId, codes }]
  }

  function operationIdIn(schemaNode: ts.Node): string | undefined {
    const properties = descendants(schemaNode).flatMap((one) => {
      const declaration = ts.isIdentifier(one) ? declarationOf(one) : undefined
      return declaration && ts.isVariableDeclaration(declaration) ? descendants(declaration) : one
    })
    const property = [...properties].find(
      (one): one is ts.PropertyAssignment =>
        ts.isPropertyAssignment(one) && one.name.getText() === 'operationId',
    )
    return property && ts.isStringLiteral(property.initializer)
      ? property.initializer.text
      : undefined
  }

  return { routeAt }
}
