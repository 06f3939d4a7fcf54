import type { ServerLimits } from '../platform/http/server-limits.ts'
import type { UseCases } from '../service/use-cases.ts'
import type { KeyGuard } from './api-key.guard.ts'

/** Dependencies of the routes of the server API. */
export type ServerOptions = {
  readonly useCases: UseCases
  readonly key: KeyGuard
  readonly limits: ServerLimits
  /** True once the process stops: streams end instead of waiting on. */
  readonly stopping: () => boolean
}
