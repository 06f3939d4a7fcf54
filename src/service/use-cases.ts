import type { Bound } from '../platform/bound.ts'
import type * as useCases from './all-use-cases.ts'

/** What the routes can do. */
export type UseCases = Bound<typeof useCases>
