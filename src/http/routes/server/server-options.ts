import type { KeyGuard } from '../../plugins/api-key.ts'
import type { ServerLimits } from '../../server-limits.ts'
import type { UseCases } from '../../use-cases.ts'

/** Dependencies of the routes of the server API. */
export type ServerOptions = {
  readonly useCases: UseCases
  readonly key: KeyGuard
  readonly limits: ServerLimits
  /** True once the process stops: streams end instead of waiting on. */
  readonly stopping: () => boolean
}
