// Use cases with their dependencies already given, as the routes get them.

type UseCase = (dependencies: never, ...parameters: never[]) => unknown

/** A use case without its first parameter, its dependencies. */
type BoundUseCase<U> = U extends (dependencies: never, ...parameters: infer P) => infer Result
  ? (...parameters: P) => Result
  : never

/** Use cases by name, without their dependencies; `UseCases` is a module that exports them. */
export type Bound<UseCases> = { readonly [Name in keyof UseCases]: BoundUseCase<UseCases[Name]> }

type Intersection<Union> = (Union extends unknown ? (each: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never

/** What all of these use cases together depend on. */
export type DependenciesOf<UseCases extends object> = Intersection<
  UseCases[keyof UseCases] extends infer U
    ? U extends (dependencies: infer Dependencies, ...parameters: never[]) => unknown
      ? Dependencies
      : never
    : never
>

/**
 * Gives every use case of a module its dependencies. A dependency that is missing does not compile.
 */
export function bind<UseCases extends Readonly<Record<string, UseCase>>>(
  useCases: UseCases,
  dependencies: DependenciesOf<UseCases>,
): Bound<UseCases> {
  const calls = Object.entries(useCases).map(([name, useCase]) => [
    name,
    (...parameters: never[]) => useCase(dependencies as never, ...parameters),
  ])
  return Object.fromEntries(calls) as Bound<UseCases>
}
