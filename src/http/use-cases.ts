import type { Bound } from '../usecases/bound.ts'
import type * as useCases from '../usecases/nouns/all.ts'

/** What the routes can do. */
export type UseCases = Bound<typeof useCases>
