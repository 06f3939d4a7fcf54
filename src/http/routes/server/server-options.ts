import type { KeyGuard } from '../../plugins/api-key.ts'
import type { ServerLimits } from '../../server-limits.ts'
import type { UseCases } from '../../use-cases.ts'

/** What the routes of the server API get. */
export type ServerOptions = {
  readonly useCases: UseCases
  readonly key: KeyGuard
  readonly limits: ServerLimits
  /** True once the process stops: streams end instead of waiting on. */
  readonly stopping: () => boolean
}
